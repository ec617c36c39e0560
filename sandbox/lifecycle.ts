/**
 * The state of a session as a function of time: no timer moves a session, so a hundred thousand idle sessions cost
 * nothing, and the body of a webhook can be produced again byte for byte.
 *
 * init -> in progress -> what it asks for, one after the other (payouts: the confirmation under manual confirmation;
 * payments: the customer's action, the capture) -> funds -> final -> perhaps refunded, charged back or returned.
 * Each step takes the settling time; a session that is not answered is cancelled after 240 minutes.
 */
import type { ErrorCode } from './errors.ts';

export const confirmationMs = 240 * 60_000;

/** How a session ends. The last one shows session `error` first, which is not final, and then the session cancelled. */
export type Outcome = 'succeeds' | 'fails-accepted' | 'fails-cancelled' | 'fails-after-error';

/** What a session waits for: two calls of the merchant, and the customer at the address that the entry shows. */
export type Ask = 'confirm' | 'action' | 'capture';

/** What follows a success. The bank's return of a payout is not shown in the session. */
export type Reversal = 'none' | 'refund' | 'charge-back' | 'return';

interface Decision {
  readonly kind: 'confirmed' | 'cancelled';
  readonly atMs: number;
}

/**
 * @property isEarly the first step takes one millisecond, so that a webhook can precede the answer of its init call
 * @property decisions at most one for each of `asks`, in their order
 * @property fundedAtMs when a payout that waited for money got it; 0: it never waited, Infinity: it waits
 */
export interface Lifecycle {
  readonly recordedAtMs: number;
  readonly isEarly: boolean;
  readonly asks: readonly Ask[];
  readonly decisions: readonly Decision[];
  readonly fundedAtMs: number;
  readonly outcome: Outcome;
  readonly failCode: ErrorCode;
  readonly reversal: Reversal;
}

/**
 * @property waitsFor what is asked for; `nextAction` is how the session shows it: nothing while the customer acts
 * @property error undefined unless the entry failed for a reason; a session cancelled by the caller has none
 * @property isReversed refunded, charged back or returned
 */
export interface State {
  readonly session: 'in_progress' | 'accepted' | 'cancelled' | 'error';
  readonly entry: 'in_progress' | 'pending' | 'succeeded' | 'failed';
  readonly waitsFor?: Ask;
  readonly nextAction?: 'confirm' | 'capture';
  readonly error?: ErrorCode | 'confirm_timeout' | 'capture_timeout' | 'provider_timeout';
  readonly isReversed?: boolean;
  readonly updatedAtMs: number;
}

type EventType = 'ready_to_confirm' | 'action_required' | 'ready_to_capture' | 'payment_finished' | 'payment_refunded';

export interface SessionEvent {
  readonly type: EventType;
  readonly atMs: number;
}

/** A state, when it starts, and the webhook that reports it. */
interface Step extends Omit<State, 'updatedAtMs'> {
  readonly atMs: number;
  /** Where the step is not visible in the session: when that last changed. */
  readonly updatedAtMs?: number;
  readonly event?: EventType;
}

interface Asking {
  readonly event: EventType;
  readonly entry: 'in_progress' | 'pending';
  readonly nextAction?: 'confirm' | 'capture';
  readonly timeout: 'confirm_timeout' | 'capture_timeout';
}

/** An entry is pending while it waits for the merchant; a customer who acts leaves it in progress. */
const asking: Readonly<Record<Ask, Asking>> = {
  confirm: { event: 'ready_to_confirm', entry: 'pending', nextAction: 'confirm', timeout: 'confirm_timeout' },
  action: { event: 'action_required', entry: 'in_progress', timeout: 'confirm_timeout' },
  capture: { event: 'ready_to_capture', entry: 'pending', nextAction: 'capture', timeout: 'capture_timeout' },
};

/** All states of a session as far as they are decided, in the order of time. */
function stepsOf(session: Lifecycle, settleMs: number): readonly Step[] {
  const steps: Step[] = [{ atMs: session.recordedAtMs, session: 'in_progress', entry: 'in_progress' }];
  let nextMs = session.recordedAtMs + (session.isEarly ? 1 : settleMs);
  for (const [index, ask] of session.asks.entries()) {
    const { event, entry, nextAction, timeout } = asking[ask];
    const running = { session: 'in_progress', entry } as const;
    steps.push({ ...running, atMs: nextMs, event, waitsFor: ask, ...(nextAction === undefined ? {} : { nextAction }) });
    const failed = { session: 'cancelled', entry: 'failed', event: 'payment_finished' } as const;
    const decision = session.decisions[index];
    if (decision === undefined) return [...steps, { ...failed, atMs: nextMs + confirmationMs, error: timeout }];
    steps.push({ ...running, atMs: decision.atMs });
    nextMs = decision.atMs + settleMs;
    if (decision.kind === 'cancelled') return [...steps, { ...failed, atMs: nextMs }];
  }
  if (session.fundedAtMs === Infinity) return steps;
  return [...steps, ...endOf(session, settleMs, session.fundedAtMs === 0 ? nextMs : Math.max(nextMs, session.fundedAtMs + settleMs))];
}

function endOf(session: Lifecycle, settleMs: number, atMs: number): readonly Step[] {
  const ended = { atMs, event: 'payment_finished' } as const;
  if (session.outcome === 'succeeds') {
    const paid = { session: 'accepted', entry: 'succeeded' } as const;
    return [{ ...ended, ...paid }, ...reversalOf(session.reversal, settleMs, atMs).map((step) => ({ ...paid, ...step, isReversed: true }))];
  }
  const failed = { ...ended, entry: 'failed', error: session.failCode } as const;
  if (session.outcome === 'fails-accepted') return [{ ...failed, session: 'accepted' }];
  if (session.outcome === 'fails-cancelled') return [{ ...failed, session: 'cancelled' }];
  return [
    { ...failed, session: 'error', error: 'provider_timeout' },
    { ...failed, session: 'cancelled', atMs: atMs + settleMs },
  ];
}

function reversalOf(reversal: Reversal, settleMs: number, paidAtMs: number): readonly Pick<Step, 'atMs' | 'event' | 'updatedAtMs'>[] {
  if (reversal === 'none') return [];
  if (reversal === 'return') return [{ atMs: paidAtMs + 2 * settleMs, updatedAtMs: paidAtMs }];
  return [{ atMs: paidAtMs + settleMs, event: 'payment_refunded' }];
}

/** What the gateway shows of this session at `nowMs`; later decisions are not visible. */
export function stateOf(session: Lifecycle, settleMs: number, nowMs: number): State {
  const steps = stepsOf(session, settleMs);
  const step = steps.findLast(({ atMs }) => atMs <= nowMs) ?? steps[0];
  if (step === undefined) throw new RangeError('a session has at least one state');
  const { atMs, event: _, updatedAtMs = atMs, ...state } = step;
  return { ...state, updatedAtMs };
}

/** The events that webhooks report, as far as decided now; an undecided session ends at its deadline. */
export const eventsOf = (session: Lifecycle, settleMs: number): readonly SessionEvent[] =>
  stepsOf(session, settleMs).flatMap(({ event, atMs }) => (event === undefined ? [] : [{ type: event, atMs }]));

/**
 * The moments at which money moves, as far as decided now.
 *
 * @property paidAtMs the entry succeeds
 * @property givenBackAtMs the session has failed for good, or the money came back after the success
 */
export function moneyOf(session: Lifecycle, settleMs: number): { readonly paidAtMs?: number; readonly givenBackAtMs?: number } {
  const steps = stepsOf(session, settleMs);
  const paid = steps.find(({ entry }) => entry === 'succeeded');
  const last = steps.at(-1);
  const isBack = last !== undefined && (last.entry === 'failed' || last.isReversed === true);
  return { ...(paid === undefined ? {} : { paidAtMs: paid.atMs }), ...(isBack ? { givenBackAtMs: last.atMs } : {}) };
}
