/**
 * A queued record to the gateway: what is durable before what.
 *
 *   slot -> sign -> send queue -> intent durable -> permit -> bytes -> response -> outcome durable
 *
 * Whether a record may be sent now is decided here, in `admit-and-send.ts` and in `resend.ts`, and nowhere else.
 */
import { isSameOccurrence } from '../instruction/instruction.ts';
import type { Clock } from '../ports/clock.ts';
import { applyFirstSend } from '../record/apply-evidence.ts';
import { retryPauseMs } from '../record/backoff.ts';
import { readFirstSend, type FirstSendEvidence } from '../record/evidence.ts';
import type { BankingDays } from '../record/banking-days.ts';
import type { Hold } from '../record/gates.ts';
import { holdParking, park, pauseReason, whyHeldByAlert } from '../record/parking.ts';
import { whyPaused, type SetPause } from '../record/pause.ts';
import type { LedgerRecord } from '../record/record.ts';
import { advance, advanceEvidence, type Alerts } from './advance.ts';
import type { CardBodies } from './card-bodies.ts';
import type { WaitReporter } from './notice.ts';
import type { FundsGuard } from './funds-guard.ts';
import { endCancelled, type PauseWatch } from './pause-watch.ts';
import { send, type SendDeps, type SendResult } from './send.ts';

export type DispatchDeps = SendDeps &
  Alerts & {
    readonly clock: Clock;
    readonly waits: WaitReporter;
    readonly pauses: Pick<PauseWatch, 'of' | 'holdOf' | 'parked'>;
    readonly cardBodies: CardBodies;
    readonly funds: FundsGuard;
    /** When payouts of a currency leave. */
    readonly bankingDays: BankingDays;
  };

/** Sends a queued record for the first time, as often as it is proven that nothing arrived. */
export async function dispatch(deps: DispatchDeps, queued: LedgerRecord, bytes: Uint8Array, firstTry = 1): Promise<LedgerRecord> {
  let record = queued;
  // The record id may have been reused by another instruction meanwhile.
  const isStillOurs = (current: LedgerRecord): boolean =>
    current.status === 'queued' &&
    isSameOccurrence(current.occurrence, queued.occurrence) &&
    whyHeldByAlert(current) === null &&
    closedHold(deps, current) === null;
  for (let tries = firstTry; ; tries += 1) {
    if (deps.signal.aborted || record.status !== 'queued') return record;
    // Before the slot: what is paused waits for no gateway.
    const paused = await deps.pauses.of(record.batchId);
    if (paused !== undefined) return hold(deps, record, paused, bytes);
    const held = (await deps.pauses.holdOf(record.batchId)) ?? closedHold(deps, record);
    if (held !== null) return holdFor(deps, record, held, bytes);
    deps.cardBodies.keep(record, bytes);
    const sent = await send(deps, { record, bytes, read: readFirstSend, isFirst: true, mayIntend: isStillOurs, timely: () => true });
    if (sent.type === 'paused') return hold(deps, sent.record, sent.pause, bytes);
    if (sent.type === 'held') return holdFor(deps, sent.record, sent.hold, bytes);
    if (sent.type !== 'ended') {
      // The cut-off came while it waited for its turn.
      const closed = deps.signal.aborted || sent.record.status !== 'queued' ? null : closedHold(deps, sent.record);
      return closed === null ? sent.record : holdFor(deps, sent.record, closed, bytes);
    }
    const { record: after, isOver } = await endSend(deps, sent, { bytes, tries });
    if (isOver) return after;
    record = after;
  }
}

/** A first send that its admission made the intent of. Goes on as `dispatch` does. */
export async function dispatchSent(deps: DispatchDeps, sent: EndedSend, bytes: Uint8Array): Promise<LedgerRecord> {
  const { record, isOver } = await endSend(deps, sent, { bytes, tries: 1 });
  return isOver ? record : dispatch(deps, record, bytes, 2);
}

export type EndedSend = Extract<SendResult<FirstSendEvidence>, { type: 'ended' }>;

/** Takes what a first send met into the record; waits where it is to be sent again. */
async function endSend(
  deps: DispatchDeps,
  { intent, evidence }: EndedSend,
  { bytes, tries }: { readonly bytes: Uint8Array; readonly tries: number },
): Promise<{ readonly record: LedgerRecord; readonly isOver: boolean }> {
  // The batch is paused before its record is in the queue again.
  const unfunded = evidence.type === 'underfunded' ? await deps.funds.pause(intent.batchId) : null;
  const record = await conclude(deps, intent, evidence);
  deps.cardBodies.settle(record);
  if (unfunded !== null) return { record: record.status === 'queued' ? await hold(deps, record, unfunded, bytes) : record, isOver: true };
  if (evidence.type !== 'not_sent' || record.status !== 'queued') return { record, isOver: true };
  // It was held back by ourselves, and waits for its turn again.
  if (evidence.code === 'lease_over') return { record, isOver: false };

  const pause = Math.max(retryPauseMs(tries, deps.settings.random), evidence.retryAfterMs ?? 0);
  deps.waits.started({ what: 'sends', reason: evidence.reason, ms: pause });
  await deps.clock.sleep(pause, deps.signal).catch(() => undefined);
  return { record, isOver: false };
}

/** What may not be sent now is parked; of a batch that was cancelled it ends. */
async function hold(deps: DispatchDeps, record: LedgerRecord, pause: SetPause, bytes: Uint8Array): Promise<LedgerRecord> {
  const reason = pauseReason(pause, whyPaused(pause));
  const held = await advance(deps.ledger, record, (current) => {
    if (!isSameOccurrence(current.occurrence, record.occurrence)) return null;
    const at = deps.clock.now();
    if (pause.code !== 'cancelled') return park(deps.settings, current, { reason, bytes, at });
    return endCancelled(deps.settings, current, pause, at);
  });
  deps.pauses.parked(record.batchId);
  return held;
}

/** On a bank holiday, and after the cut-off of the day. */
export function closedHold(
  { bankingDays, clock }: Pick<DispatchDeps, 'bankingDays' | 'clock'>,
  { currency }: Pick<LedgerRecord, 'currency'>,
): Hold | null {
  const until = bankingDays.opensAt(currency, clock.now());
  return until === null ? null : { code: 'not_before', until };
}

/** What a gate does not let pass yet is parked. */
async function holdFor(deps: DispatchDeps, record: LedgerRecord, hold: Hold, bytes: Uint8Array): Promise<LedgerRecord> {
  const held = await advance(deps.ledger, record, (current) =>
    isSameOccurrence(current.occurrence, record.occurrence)
      ? park(deps.settings, current, { ...holdParking(hold), bytes, at: deps.clock.now() })
      : null,
  );
  if (hold.code === 'awaiting_approval') deps.pauses.parked(record.batchId);
  return held;
}

const conclude = (deps: DispatchDeps, intent: LedgerRecord, evidence: FirstSendEvidence): Promise<LedgerRecord> =>
  advanceEvidence(deps, intent, evidence, (current) => applyFirstSend(deps.settings, current, { intent, evidence, at: deps.clock.now() }));
