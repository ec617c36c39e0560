/**
 * Webhooks: one queue of due webhooks for all sessions.
 *
 * A webhook without a 2xx response is sent again, the same bytes, after growing gaps of 1 s to 15 minutes, for at most
 * 30 minutes (another first gap scales all three). Each body shows its session as it was at the event, so a repetition needs no stored bytes.
 */
import type { Clock } from './clock.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { Delivery } from './delivery.ts';
import { createDueQueue } from './due-queue.ts';
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

const firstLook = (session: Session, index: number, event: SessionEvent): Due => ({
  dueAtMs: event.atMs,
  session,
  index,
  event,
  tries: 0,
  firstTriedAtMs: 0,
  repetition: false,
  isLate: false,
  isHeld: false,
});

interface Holds {
  has(session: Session, index: number): boolean;
  hold(due: Due, untilMs: number): void;
  /** The next webhook of its session was sent. */
  release(session: Session, index: number): void;
  /** Its time is over; false when it was released before, and is in the queue a second time. */
  end(due: Due): boolean;
}

/** Webhooks that wait for the next one of their session. */
function createHolds(clock: Clock, push: (due: Due) => void): Holds {
  const held = new Map<string, Due>();
  const keyOf = (session: Session, index: number): string => `${session.id} ${index}`;
  return {
    has: (session, index) => held.has(keyOf(session, index)),
    hold(due, untilMs) {
      const waiting = { ...due, dueAtMs: untilMs, isLate: true, isHeld: true };
      held.set(keyOf(due.session, due.index), waiting);
      push(waiting);
    },
    release(session, index) {
      const due = held.get(keyOf(session, index));
      if (due === undefined) return;
      held.delete(keyOf(session, index));
      push({ ...due, dueAtMs: clock.nowMs(), isHeld: false });
    },
    end: (due) => held.get(keyOf(due.session, due.index)) === due && held.delete(keyOf(due.session, due.index)),
  };
}

/** Promises by session, resolved once. */
function createAwaited() {
  const waiting = new Map<string, () => void>();
  const settle = (sessionId: string): void => {
    waiting.get(sessionId)?.();
    waiting.delete(sessionId);
  };
  return {
    has: (sessionId: string): boolean => waiting.has(sessionId),
    wait: (sessionId: string): Promise<void> => new Promise((resolve) => waiting.set(sessionId, resolve)),
    settle,
    settleAll: (): void => [...waiting.keys()].forEach(settle),
  };
}

/** The webhook asks, also when the decision came at the same instant. */
function bodyOf({ session, index, event }: Due, render: WebhookDeps['render']): Buffer {
  const shown: Session = index < session.asks.length ? { ...session, decisions: session.decisions.slice(0, index) } : session;
  return Buffer.from(`{"type":"${event.type}","session":${render(shown, event.atMs)}}`);
}

export function createWebhooks(deps: WebhookDeps): Webhooks {
  const { clock, settleMs, firstGapMs, faults, random, delivery, render, log } = deps;
  const queue = createDueQueue<Due>({ clock, concurrency, start: deliver });
  const holds = createHolds(clock, queue.push);
  /** Calls that wait for the first webhook of their session. */
  const awaited = createAwaited();
  /** A reordered webhook without a successor is sent after this time. */
  const longestHoldMs = Math.max(1000, 10 * settleMs);

  function schedule(session: Session, index: number): void {
    const event = eventsOf(session, settleMs)[index];
    if (event !== undefined) queue.push(firstLook(session, index, event));
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
      holds.release(session, index - 1);
      return false;
    }
    if (lateMs > 0) {
      queue.push({ ...due, dueAtMs: nowMs + lateMs, isLate: true });
      return false;
    }
    // The successor of a webhook that is held back is what it waits for.
    if (!isReordered || holds.has(session, index - 1)) return true;
    holds.hold(due, nowMs + longestHoldMs);
    return false;
  }

  function deliver(due: Due, nowMs: number): Promise<void> | undefined {
    if (due.tries === 0 && !due.repetition && !due.isLate && !isSentInTime(due, nowMs)) return undefined;
    if (due.isHeld && !holds.end(due)) return undefined;
    return finish({ ...due, isHeld: false, ...(due.tries === 0 ? { firstTriedAtMs: nowMs } : {}) }, bodyOf(due, render));
  }

  /** Never rejects, since no delivery does. */
  async function finish(due: Due, body: Buffer): Promise<void> {
    const answer = await delivery.post(body);
    if (queue.isClosed) return;
    if (due.index === 0) awaited.settle(due.session.id);
    holds.release(due.session, due.index - 1);
    if (answer.accepted) afterSuccess(due);
    else retry(due, answer.why);
  }

  const faultsOf = ({ session, index }: Due): ReturnType<typeof applyWebhookFaults> =>
    applyWebhookFaults(faults, random('webhook', session.id, index));

  function afterSuccess(due: Due): void {
    const { repeatAfterMs } = faultsOf(due);
    if (due.repetition || repeatAfterMs === undefined) return;
    queue.push({ ...due, dueAtMs: clock.nowMs() + repeatAfterMs, tries: 0, repetition: true });
  }

  function retry(due: Due, why: string): void {
    const gapMs = firstGapMs * Math.min(gapGrowth ** due.tries, longestGap);
    const dueAtMs = clock.nowMs() + gapMs;
    const ends = dueAtMs - due.firstTriedAtMs > firstGapMs * givesUpAfter;
    log(`webhook ${due.event.type} of ${due.session.id}: ${why}; ${ends ? 'no more attempts' : `next attempt in ${gapMs} ms`}`);
    if (!ends) queue.push({ ...due, dueAtMs, tries: due.tries + 1 });
  }

  return {
    sends: true,
    changed: (session) => schedule(session, session.decisions.length),
    whenFirstSent: (session) =>
      // A payout that waits for money has no event yet.
      eventsOf(session, settleMs).length === 0 ? Promise.resolve() : awaited.wait(session.id),
    close() {
      queue.close();
      delivery.close();
      awaited.settleAll();
    },
  };
}
