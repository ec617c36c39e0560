/**
 * Following a record to its end: check its session, confirm or capture what equals the ledger, cancel what does not, resend what
 * was left open. One call moves a record one step; when the next one is due is in the record. A check that fails
 * postpones its own record, and concerns no other one and no send.
 */
import type { GatewayResponse } from '../gateway/gateway-response.ts';
import type { Gateway } from '../ports/gateway.ts';
import { alertOf, hasAlert, newAlert } from '../record/alert.ts';
import { applySession, contradictionOf } from '../record/apply-evidence.ts';
import type { Failure, SessionSeen, StatusEvidence } from '../record/evidence.ts';
import { confirmDeadlineAlert } from '../record/confirm-deadline.ts';
import { waitsForOurCapture, waitsForOurConfirmation } from '../record/asked-before.ts';
import { park, whyHeldByAlert, type Parking } from '../record/parking.ts';
import type { LedgerRecord, Reason } from '../record/record.ts';
import { asksUs } from '../record/session-evidence.ts';
import { isFinal } from '../record/status.ts';
import { schedule } from '../record/step.ts';
import { markInterrupted, recordCancelIntent, recordConfirmIntent, scheduleNextCheck, type ConfirmIntent } from '../record/transitions.ts';
import { advance, advanceEvidence, advanceSession, type Alerts, type StepDeps } from './advance.ts';
import { dispatch, type DispatchDeps } from './dispatch.ts';
import { whyNotDone, whyNothingShown } from './odd-answers.ts';
import type { PauseWatch } from './pause-watch.ts';
import type { Publication } from './publication.ts';
import { resend, type ResendDeps } from './resend.ts';
import type { RunControl } from './send.ts';
import { callGateway, type Call, type CallPath } from './session-call.ts';

/** What status checks, confirmations, captures and cancellations need. */
export interface FollowPath extends CallPath {
  readonly gateway: Pick<Gateway, 'status' | 'confirm' | 'cancel' | 'capture'>;
  /** `manual` leaves the confirmation to a person. */
  readonly confirm: 'match' | 'manual';
  /** The same for payments that wait for their capture; `as_confirm`: as confirmations are. */
  readonly capture: 'auto' | 'manual' | 'as_confirm';
  /** What the ledger says of it. */
  readonly pauses: Pick<PauseWatch, 'confirm'>;
  /** Nothing is confirmed or captured before its result is published. */
  readonly publication: Pick<Publication, 'showsSession'>;
}

/** What a session needs that was shown, however it came. */
export type SessionDeps = StepDeps & Alerts & RunControl & FollowPath;

export type FollowDeps = ResendDeps & DispatchDeps & FollowPath;

/** One step of an open record. */
export async function follow(deps: FollowDeps, record: LedgerRecord): Promise<LedgerRecord> {
  if (record.status === 'submitting') return takeOver(deps, record);
  if (record.status === 'queued') return sendQueued(deps, record);
  if (record.sessionId === null) return resend(deps, record);
  return watchDeadline(deps, await checkStatus(deps, record, record.sessionId));
}

/** A session that is not confirmed in time is cancelled by the gateway: a person sees it before, whatever keeps it waiting. */
async function watchDeadline(deps: FollowDeps, record: LedgerRecord): Promise<LedgerRecord> {
  const alert = confirmDeadlineAlert(record, deps.clock.now());
  if (alert !== null && !hasAlert(record, alert)) await deps.alert(alert);
  return record;
}

/** A record that was parked or is retried, from the body that is kept of it. */
async function sendQueued(deps: FollowDeps, record: LedgerRecord): Promise<LedgerRecord> {
  const held = whyHeldByAlert(record);
  if (held !== null) return parkFor(deps, record, held);
  const bytes = await deps.ledger.body(record.recordId);
  if (bytes === undefined) return parkFor(deps, record, bodyMissing(record));
  if (record.previousSession !== null) {
    const checked = await checkEarlierAttempt(deps, record, record.previousSession);
    if (checked !== 'over') return checked;
  }
  return dispatch(deps, record, bytes);
}

const parkFor = (deps: FollowDeps, record: LedgerRecord, reason: Parking['reason']): Promise<LedgerRecord> =>
  advance(deps.ledger, record, (current) => park(deps.settings, current, { reason, at: deps.clock.now() }));

const bodyMissing = ({ recordId, hasCardNumber, attempt }: LedgerRecord): Parking['reason'] => ({
  code: 'body_missing',
  description: `${hasCardNumber ? 'A body with a card number is never kept' : 'Its body is not kept any more'}, so it is sent only from its row or message: ${attempt === 1 ? 'run its file again' : `disburse retry ${recordId} --file FILE`}, or cancel it.`,
});

/**
 * The session of the attempt before, once more: only one that has failed or was cancelled lets the next attempt go.
 * Evidence for an earlier attempt never moves the record; what contradicts holds it, and is an alert.
 */
async function checkEarlierAttempt(deps: FollowDeps, record: LedgerRecord, sessionId: string): Promise<LedgerRecord | 'over'> {
  let attempt = record.attempt;
  let evidence: StatusEvidence | null;
  // Usually the one before; attempts that were cancelled unsent have no session.
  do {
    attempt -= 1;
    const idempotencyKey = deps.settings.keys.idempotencyKey(record.kind, record.recordId, attempt);
    const earlier = { ...record, attempt, idempotencyKey, sessionId, isSessionProven: true };
    evidence = await callGateway(deps, earlier, 'status', () => deps.gateway.status(sessionId, deps.signal));
  } while (attempt > 1 && evidence !== null && isOfAnotherAttempt(evidence));
  if (evidence === null) return record;
  if (evidence.type === 'none') return postponeQueued(deps, record);
  const { verdict, shown } = evidence.session;
  if (verdict.type === 'failed' || verdict.type === 'cancelled') return 'over';
  const description = `Session ${sessionId} of attempt ${attempt} of record ${record.recordId} had ended without payment, and the gateway shows it otherwise now. Attempt ${record.attempt} is not sent. A person must look at the session there.`;
  await deps.alert(
    alertOf('possible_double_payment', record, {
      sessionId,
      fact: `${sessionId}:before attempt ${record.attempt}`,
      seen: shown,
      description,
    }),
  );
  return parkFor(deps, record, { code: 'earlier_attempt', description });
}

const isOfAnotherAttempt = (evidence: StatusEvidence): boolean =>
  evidence.type === 'session' ? evidence.session.verdict.type === 'contradiction' : evidence.code === 'answer_untrusted';

const queuedAgainMs = 60_000;

const postponeQueued = (deps: FollowDeps, record: LedgerRecord): Promise<LedgerRecord> =>
  advance(deps.ledger, record, (current) =>
    current.status === 'queued' && current.attempt === record.attempt
      ? schedule(current, { dueAt: deps.clock.now() + queuedAgainMs })
      : null,
  );

/** A first send whose lease is over: its process died. While the lease lives, its process will write the outcome. */
const takeOver = (deps: FollowDeps, record: LedgerRecord): Promise<LedgerRecord> =>
  advance(deps.ledger, record, (current) => {
    const now = deps.clock.now();
    const isOver = (current.leaseUntil ?? 0) <= now;
    return current.status === 'submitting' && isOver ? markInterrupted(deps.settings, current, now) : null;
  });

async function checkStatus(deps: FollowDeps, record: LedgerRecord, sessionId: string): Promise<LedgerRecord> {
  const evidence = await callGateway(deps, record, 'status', () => deps.gateway.status(sessionId, deps.signal));
  // One that our own end cut off taught nothing.
  if (evidence === null || (evidence.type === 'none' && deps.signal.aborted)) return record;
  if (evidence.type === 'none') return confirmUnseen(deps, await postpone(deps, record, whyNothingShown(evidence, record, sessionId)));
  return concludeSession(deps, record, evidence);
}

/** With webhooks only, no status check shows that a confirmation or a capture has not arrived. */
async function confirmUnseen(deps: FollowDeps, record: LedgerRecord): Promise<LedgerRecord> {
  const { sessionId } = record;
  if (sessionId === null) return record;
  const what = waitsForOurConfirmation(record) ? 'confirm' : waitsForOurCapture(record) ? 'capture' : null;
  return what === null || (await isLeftToPerson(deps, what)) ? record : confirm(deps, record, { sessionId, what });
}

/** By the stricter of this process and the ledger. */
async function isLeftToPerson({ confirm: own, capture, pauses }: FollowPath, what: Asked['what']): Promise<boolean> {
  if (what === 'capture' && capture !== 'as_confirm') return capture === 'manual';
  return own === 'manual' || (await pauses.confirm()) === 'manual';
}

/** What a session of the gateway asks us to do with it. */
interface Asked {
  readonly sessionId: string;
  readonly what: 'confirm' | 'capture';
  /** A person, who decided it; absent for what disburse does by itself. */
  readonly by?: ConfirmIntent['by'];
}

/** Takes what a session shows into the record, and does what it asks for: confirms, captures or cancels it, or leaves it to a person. */
export async function concludeSession(deps: SessionDeps, record: LedgerRecord, evidence: SessionSeen): Promise<LedgerRecord> {
  const { verdict, sessionId } = evidence.session;
  const claim = verdict.type === 'amount_differs' ? verdict.claim : verdict.type;
  if (!asksUs(claim)) return applyToRecord(deps, record, evidence);
  const what = claim === 'awaiting_capture' ? 'capture' : 'confirm';
  if (await isLeftToPerson(deps, what)) return leaveToPerson(deps, record, evidence, what);
  return verdict.type === 'amount_differs' ? cancelMismatch(deps, record, evidence) : confirm(deps, record, { sessionId, what });
}

const leftToPerson = {
  confirm: 'The gateway asks for confirmation, which GATEWAY_CONFIRM leaves to a person.',
  capture: 'The gateway asks for the capture of this payment, which is left to a person.',
} as const;

async function leaveToPerson(deps: SessionDeps, record: LedgerRecord, evidence: SessionSeen, what: Asked['what']): Promise<LedgerRecord> {
  const seen = await applyToRecord(deps, record, evidence);
  if (evidence.session.verdict.type === 'amount_differs') return postpone(deps, seen);
  return postpone(deps, seen, { code: 'waits_for_person', description: leftToPerson[what] });
}

/**
 * Confirms or captures the one session of this record; any other one that asks is cancelled. Nothing leaves before the result
 * that shows the session is published: a ledger that is lost then is rebuilt with it.
 */
export async function confirm(deps: SessionDeps, record: LedgerRecord, asked: Asked): Promise<LedgerRecord> {
  const { sessionId, what, by } = asked;
  if (!(await deps.publication.showsSession(sessionId, deps.signal))) return deps.signal.aborted ? record : postpone(deps, record);
  const { record: noted, isTaken } = await advanceSession(deps, record, (current) =>
    recordConfirmIntent(deps.settings, current, { sessionId, what, at: deps.clock.now(), ...(by === undefined ? {} : { by }) }),
  );
  if (isTaken || isFinal[noted.status]) return noted;
  if (noted.confirmSession !== sessionId) return cancelSecondSession(deps, noted, sessionId);
  // Once a cancel was requested, never confirm.
  if (noted.cancelSession === sessionId) return concludeCall(deps, noted, 'cancel', () => deps.gateway.cancel(sessionId));
  return concludeCall(
    deps,
    noted,
    what,
    () => deps.gateway[what](sessionId),
    (failure) => whyNotDone(failure, noted, asked),
  );
}

/** Another session of a record than the one that it has, or that was confirmed, asks for confirmation. */
export async function cancelSecondSession(deps: SessionDeps, record: LedgerRecord, sessionId: string): Promise<LedgerRecord> {
  const description = `A second session ${sessionId} asks for confirmation; it is cancelled.`;
  await deps.alert(alertOf('second_session', record, { sessionId, description }));
  return cancel(deps, record, { sessionId, reason: { code: 'second_session', description } });
}

/** Asks for confirmation with another amount: that is durable and published before the cancel leaves. */
async function cancelMismatch(deps: SessionDeps, record: LedgerRecord, evidence: SessionSeen): Promise<LedgerRecord> {
  const { session } = evidence;
  const reason = contradictionOf(session);
  if (reason === null) throw new TypeError(`session ${session.sessionId} contradicts nothing`);
  const alert = newAlert(record, { ...record, reason }, evidence);
  if (alert !== null) await deps.alert(alert);
  return cancel(deps, record, { sessionId: session.sessionId, reason });
}

async function cancel(
  deps: SessionDeps,
  record: LedgerRecord,
  { sessionId, reason }: { readonly sessionId: string; readonly reason: Reason },
): Promise<LedgerRecord> {
  const at = deps.clock.now();
  const { record: noted, isTaken } = await advanceSession(deps, record, (current) =>
    recordCancelIntent(deps.settings, current, { sessionId, reason, at }),
  );
  if (isTaken || (isFinal[noted.status] && noted.sessionId === sessionId)) return noted;
  return concludeCall(deps, noted, 'cancel', () => deps.gateway.cancel(sessionId));
}

/** Whatever a confirm or cancel answered, only a session shown is evidence; else the next status check finds out. */
async function concludeCall(
  deps: SessionDeps,
  record: LedgerRecord,
  what: Call,
  call: () => Promise<GatewayResponse>,
  why: (failure: Failure) => Reason | undefined = () => undefined,
): Promise<LedgerRecord> {
  const evidence = await callGateway(deps, record, what, call);
  if (evidence?.type === 'session') return applyToRecord(deps, record, evidence);
  return postpone(deps, record, evidence === null ? undefined : why(evidence));
}

const postpone = (deps: SessionDeps, record: LedgerRecord, reason?: Reason): Promise<LedgerRecord> =>
  advance(deps.ledger, record, (current) => scheduleNextCheck(deps.settings, current, deps.clock.now(), reason));

const applyToRecord = (deps: SessionDeps, record: LedgerRecord, evidence: SessionSeen): Promise<LedgerRecord> =>
  advanceEvidence(deps, record, evidence, (current) => applySession(deps.settings, current, evidence.session, deps.clock.now()));
