/** A decided step becomes durable, or is decided again on what another process wrote meanwhile. */
import type { Clock } from '../ports/clock.ts';
import type { AdvanceRefusal, Ledger } from '../ports/ledger.ts';
import { advanceOne } from '../ports/single.ts';
import { alertOf, lateAlert, newAlert, refundAlerts, type Alert } from '../record/alert.ts';
import { contradictionOf, foreignSession, holdForeignSession } from '../record/apply-evidence.ts';
import type { Change } from '../record/change.ts';
import type { FirstSendEvidence, ResendEvidence, StatusEvidence } from '../record/evidence.ts';
import type { LedgerRecord } from '../record/record.ts';
import type { TransitionSettings } from '../record/resend-rules.ts';

/** What deciding and writing a step needs. */
export interface StepDeps {
  readonly ledger: Pick<Ledger, 'advance'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly settings: TransitionSettings;
}

export interface Alerts {
  /** Something that a person must see now. Resolves when it is durable; raised again, it is one alert. */
  readonly alert: (alert: Alert) => Promise<void>;
}

/** @param refused why the ledger did not write the change decided before; null at first, and when the record had moved */
export type Decide = (current: LedgerRecord, refused: Exclude<AdvanceRefusal, { why: 'moved' }> | null) => Change | null;

/**
 * Writes what `decide` returns for the record as it is; decides again when the record has moved meanwhile, or when the
 * ledger refuses the change.
 *
 * @returns the record afterwards
 */
export async function advance(ledger: Pick<Ledger, 'advance'>, record: LedgerRecord, decide: Decide): Promise<LedgerRecord> {
  let current = record;
  let refused: Parameters<Decide>[1] = null;
  for (;;) {
    const change = decide(current, refused);
    if (change === null) return current;
    const written = await advanceOne(ledger, change);
    if (written.ok) return change.after;
    if (written.why !== 'moved' && refused !== null) throw new Error(`a change of ${record.recordId} was refused again: ${written.why}`);
    current = written.current;
    refused = written.why === 'moved' ? null : written;
  }
}

/**
 * The same for a step that may bring a session: one that belongs to another record is held, and a person is alerted.
 *
 * @returns the record afterwards, and whether the session belongs to another record: then nothing may be done with it
 */
export async function advanceSession(
  deps: StepDeps & Alerts,
  record: LedgerRecord,
  decide: (current: LedgerRecord) => Change | null,
): Promise<{ readonly record: LedgerRecord; readonly isTaken: boolean }> {
  let taken: Extract<AdvanceRefusal, { why: 'session_taken' }> | undefined;
  const after = await advance(deps.ledger, record, (current, refused) => {
    if (refused?.why !== 'session_taken') return taken === undefined ? decide(current) : null;
    taken = refused;
    return holdForeignSession(deps.settings, current, { ...refused, at: deps.clock.now() });
  });
  if (taken === undefined) return { record: after, isTaken: false };
  await deps.alert(alertOf('evidence_mismatch', after, { sessionId: taken.sessionId, description: foreignSession(taken) }));
  return { record: after, isTaken: true };
}

/**
 * Takes what an answer proves into the record. A contradiction is raised before it is written: a process that dies in
 * between meets the same answer again, and raises the same alert. Evidence of an earlier attempt never moves the record.
 *
 * @param record of the attempt that the answer is about
 * @returns the record afterwards
 */
export async function advanceEvidence(
  deps: StepDeps & Alerts,
  record: LedgerRecord,
  evidence: FirstSendEvidence | ResendEvidence | StatusEvidence,
  apply: (current: LedgerRecord) => Change | null,
): Promise<LedgerRecord> {
  // Nearly every answer contradicts nothing: its change is then decided once.
  const ofThisAttempt = (current: LedgerRecord): Change | null => (current.attempt === record.attempt ? apply(current) : null);
  const foreseen = mayContradict(evidence) ? newAlert(record, apply(record)?.after ?? record, evidence) : null;
  if (foreseen !== null) await deps.alert(foreseen);
  if (evidence.type === 'session') for (const refund of refundAlerts(record, evidence.session, false)) await deps.alert(refund);
  let before = record;
  const { record: after } = await advanceSession(deps, record, (current) => {
    before = current;
    return ofThisAttempt(current);
  });
  if (before.attempt !== record.attempt) {
    const late = lateAlert(before, record.attempt, evidence);
    if (late !== null) await deps.alert(late);
    return after;
  }
  const alert = newAlert(before, after, evidence);
  const isRaised = alert === null || (alert.alert === foreseen?.alert && alert.fact === foreseen.fact);
  if (!isRaised) await deps.alert(alert);
  return after;
}

const mayContradict = (evidence: FirstSendEvidence | ResendEvidence | StatusEvidence): boolean =>
  evidence.type === 'session' ? contradictionOf(evidence.session) !== null : evidence.type === 'refused';
