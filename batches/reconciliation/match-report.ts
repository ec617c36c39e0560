/** One row of the gateway's report against the ledger: what it means, as a pure decision. Nothing but `ends` changes a record. */
import { alertAfterEnd, alertOf, contradictionAlert, type Alert, type AlertKind } from '../record/alert.ts';
import type { KeyDerivation } from '../record/idempotency-key.ts';
import { withSession } from '../record/packed.ts';
import type { LedgerRecord } from '../record/record.ts';
import type { SessionEvidence } from '../record/session-evidence.ts';
import { isFinal } from '../record/status.ts';
import { isOurs } from '../record/webhook-evidence.ts';
import { mayBe, readMerchantMetadata, type MerchantMetadata } from './merchant-metadata.ts';
import { reportEvidence } from './report-evidence.ts';
import type { ReportRow } from './report-row.ts';

/** What the ledger has under the names that a row shows. */
export interface Found {
  readonly bySession: LedgerRecord | undefined;
  readonly byEntry: LedgerRecord | undefined;
  /** By the record id of whole metadata, whatever its attempt. */
  readonly byMetadata: LedgerRecord | undefined;
}

/** What earlier rows of the same report showed. */
export interface Earlier {
  /** Whether this operation was shown before, with the same or with other content. */
  readonly entry: 'first' | 'repeated' | 'contradicting';
  /** Another operation that was shown as paid for the record. */
  readonly otherEntryOf: (recordId: string) => string | undefined;
}

/**
 * - `amount_differs`, `currency_differs`: of a row that is otherwise the record's
 * - `status_differs`: the record has ended without a payment
 * - `other_session`: another session of the record was paid
 * - `possible_double_payment`: two operations were paid for one record
 * - `earlier_attempt`, `later_attempt`: the row is of another attempt than the ledger's
 * - `metadata_differs`: the row's session belongs to one record, its metadata names another one
 * - `entry_differs`: the operation is shown twice with different content, or belongs to another session
 * - `type_unknown`: neither `Advice` nor `Refund`
 */
export const differentCodes = [
  'amount_differs',
  'currency_differs',
  'status_differs',
  'other_session',
  'possible_double_payment',
  'earlier_attempt',
  'later_attempt',
  'metadata_differs',
  'entry_differs',
  'type_unknown',
] as const;

export type DifferentCode = (typeof differentCodes)[number];

export interface Different {
  readonly type: 'different';
  readonly record: LedgerRecord;
  readonly code: DifferentCode;
  readonly description: string;
  readonly alerts: readonly Alert[];
}

/**
 * - `matched`: the record has succeeded, and the row agrees
 * - `ends`: the record is open, and the row proves that it succeeded
 * - `different`: the row contradicts the record, which stays as it is
 * - `candidates`: nothing proves whose the row is; `record` where its session is known and not proven
 * - `refund`: money came back; `record` null when it is not known whose
 * - `only_there`: the ledger has no record of it
 * - `repeated`: an earlier row of the report says the same
 */
export type Decision =
  | { readonly type: 'matched'; readonly record: LedgerRecord }
  | { readonly type: 'ends'; readonly record: LedgerRecord; readonly evidence: SessionEvidence; readonly alerts: readonly Alert[] }
  | Different
  | { readonly type: 'candidates'; readonly record: LedgerRecord | null; readonly cut: CutMetadata | null }
  | { readonly type: 'refund'; readonly record: LedgerRecord | null; readonly alerts: readonly Alert[] }
  | { readonly type: 'only_there'; readonly recordId: string | null; readonly alerts: readonly Alert[] }
  | { readonly type: 'repeated' };

type CutMetadata = Extract<MerchantMetadata, { type: 'cut' }>;
type WholeMetadata = Extract<MerchantMetadata, { type: 'whole' }>;

export const firstRow: Earlier = { entry: 'first', otherEntryOf: () => undefined };

const seenAmount = ({ amountMinor, currency }: ReportRow) => [{ amount: String(amountMinor), currency }];

interface About {
  readonly code: DifferentCode;
  readonly description: string;
  /** Null: listed, and no alert. */
  readonly alert?: AlertKind | null;
  readonly fact?: string;
}

function different(row: ReportRow, record: LedgerRecord, { code, description, alert = 'evidence_mismatch', fact }: About): Different {
  const about = { sessionId: row.sessionId, fact: fact ?? `${row.sessionId}:report:${code}`, seen: seenAmount(row), description };
  return { type: 'different', record, code, description, alerts: alert === null ? [] : [alertOf(alert, record, about)] };
}

export function decideRow(row: ReportRow, asked: Found, { keys, earlier }: { keys: KeyDerivation; earlier: Earlier }): Decision {
  if (earlier.entry === 'repeated') return { type: 'repeated' };
  const found = withSessionOf(row, asked);
  const metadata = readMerchantMetadata(row.merchantMetadata);
  const owner = metadata.type === 'whole' && isOwn(keys, metadata) ? metadata : null;
  const known = found.bySession ?? found.byEntry;
  const record = known ?? (owner === null ? undefined : found.byMetadata);
  if (record === undefined) return withoutRecord(row, metadata, owner, keys);
  const contradiction = contradictsNames(row, record, { found, metadata, isOwner: owner !== null });
  if (contradiction !== null) return contradiction;
  if (earlier.entry === 'contradicting')
    return different(row, record, {
      code: 'entry_differs',
      description: `The report shows operation ${row.operationId} more than once, with different content.`,
      fact: `${row.sessionId}:entry ${row.operationId}:report`,
    });
  if (row.type === 'refund') return refund(row, record);
  if (row.type === 'other')
    return different(row, record, {
      code: 'type_unknown',
      description: `The type of payment of this row is neither Advice nor Refund, so nothing is concluded from it.`,
      alert: null,
    });
  if (owner !== null && owner.attempt !== record.attempt) return otherAttempt(row, record, owner.attempt);
  // The ledger keeps the sessions of earlier attempts as the record's.
  if (owner === null && found.bySession !== undefined && isFormerSession(row, record)) return otherAttempt(row, record, null);
  return decideAdvice(row, record, earlier.otherEntryOf(record.recordId));
}

/** A packed record knows only a hash of its session. */
function withSessionOf({ sessionId }: ReportRow, { bySession, byEntry, byMetadata }: Found): Found {
  const shown = (record: LedgerRecord | undefined) => (record === undefined ? undefined : withSession(record, sessionId));
  return { bySession: shown(bySession), byEntry: shown(byEntry), byMetadata: shown(byMetadata) };
}

/** Record id and attempt are needed; a key that is shown must be the one that we send for them. */
const isOwn = (keys: KeyDerivation, metadata: WholeMetadata): boolean =>
  metadata.attempt !== null && (metadata.idempotencyKey === null || isOurs(keys, metadata));

function withoutRecord(row: ReportRow, metadata: MerchantMetadata, owner: WholeMetadata | null, keys: KeyDerivation): Decision {
  if (row.type === 'refund') return { type: 'refund', record: null, alerts: [] };
  if (metadata.type === 'cut' && row.type === 'advice') return { type: 'candidates', record: null, cut: metadata };
  if (owner === null || !isOurs(keys, owner)) return { type: 'only_there', recordId: null, alerts: [] };
  const description = `The report shows operation ${row.operationId} of session ${row.sessionId} for attempt ${owner.attempt} of record ${owner.recordId}, which this ledger does not know although its key is ours. Check whether the ledger has lost data; send the record to no gateway before that is known.`;
  const { recordId } = owner;
  const about = { fact: row.sessionId, sessionId: row.sessionId, expected: null, seen: seenAmount(row), description };
  return { type: 'only_there', recordId, alerts: [{ alert: 'ledger_behind', recordId, batchId: null, ...about }] };
}

/** The names that a row shows must all be names of one record. */
function contradictsNames(
  row: ReportRow,
  record: LedgerRecord,
  { found, metadata, isOwner }: { readonly found: Found; readonly metadata: MerchantMetadata; readonly isOwner: boolean },
): Different | null {
  if (found.byEntry !== undefined && (found.byEntry.recordId !== record.recordId || isOfOtherSession(found.byEntry, row)))
    return different(row, record, {
      code: 'entry_differs',
      description: `The ledger has operation ${row.operationId} under session ${found.byEntry.sessionId} of record ${found.byEntry.recordId}, and the report shows it under session ${row.sessionId}.`,
    });
  const namesOther =
    metadata.type === 'ambiguous' ||
    (metadata.type === 'whole' && (metadata.recordId !== record.recordId || (!isOwner && contradictsOwner(metadata, record)))) ||
    (metadata.type === 'cut' && !mayBe(metadata, record.recordId) && row.merchantMetadata.includes('"record_id"'));
  if (!namesOther) return null;
  return different(row, record, {
    code: 'metadata_differs',
    description: `Session ${row.sessionId} belongs to record ${record.recordId}, and its metadata in the report names another record or key, or cannot be read without doubt.`,
  });
}

const isOfOtherSession = (record: LedgerRecord, row: ReportRow): boolean => record.sessionId !== null && record.sessionId !== row.sessionId;

/** Of a session that is known, metadata without an attempt or key says nothing against it. */
const contradictsOwner = ({ attempt, idempotencyKey }: WholeMetadata, record: LedgerRecord): boolean =>
  (attempt !== null && attempt !== record.attempt) || (idempotencyKey !== null && idempotencyKey !== record.idempotencyKey);

const isFormerSession = (row: ReportRow, record: LedgerRecord): boolean =>
  record.sessionId !== row.sessionId && (record.sessionId === null || !record.isSessionProven);

function refund(row: ReportRow, record: LedgerRecord): Decision {
  if (record.status !== 'succeeded') return { type: 'refund', record, alerts: [] };
  const description = `The gateway's report shows that money of record ${record.recordId} came back. Its status stays; what follows is for a person to decide.`;
  const about = { sessionId: row.sessionId, fact: `${row.sessionId}:${row.operationId}`, seen: seenAmount(row), description };
  return { type: 'refund', record, alerts: [alertOf('refunded', record, about)] };
}

/** Evidence for another attempt never moves the record. The alerts are those of a webhook that says the same. */
function otherAttempt(row: ReportRow, record: LedgerRecord, attempt: number | null): Different {
  if (attempt !== null && attempt > record.attempt)
    return different(row, record, {
      code: 'later_attempt',
      description: `The report shows session ${row.sessionId} for attempt ${attempt} of record ${record.recordId}, of which this ledger knows ${record.attempt}. Check whether the ledger has lost data.`,
      alert: 'ledger_behind',
      fact: row.sessionId,
    });
  return different(row, record, {
    code: 'earlier_attempt',
    description: `Session ${row.sessionId} of ${attempt === null ? 'an earlier attempt' : `attempt ${attempt}`} of record ${record.recordId} succeeded at the gateway after attempt ${record.attempt} was made. A person must look at both there.`,
    alert: 'possible_double_payment',
    fact: `${row.sessionId}:attempt ${attempt ?? 'earlier'}`,
  });
}

function decideAdvice(row: ReportRow, record: LedgerRecord, otherEntry: string | undefined): Decision {
  const { operationId, sessionId } = row;
  if (record.sessionId !== null && record.sessionId !== sessionId && record.isSessionProven)
    return different(row, record, {
      code: 'other_session',
      description: `A second session ${sessionId} of record ${record.recordId} succeeded at the gateway beside session ${record.sessionId}. A person must look at both there.`,
      alert: 'possible_double_payment',
      fact: sessionId,
    });
  const paid = otherEntry ?? (record.status === 'succeeded' ? (record.entryId ?? operationId) : operationId);
  if (paid !== operationId)
    return different(row, record, {
      code: 'possible_double_payment',
      description: `Operations ${paid} and ${operationId} both succeeded for record ${record.recordId}. A person must look at both at the gateway.`,
      alert: 'possible_double_payment',
      fact: `${sessionId}:entry ${operationId}`,
    });
  const read = reportEvidence(row, record);
  if (read.type !== 'session')
    return different(row, record, {
      code: 'metadata_differs',
      description: `What the report shows of session ${sessionId} does not belong to record ${record.recordId}.`,
    });
  const { session } = read;
  if (!session.isProven) return { type: 'candidates', record, cut: null };
  if (row.currency !== record.currency || row.amountMinor !== record.amountMinor) return otherAmount(row, record, session);
  if (record.status === 'succeeded') return { type: 'matched', record };
  if (isFinal[record.status]) return contradictsEnd(row, record, session);
  if (session.verdict.type !== 'succeeded') return contradicts(row, record, session);
  return { type: 'ends', record, evidence: session, alerts: record.status === 'queued' ? [neverSent(row, record)] : [] };
}

function otherAmount(row: ReportRow, record: LedgerRecord, session: SessionEvidence): Different {
  const code = row.currency === record.currency ? 'amount_differs' : 'currency_differs';
  const description = `The report shows another ${code === 'amount_differs' ? 'amount' : 'currency'} for session ${row.sessionId} of record ${record.recordId} than was requested. Check it at the gateway.`;
  const alert = isFinal[record.status] ? alertAfterEnd(record, session) : contradictionAlert(record, session);
  return alert === null ? different(row, record, { code, description }) : { type: 'different', record, code, description, alerts: [alert] };
}

function contradictsEnd(row: ReportRow, record: LedgerRecord, session: SessionEvidence): Different {
  const description = `The record ${record.recordId} has ended as ${record.status}, and the report shows that session ${row.sessionId} succeeded. A person must look at it at the gateway.`;
  const alert = alertAfterEnd(record, session);
  return alert === null
    ? different(row, record, { code: 'status_differs', description })
    : { type: 'different', record, code: 'status_differs', description, alerts: [alert] };
}

const contradicts = (row: ReportRow, record: LedgerRecord, session: SessionEvidence): Different =>
  different(row, record, {
    code: 'status_differs',
    description: `What the report shows of session ${row.sessionId} contradicts record ${record.recordId} (${session.verdict.type}).`,
  });

const neverSent = (row: ReportRow, record: LedgerRecord): Alert =>
  alertOf('ledger_behind', record, {
    sessionId: row.sessionId,
    seen: seenAmount(row),
    description: `The report shows session ${row.sessionId} of record ${record.recordId}, which this ledger says was never sent. The record follows its session; check whether the ledger has lost data.`,
  });
