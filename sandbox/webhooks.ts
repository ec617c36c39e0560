/**
 * Webhooks: one heap of due webhooks and one alarm for all sessions.
 *
 * A webhook without a 2xx response is sent again, the same bytes, after growing gaps of 1 s to 15 minutes, for at most
 * 30 minutes (another first gap scales all three). Each body shows its session as it was at the event, so a repetition needs no stored bytes.
 */
import type { Clock } from './clock.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { Delivery } from './delivery.ts';
import { createDueHeap } from './due-heap.ts';
import { applyWebhookFaults } from './faults.ts';
import type { FaultRates } from './faults.ts';
import { eventsOf } from './lifecycle.ts';
import type { SessionEvent } from './lifecycle.ts';
import type { SessionListener } from './method.ts';
import type { Session } from './sessions.ts';

const gapGrowth = 3;
/** In first gaps, which last a second at the gateway. */
const longestGap = 15 * 60;
const givesUpAfter = 30 * 60;
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
  /** It waits for the next webhook of its session. */
  readonly isHeld: boolean;
}

const keyOf = (session: Session, index: number): string => `${session.id} ${index}`;

export interface WebhookDeps {
  readonly clock: Clock;
  readonly settleMs: number;
  readonly firstGapMs: number;
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
  const { clock, settleMs, firstGapMs, faults, random, delivery, render, log } = deps;
  const heap = createDueHeap<Due>();
  /** Webhooks that wait for the next one of their session. */
  const heldBack = new Map<string, Due>();
  /** Calls that wait for the first webhook of their session. */
  const awaited = new Map<string, () => void>();
  /** A reordered webhook without a successor is sent after this time. */
  const longestHoldMs = Math.max(1000, 10 * settleMs);
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
      push({ dueAtMs: event.atMs, session, index, event, tries: 0, firstTriedAtMs: 0, repetition: false, isLate: false, isHeld: false });
  }

  /** The first look at an event that is due; false: it is not sent at this moment. */
  function isSentInTime(due: Due, nowMs: number): boolean {
    const { session, index, event } = due;
    // A decision has replaced this event: `changed` has scheduled its successor.
    if (eventsOf(session, settleMs)[index]?.atMs !== event.atMs) return false;
    const isAnswered = index < session.asks.length && session.decisions.length > index;
    if (!isAnswered) schedule(session, index + 1);
    // A call waits for this one.
    if (index === 0 && awaited.has(session.id)) return true;
    const { lost, lateMs, isReordered } = faultsOf(due);
    if (lost) {
      log(`webhook ${event.type} of ${session.id} is lost`);
      release(session, index - 1);
      return false;
    }
    if (lateMs > 0) {
      push({ ...due, dueAtMs: nowMs + lateMs, isLate: true });
      return false;
    }
    // The successor of a webhook that is held back is what it waits for.
    if (!isReordered || heldBack.has(keyOf(session, index - 1))) return true;
    const held = { ...due, dueAtMs: nowMs + longestHoldMs, isLate: true, isHeld: true };
    heldBack.set(keyOf(session, index), held);
    push(held);
    return false;
  }

  function release(session: Session, index: number): void {
    const key = keyOf(session, index);
    const held = heldBack.get(key);
    if (held === undefined) return;
    heldBack.delete(key);
    push({ ...held, dueAtMs: clock.nowMs(), isHeld: false });
  }

  function deliver(due: Due, nowMs: number): void {
    const { session, index, event } = due;
    if (due.tries === 0 && !due.repetition && !due.isLate && !isSentInTime(due, nowMs)) return;
    // One that was released is in the heap a second time.
    if (due.isHeld && !(heldBack.get(keyOf(session, index)) === due && heldBack.delete(keyOf(session, index)))) return;
    inFlight += 1;
    // The webhook asks, also when the decision came at the same instant.
    const shown: Session = index < session.asks.length ? { ...session, decisions: session.decisions.slice(0, index) } : session;
    const body = Buffer.from(`{"type":"${event.type}","session":${render(shown, event.atMs)}}`);
    void finish({ ...due, isHeld: false, ...(due.tries === 0 ? { firstTriedAtMs: nowMs } : {}) }, body);
  }

  /** Never rejects, since no delivery does. */
  async function finish(due: Due, body: Buffer): Promise<void> {
    const answer = await delivery.post(body);
    inFlight -= 1;
    if (closed) return;
    if (due.index === 0) settleAwaited(due.session.id);
    release(due.session, due.index - 1);
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
    const gapMs = firstGapMs * Math.min(gapGrowth ** due.tries, longestGap);
    const dueAtMs = clock.nowMs() + gapMs;
    const ends = dueAtMs - due.firstTriedAtMs > firstGapMs * givesUpAfter;
    log(`webhook ${due.event.type} of ${due.session.id}: ${why}; ${ends ? 'no more attempts' : `next attempt in ${gapMs} ms`}`);
    if (!ends) push({ ...due, dueAtMs, tries: due.tries + 1 });
  }

  function settleAwaited(sessionId: string): void {
    awaited.get(sessionId)?.();
    awaited.delete(sessionId);
  }

  return {
    sends: true,
    changed: (session) => schedule(session, session.decisions.length),
    whenFirstSent: (session) =>
      // A payout that waits for money has no event yet.
      eventsOf(session, settleMs).length === 0 ? Promise.resolve() : new Promise((resolve) => awaited.set(session.id, resolve)),
    close() {
      closed = true;
      alarm?.cancel();
      delivery.close();
      for (const sessionId of [...awaited.keys()]) settleAwaited(sessionId);
    },
  };
}
