/** Publishes events at a steady rate: each has its moment, whether or not what came before was fast. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { InstructionMessage } from './events.ts';
import type { EventProducer } from './topics.ts';

const tickMs = 20;
/** What may be on its way to the broker at once, in seconds' worth of events. */
const mostOnTheWaySeconds = 5;

export interface Paced {
  /** How much later than due an event was handed to the client, at worst. */
  readonly lateMs: number;
  /** From the first event's moment until the broker had acknowledged the last. */
  readonly seconds: number;
}

/**
 * @param dueAt takes each event's moment, which is also its timestamp
 * @param at called once when the moments of this share of the events have come
 */
export async function publishSteadily(params: {
  readonly producer: EventProducer;
  readonly messages: Iterator<InstructionMessage>;
  readonly rate: number;
  readonly dueAt: Float64Array;
  readonly startAt: number;
  readonly at: { readonly share: number; readonly call: () => void };
}): Promise<Paced> {
  const { producer, messages, rate, dueAt, startAt, at } = params;
  const total = dueAt.length;
  const sending = new Set<Promise<void>>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  let onTheWay = 0;
  let made = 0;
  let lateMs = 0;
  let called = false;

  const send = (batch: readonly (InstructionMessage & { readonly timestamp: string })[]): void => {
    onTheWay += batch.length;
    const one = producer.send(batch).then(
      () => {
        onTheWay -= batch.length;
        sending.delete(one);
      },
      (cause: unknown) => failed.reject(cause),
    );
    sending.add(one);
  };

  while (made < total) {
    const now = Date.now();
    const due = Math.min(total, Math.floor(((now - startAt) * rate) / 1000) + 1);
    const batch: (InstructionMessage & { readonly timestamp: string })[] = [];
    while (made < due) {
      const next = messages.next();
      if (next.done === true) throw new Error(`only ${made} events to publish instead of ${total}`);
      const moment = Math.floor(startAt + (made * 1000) / rate);
      dueAt[made] = moment;
      batch.push({ ...next.value, timestamp: String(moment) });
      lateMs = Math.max(lateMs, now - moment);
      made += 1;
    }
    if (batch.length > 0) send(batch);
    if (!called && made >= at.share * total) {
      called = true;
      at.call();
    }
    while (onTheWay > mostOnTheWaySeconds * rate) await Promise.race([...sending, failed.promise]);
    await Promise.race([sleep(tickMs), failed.promise]);
  }
  await Promise.race([Promise.all(sending), failed.promise]);
  return { lateMs, seconds: (Date.now() - startAt) / 1000 };
}
