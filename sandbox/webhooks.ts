/**
 * Webhooks: one heap of what is due and one alarm for all sessions.
 *
 * A webhook that is not answered with a 2xx is sent again, the same bytes, after growing gaps of 1 s to 15 minutes
 * and never later than 30 minutes after the first time. Each body shows its session as it was at the event, so
 * nothing has to be kept for a repetition.
 */
import type { Clock } from './clock.ts';
import type { DrawChance } from './seeded-random.ts';
import type { Delivery } from './delivery.ts';
import { createDueHeap } from './due-heap.ts';
import { meetWebhook } from './faults.ts';
import type { FaultRates } from './faults.ts';
import { eventsOf } from './lifecycle.ts';
import type { LifeEvent } from './lifecycle.ts';
import type { SessionListener } from './methods.ts';
import type { Session } from './sessions.ts';

const firstGapMs = 1000;
const gapGrowth = 3;
const longestGapMs = 15 * 60_000;
const givesUpAfterMs = 30 * 60_000;
const concurrency = 32;

/** @property index which event of its life, counted as `eventsOf` does */
interface Due {
  readonly dueAtMs: number;
  readonly session: Session;
  readonly index: number;
  readonly event: LifeEvent;
  readonly tries: number;
  readonly firstTriedAtMs: number;
  readonly repetition: boolean;
}

export interface WebhookDeps {
  readonly clock: Clock;
  readonly settleMs: number;
  readonly faults: FaultRates;
  readonly drawChance: DrawChance;
  readonly delivery: Delivery;
  /** The session as it was shown at that time, as JSON. */
  readonly render: (session: Session, atMs: number) => string;
  readonly log: (message: string) => void;
}

export interface Webhooks extends SessionListener {
  close(): void;
}

export function createWebhooks(deps: WebhookDeps): Webhooks {
  const { clock, settleMs, faults, drawChance, delivery, render, log } = deps;
  const heap = createDueHeap<Due>();
  let inFlight = 0;
  let closed = false;
  let alarm: { readonly atMs: number; readonly cancel: () => void } | undefined;

  function push(due: Due): void {
    heap.push(due);
    arm();
  }

  function arm(): void {
    const nextMs = heap.nextDueAtMs();
    // With all places taken the next completion pumps again.
    if (closed || nextMs === undefined || inFlight >= concurrency || (alarm !== undefined && alarm.atMs <= nextMs)) return;
    alarm?.cancel();
    alarm = {
      atMs: nextMs,
      cancel: clock.setAlarm(Math.max(0, nextMs - clock.nowMs()), () => {
        alarm = undefined;
        pump();
      }),
    };
  }

  function pump(): void {
    const nowMs = clock.nowMs();
    while (!closed && inFlight < concurrency && (heap.nextDueAtMs() ?? Infinity) <= nowMs) {
      const due = heap.pop();
      if (due !== undefined) attend(due, nowMs);
    }
    arm();
  }

  function schedule(session: Session, index: number): void {
    const event = eventsOf(session, settleMs)[index];
    if (event !== undefined) push({ dueAtMs: event.atMs, session, index, event, tries: 0, firstTriedAtMs: 0, repetition: false });
  }

  function attend(due: Due, nowMs: number): void {
    if (due.tries === 0 && !due.repetition) {
      // A decision has overtaken this event: its successor was put into the heap by `decided`.
      if (eventsOf(due.session, settleMs)[due.index]?.atMs !== due.event.atMs) return;
      const overtaken = due.event.type === 'ready_to_confirm' && due.session.decision !== 'none';
      if (!overtaken) schedule(due.session, due.index + 1);
      if (fate(due).lost) return log(`webhook ${due.event.type} of ${due.session.id} is lost`);
    }
    inFlight += 1;
    // Whoever is asked sees the question, also when the decision fell at the same instant.
    const shown: Session = due.event.type === 'ready_to_confirm' ? { ...due.session, decision: 'none' } : due.session;
    const body = Buffer.from(`{"type":"${due.event.type}","session":${render(shown, due.event.atMs)}}`);
    void finish(due.tries === 0 ? { ...due, firstTriedAtMs: nowMs } : due, body);
  }

  /** Never rejects, as no delivery does. */
  async function finish(due: Due, body: Buffer): Promise<void> {
    const answer = await delivery.post(body);
    inFlight -= 1;
    if (closed) return;
    if (answer.taken) taken(due);
    else again(due, answer.why);
    pump();
  }

  const fate = ({ session, index }: Due): ReturnType<typeof meetWebhook> => meetWebhook(faults, drawChance('webhook', session.id, index));

  function taken(due: Due): void {
    const { repeatAfterMs } = fate(due);
    if (due.repetition || repeatAfterMs === undefined) return;
    push({ ...due, dueAtMs: clock.nowMs() + repeatAfterMs, tries: 0, repetition: true });
  }

  function again(due: Due, why: string): void {
    const gapMs = Math.min(firstGapMs * gapGrowth ** due.tries, longestGapMs);
    const dueAtMs = clock.nowMs() + gapMs;
    const ends = dueAtMs - due.firstTriedAtMs > givesUpAfterMs;
    log(`webhook ${due.event.type} of ${due.session.id}: ${why}; ${ends ? 'given up' : `again in ${gapMs} ms`}`);
    if (!ends) push({ ...due, dueAtMs, tries: due.tries + 1 });
  }

  return {
    recorded: (session) => schedule(session, 0),
    decided: (session) => schedule(session, 1),
    close() {
      closed = true;
      alarm?.cancel();
      delivery.close();
    },
  };
}
