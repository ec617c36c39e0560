/**
 * Publishes what the ledger decided: reads its outbox in order, writes to the sink, and only then lets the
 * ledger forget. What a crash leaves in the outbox goes out at the next start.
 */
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { ResultSink } from '../ports/result-sink.ts';

const groupSize = 512;
/** A short wait lets decisions gather, so that one sync serves many. */
const defaultBatchDelayMs = 25;

export interface OutboxRelay {
  /** There may be something new. Cheap; call it as often as you like. */
  notify(): void;
  /** Publishes what is there now and everything that comes until the outbox is found empty. */
  flush(): Promise<void>;
  /** Resolves when everything that was decided before is surely published. */
  published(): Promise<void>;
  /** Publishes in the background until `stop`; rejects when publishing failed. */
  readonly running: Promise<void>;
  stop(): Promise<void>;
}

export function createOutboxRelay(deps: { ledger: Ledger; sink: ResultSink; clock: Clock; batchDelayMs?: number }): OutboxRelay {
  const { ledger, sink, clock, batchDelayMs: gatherMs = defaultBatchDelayMs } = deps;
  let waiting: PromiseWithResolvers<void>[] = [];
  let failure: { readonly cause: unknown } | undefined;
  let wake: (() => void) | undefined;
  let poked = true;
  let stopping = false;
  let turn: Promise<void> = Promise.resolve();

  const publishGroup = async (): Promise<number> => {
    const entries = await ledger.outbox({ limit: groupSize });
    if (entries.length === 0) return 0;
    const { mark } = await sink.publish(entries);
    await ledger.published({ numbers: entries.map((entry) => entry.number), mark });
    return entries.length;
  };
  const publishAll = async (before: Promise<void>): Promise<void> => {
    await before;
    while ((await publishGroup()) === groupSize);
  };
  /** One at a time: two readers of the outbox would publish the same events twice. */
  const drain = (): Promise<void> => {
    const mine = publishAll(turn);
    turn = mine.catch(() => undefined);
    return mine;
  };
  /** Only who waited before it began may be told by its end. */
  const drainFor = async (): Promise<void> => {
    const served = waiting;
    waiting = [];
    try {
      await drain();
      for (const one of served) one.resolve();
    } catch (cause) {
      failure = { cause };
      for (const one of [...served, ...waiting]) one.reject(cause);
      throw cause;
    }
  };
  const loop = async (): Promise<void> => {
    while (!stopping) {
      if (!poked) await new Promise<void>((resolve) => (wake = resolve));
      wake = undefined;
      poked = false;
      if (!stopping) await clock.sleep(gatherMs);
      await drainFor();
    }
    await drainFor();
  };
  const running = loop();
  // Whoever awaits `running` or `stop` gets the failure; until then it is not an unhandled one.
  running.catch(() => undefined);

  return {
    notify() {
      poked = true;
      wake?.();
    },
    flush: drain,
    published() {
      poked = true;
      wake?.();
      if (failure !== undefined) return Promise.reject(failure.cause as Error);
      const one = Promise.withResolvers<void>();
      waiting.push(one);
      return one.promise;
    },
    running,
    stop() {
      stopping = true;
      poked = true;
      wake?.();
      return running;
    },
  };
}
