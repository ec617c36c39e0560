/**
 * Following a record to its end: look at its session, confirm what equals the ledger, cancel what does not,
 * repeat a send that was left open. One call moves a record one step; when the next one is due stands in it.
 */
import { readResponse, type Evidence, type SessionEvidence } from '../record/evidence.ts';
import { advance } from './advance.ts';
import { resend, type ResendDeps } from './resend.ts';
import { alertMismatch, type Slot } from './send.ts';
import type { GatewayResponse } from '../gateway/gateway-response.ts';
import type { Gateway } from '../ports/gateway.ts';
import type { Limiter } from '../ports/limiter.ts';
import type { LedgerRecord } from '../record/record.ts';
import { applyEvidence, recordCancelIntent, recordConfirmIntent, scheduleNextCheck, markInterrupted } from '../record/transitions.ts';

/** What status checks, confirmations and cancellations need. */
export interface FollowPath {
  readonly gateway: Pick<Gateway, 'status' | 'confirm' | 'cancel'>;
  readonly followLimiter: Pick<Limiter, 'acquire' | 'pushBack'>;
  /** `manual` leaves the confirmation to a person. */
  readonly confirm: 'match' | 'manual';
  /** Apart from the slots of sends, which may wait long for their rate. */
  readonly followSlot: Slot;
}

export type FollowDeps = ResendDeps & FollowPath;

/** One step of an open record. */
export async function follow(deps: FollowDeps, record: LedgerRecord): Promise<LedgerRecord> {
  if (record.status === 'submitting') {
    return advance(deps.ledger, record, (current) =>
      current.status === 'submitting' ? markInterrupted(deps.settings, current, deps.clock.now()) : null,
    );
  }
  if (record.sessionId === null) return resend(deps, record);
  return checkStatus(deps, record, record.sessionId);
}

async function checkStatus(deps: FollowDeps, record: LedgerRecord, sessionId: string): Promise<LedgerRecord> {
  const finding = await callGateway(deps, record, () => deps.gateway.status(sessionId));
  if (finding === null) return record;
  if (finding.type !== 'sighting')
    return advance(deps.ledger, record, (current) => scheduleNextCheck(deps.settings, current, deps.clock.now()));

  const { sighting } = finding;
  alertMismatch(deps, record, finding);
  if (sighting.state !== 'awaiting_confirmation') return applyToRecord(deps, record, finding);
  if (sighting.amount === 'different' && deps.confirm === 'match') return cancel(deps, record, sighting);
  if (sighting.amount === 'missing' || deps.confirm === 'manual') {
    const reason =
      deps.confirm === 'manual'
        ? { code: 'waits_for_person', description: 'The gateway asks for confirmation, and GATEWAY_CONFIRM leaves it to a person.' }
        : { code: 'amount_missing', description: 'The gateway asks for confirmation without showing the amount.' };
    const seen = await applyToRecord(deps, record, finding);
    return advance(deps.ledger, seen, (current) => scheduleNextCheck(deps.settings, current, deps.clock.now(), reason));
  }
  return confirm(deps, record, sighting);
}

/** Confirms the one session of this record; any other that asks is cancelled. */
async function confirm(deps: FollowDeps, record: LedgerRecord, sighting: SessionEvidence): Promise<LedgerRecord> {
  const noted = await advance(deps.ledger, record, (current) => recordConfirmIntent(current, sighting.sessionId));
  if (noted.confirmSession !== sighting.sessionId) {
    deps.alert(`a second session ${sighting.sessionId} asks for confirmation; it is cancelled`, noted);
    return cancel(deps, noted, sighting);
  }
  // Before a person or an earlier step decided to cancel, confirming is over.
  if (noted.cancelSession === sighting.sessionId) return cancel(deps, noted, sighting);
  return conclude(deps, noted, await callGateway(deps, noted, () => deps.gateway.confirm(sighting.sessionId)));
}

async function cancel(deps: FollowDeps, record: LedgerRecord, sighting: SessionEvidence): Promise<LedgerRecord> {
  const noted = await advance(deps.ledger, record, (current) => recordCancelIntent(current, sighting.sessionId));
  return conclude(deps, noted, await callGateway(deps, noted, () => deps.gateway.cancel(sighting.sessionId)));
}

/** Whatever a confirm or cancel answered, only a session shown is evidence; else the next look tells. */
const conclude = (deps: FollowDeps, record: LedgerRecord, finding: Evidence | null): Promise<LedgerRecord> =>
  finding?.type === 'sighting'
    ? applyToRecord(deps, record, finding)
    : advance(deps.ledger, record, (current) => scheduleNextCheck(deps.settings, current, deps.clock.now()));

const applyToRecord = (deps: FollowDeps, record: LedgerRecord, finding: Evidence): Promise<LedgerRecord> =>
  advance(deps.ledger, record, (current) => applyEvidence(deps.settings, current, finding, deps.clock.now()));

/** One call under the follow rate. Null when we are stopping. */
async function callGateway(deps: FollowDeps, record: LedgerRecord, call: () => Promise<GatewayResponse>): Promise<Evidence | null> {
  try {
    await deps.followLimiter.acquire(deps.signal);
  } catch (cause) {
    if (deps.signal.aborted) return null;
    throw cause;
  }
  return deps.followSlot(async () => {
    if (deps.signal.aborted) return null;
    const finding = readResponse(await call(), record);
    // The breaker hears of sends only: a gateway that tells of old sessions may yet fail every new one. A look that
    // fails is made again later anyway.
    if (finding.type !== 'sighting') {
      if (finding.retryAfterMs !== undefined) deps.followLimiter.pushBack(finding.retryAfterMs);
      if (finding.stop) deps.haltRun(finding.reason);
    }
    return finding;
  });
}
