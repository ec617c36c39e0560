/**
 * What becomes of an occurrence when it meets the ledger: the one rule for every store.
 *
 * The occurrence itself has been looked up before and is new. What remains is whether its record id is free,
 * bound by the same content, or bound by other content.
 */
import type { AuditEntry, AuditHead } from '../audit/audit-entry.ts';
import type { AuditChain } from '../audit/hash-chain.ts';
import { differingFields, type FieldDigests } from './fingerprint.ts';
import type { ValidInstruction, InvalidInstruction } from '../instruction/instruction.ts';
import type { KeyDerivation } from './idempotency-key.ts';
import { isSameFingerprint } from './packed.ts';
import type { Admission, LedgerRecord, Verdict } from './record.ts';
import { isFinal } from './status.ts';
import { conflictEvent, duplicateEvent, rejectedEvent, type ResultEvent } from './result-event.ts';

/** What the ledger knows under the record id of a new occurrence. */
export interface KnownRecord {
  readonly record: LedgerRecord | undefined;
  /** The digests kept with that record; asked for only in a conflict. */
  readonly fields: () => FieldDigests;
  /** Last sequence published for a record id that has no record; 0 when never. */
  readonly lastSequence: number;
}

export type AdmissionDecision =
  | { readonly type: 'admitted'; readonly record: LedgerRecord; readonly audit: readonly AuditEntry[] }
  /**
   * Only the occurrence is written, with its event; `sequence` is the new highest under the record id. Where there is a record,
   * `audit` is appended to its trail, whose new head is `head`.
   */
  | {
      readonly type: 'settled';
      readonly status: 'rejected' | 'duplicate' | 'conflict';
      readonly sequence: number;
      readonly event: ResultEvent;
      readonly head: AuditHead | null;
      readonly audit: readonly AuditEntry[];
    };

/** What a store decides with. */
export interface AdmissionRules {
  readonly keys: KeyDerivation;
  readonly audit: AuditChain;
}

/**
 * Only an intent binds a record id: what was rejected, or cancelled before anything was sent, leaves the id
 * free, so that a corrected row can be paid.
 */
const isRecordIdTaken = (record: LedgerRecord): boolean =>
  !(record.status === 'rejected' || (record.status === 'cancelled' && record.sends === 0 && record.attempt === 1));

const isContentOf = ({ fingerprint, amendments }: LedgerRecord, asked: string): boolean =>
  isSameFingerprint(fingerprint, asked) || amendments.some((amendment) => amendment.fingerprint === asked);

export function decideAdmission({ keys, audit }: AdmissionRules, admission: Admission, known: KnownRecord): AdmissionDecision {
  const { content, occurrence, batchId, at } = admission;
  const place = `${occurrence.stream}:${occurrence.position}`;
  const existing = known.record;
  const sequence = (existing?.sequence ?? known.lastSequence) + 1;

  if (content.type === 'refused') {
    const { refusal } = content;
    const note = { event: 'rejected', detail: { place, code: refusal.problems[0].code } } as const;
    const step = existing === undefined ? undefined : audit.append(existing.audit, existing.recordId, note, at);
    const head = step?.head ?? null;
    const event = rejectedEvent(keys, { refusal, occurrence, batchId, sequence, at, head });
    return { type: 'settled', status: 'rejected', sequence, event, head, audit: step?.entries ?? [] };
  }

  const { draft, fingerprint } = content;
  if (existing !== undefined && isRecordIdTaken(existing)) {
    const isSame = existing.kind === draft.kind && isContentOf(existing, fingerprint);
    const status = isSame ? 'duplicate' : 'conflict';
    const { head, entries } = audit.append(existing.audit, existing.recordId, { event: status, detail: { place } }, at);
    const told = { draft, occurrence, batchId, sequence, at, earlier: existing, head };
    if (isSame) return { type: 'settled', status, sequence, event: duplicateEvent(keys, told), head, audit: entries };
    const fields = [...(existing.kind === draft.kind ? [] : ['kind']), ...differingFields(known.fields(), content.fields)];
    return { type: 'settled', status, sequence, event: conflictEvent(keys, { ...told, fields }), head, audit: entries };
  }

  const detail = { place, amount: Number(draft.amountMinor), currency: draft.currency, fingerprint };
  const { head, entries } = audit.append(existing?.audit ?? null, draft.recordId, { event: 'admitted', detail }, at);
  return {
    type: 'admitted',
    audit: entries,
    record: queuedRecord(
      keys,
      { occurrence, batchId, draft, fingerprint },
      { sequence: sequence - 1, version: (existing?.version ?? 0) + 1, audit: head },
    ),
  };
}

/** The verdict about a known occurrence, that of `record`: another record id cannot have it too. */
export const verdictOfKnown = (record: LedgerRecord, { content }: Pick<Admission, 'content'>): Verdict => {
  const recordId = content.type === 'valid' ? content.draft.recordId : content.refusal.recordId;
  return recordId === undefined || recordId === record.recordId ? verdictOf(record) : { type: 'place_taken' };
};

/** The verdict about the occurrence that this record was created from. */
export function verdictOf(record: LedgerRecord): Verdict {
  const { status } = record;
  if (status === 'queued') return { type: 'admitted', record };
  return isFinal[status] ? { type: 'settled', status, fresh: false } : { type: 'open', record };
}

/** A record of which nothing was told and nothing sent yet. */
export function queuedRecord(
  keys: KeyDerivation,
  params: Pick<Admission, 'occurrence' | 'batchId'> & { readonly draft: ValidInstruction; readonly fingerprint: string },
  { sequence, version, audit }: Pick<LedgerRecord, 'sequence' | 'version' | 'audit'> = { sequence: 0, version: 1, audit: null },
): LedgerRecord {
  const { occurrence, batchId, draft, fingerprint } = params;
  return {
    recordId: draft.recordId,
    kind: draft.kind,
    batchId,
    occurrence,
    amountMinor: draft.amountMinor,
    currency: draft.currency,
    destination: draft.destination,
    metadata: draft.metadata,
    hasCardNumber: draft.hasCardNumber,
    fingerprint,
    attempt: 1,
    idempotencyKey: keys.idempotencyKey(draft.kind, draft.recordId, 1),
    status: 'queued',
    sequence,
    version,
    firstSentAt: null,
    sentClocks: null,
    keyLifetimeMs: null,
    idempotencyHeader: null,
    sends: 0,
    alreadyReceived: false,
    sessionId: null,
    isSessionProven: false,
    entryId: null,
    confirmSession: null,
    cancelSession: null,
    reason: null,
    resend: null,
    dueAt: null,
    checks: 0,
    audit,
    alerts: [],
    resolvedBy: null,
    awaitsConfirmationSince: null,
    previousSession: null,
    amendments: [],
    leaseOwner: null,
    leaseUntil: null,
  };
}

/** The code of rows that were good themselves and fell with an all-or-nothing batch. */
export const batchRejected = (because: string): InvalidInstruction['problems'][0] => ({
  code: 'batch_refused',
  column: null,
  message: `Nothing was paid from this file, because its policy is all-or-nothing and ${because}. Correct the file and submit it again.`,
  value: null,
});
