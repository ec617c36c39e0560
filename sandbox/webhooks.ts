/**
 * Webhooks: one heap of due webhooks and one alarm for all sessions.
 *
 * A webhook without a 2xx response is sent again, the same bytes, after growing gaps of 1 s to 15 minutes, for at most
 * 30 minutes. Each body shows its session as it was at the event, so a repetition needs no stored bytes.
 */
import type { Clock } from './clock.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { Delivery } from './delivery.ts';
import { createDueHeap } from './due-heap.ts';
import { applyWebhookFaults } from './faults.ts';
import type { FaultRates } from './faults.ts';
import { eventsOf } from './lifecycle.ts';
import type { SessionEvent } from './lifecycle.ts';
import type { SessionListener } from './methods.ts';
import type { Session } from './sessions.ts';

const firstGapMs = 1000;
const gapGrowth = 3;
const longestGapMs = 15 * 60_000;
const givesUpAfterMs = 30 * 60_000;
const concurrency = 32;

/** @property index number of the event in `eventsOf` */
interface Due {
  readonly dueAtMs: number;
  readonly session: Session;
  readonly index: number;
  readonly event: SessionEvent;
  readonly tries: number;
  readonly firstTriedAtMs: number;
  readonly repetition: boolean;
  /** It was held back once. */
  readonly isLate: boolean;
}

export interface WebhookDeps {
  readonly clock: Clock;
  readonly settleMs: number;
  readonly faults: FaultRates;
  readonly random: SeededRandom;
  readonly delivery: Delivery;
  /** The session at that time, as JSON. */
  readonly render: (session: Session, atMs: number) => string;
  readonly log: (message: string) => void;
}

export interface Webhooks extends SessionListener {
  close(): void;
}

export function createWebhooks(deps: WebhookDeps): Webhooks {
  const { clock, settleMs, faults, random: random, delivery, render, log } = deps;
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
    // At the limit of concurrency the next completion pumps again.
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
      if (due !== undefined) deliver(due, nowMs);
    }
    arm();
  }

  function schedule(session: Session, index: number): void {
    const event = eventsOf(session, settleMs)[index];
    if (event !== undefined)
      push({ dueAtMs: event.atMs, session, index, event, tries: 0, firstTriedAtMs: 0, repetition: false, isLate: false });
  }

  function deliver(due: Due, nowMs: number): void {
    if (due.tries === 0 && !due.repetition && !due.isLate) {
      // A decision has replaced this event: `decided` has scheduled its successor.
      if (eventsOf(due.session, settleMs)[due.index]?.atMs !== due.event.atMs) return;
      const isReplaced = due.event.type === 'ready_to_confirm' && due.session.decision !== 'none';
      if (!isReplaced) schedule(due.session, due.index + 1);
      const { lost, lateMs } = faultsOf(due);
      if (lost) return log(`webhook ${due.event.type} of ${due.session.id} is lost`);
      if (lateMs > 0) return push({ ...due, dueAtMs: nowMs + lateMs, isLate: true });
    }
    inFlight += 1;
    // The webhook asks for the confirmation, also when the decision came at the same instant.
    const shown: Session = due.event.type === 'ready_to_confirm' ? { ...due.session, decision: 'none' } : due.session;
    const body = Buffer.from(`{"type":"${due.event.type}","session":${render(shown, due.event.atMs)}}`);
    void finish(due.tries === 0 ? { ...due, firstTriedAtMs: nowMs } : due, body);
  }

  /** Never rejects, since no delivery does. */
  async function finish(due: Due, body: Buffer): Promise<void> {
    const answer = await delivery.post(body);
    inFlight -= 1;
    if (closed) return;
    if (answer.accepted) afterSuccess(due);
    else retry(due, answer.why);
    pump();
  }

  const faultsOf = ({ session, index }: Due): ReturnType<typeof applyWebhookFaults> =>
    applyWebhookFaults(faults, random('webhook', session.id, index));

  function afterSuccess(due: Due): void {
    const { repeatAfterMs } = faultsOf(due);
    if (due.repetition || repeatAfterMs === undefined) return;
    push({ ...due, dueAtMs: clock.nowMs() + repeatAfterMs, tries: 0, repetition: true });
  }

  function retry(due: Due, why: string): void {
    const gapMs = Math.min(firstGapMs * gapGrowth ** due.tries, longestGapMs);
    const dueAtMs = clock.nowMs() + gapMs;
    const ends = dueAtMs - due.firstTriedAtMs > givesUpAfterMs;
    log(`webhook ${due.event.type} of ${due.session.id}: ${why}; ${ends ? 'no more attempts' : `next attempt in ${gapMs} ms`}`);
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
