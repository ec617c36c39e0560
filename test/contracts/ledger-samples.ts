/** Instructions, places and steps for the tests of ledgers. */
import type { FieldDigests } from '../../batches/record/fingerprint.ts';
import type { ValidInstruction, Occurrence, InvalidInstruction } from '../../batches/instruction/instruction.ts';
import { createKeyDerivation } from '../../batches/record/idempotency-key.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { Admission, Change, LedgerRecord, Verdict } from '../../batches/record/record.ts';
import { recordEvent } from '../../batches/record/result-event.ts';
import { isPublished, type RecordStatus } from '../../batches/record/status.ts';
import { recordIntent } from '../../batches/record/transitions.ts';
import { admitOne, advanceOne } from '../../batches/ports/single.ts';

export const keys = createKeyDerivation('shop');
export const at = Date.parse('2026-11-21T08:00:00.000Z');

export const batchA = 'a'.repeat(64);
export const batchB = 'b'.repeat(64);

export const manifest = (batchId: string) => ({
  batchId,
  file: 'may.csv',
  policy: null,
  encoding: 'utf-8',
  delimiter: ',',
  bytes: 1_000,
  blockDigests: ['d1', 'd2'],
  at,
});

export const lineOf = (batchId: string, line: number, file = 'may.csv'): Occurrence => ({
  stream: `file:${batchId}`,
  position: line,
  source: { file, line },
});

export const draftOf = (recordId: string, patch: Partial<ValidInstruction> = {}): ValidInstruction => ({
  recordId,
  kind: 'payout',
  amountMinor: 1230n,
  currency: 'EUR',
  body: {},
  metadata: undefined,
  destination: 'DE**…3000',
  sensitive: false,
  ...patch,
});

/** Digests of two fields: the amount, and one that stands for the rest. */
const fieldsOf = (draft: ValidInstruction, rest: string): FieldDigests => {
  const digests = Buffer.alloc(16);
  digests.writeBigUInt64BE(draft.amountMinor, 0);
  digests.write(rest.slice(0, 8).padEnd(8), 8, 'latin1');
  return { paths: 'amount_details.amount\ndescription', digests };
};

/** @param content what the fingerprint is of, beside kind and amount */
export const valid = (draft: ValidInstruction, content = 'same'): Admission['content'] => ({
  type: 'valid',
  draft,
  fingerprint: `${draft.amountMinor}:${content}`,
  fields: fieldsOf(draft, content),
});

export const refused = (patch: Partial<InvalidInstruction> = {}): Admission['content'] => ({
  type: 'refused',
  refusal: {
    recordId: 'inv-1',
    kind: 'payout',
    amountMinor: 1230n,
    currency: 'EUR',
    problems: [{ code: 'iban_check_digits', column: 'iban', message: 'Correct it.', value: null }],
    ...patch,
  },
});

export const admission = (occurrence: Occurrence, content: Admission['content'], batchId = batchA): Admission => ({
  occurrence,
  batchId,
  at,
  content,
});

/** Admits a new instruction and answers its record. */
export async function admitted(
  ledger: Ledger,
  recordId: string,
  line: number,
  patch: Partial<ValidInstruction> = {},
  batchId = batchA,
): Promise<LedgerRecord> {
  const verdict: Verdict = await admitOne(ledger, admission(lineOf(batchId, line), valid(draftOf(recordId, patch)), batchId));
  if (verdict.type !== 'admitted') throw new Error(`${recordId} was to be admitted and is ${verdict.type}`);
  return verdict.record;
}

/** Any step, whether a rule would decide it or not. */
export function step(record: LedgerRecord, patch: Partial<LedgerRecord>, more: Pick<Change, 'body'> = {}): Change {
  const tells = patch.status !== undefined && patch.status !== record.status && isPublished[patch.status];
  const after: LedgerRecord = { ...record, ...patch, version: record.version + 1, sequence: record.sequence + (tells ? 1 : 0) };
  return { expected: record.version, after, ...(tells ? { event: recordEvent(keys, after, at) } : {}), ...more };
}

/** Writes a step that must succeed and answers the record after it. */
export async function moved(ledger: Ledger, change: Change): Promise<LedgerRecord> {
  const written = await advanceOne(ledger, change);
  if (!written.ok) throw new Error(`${change.after.recordId} has version ${written.current.version}, not ${change.expected}`);
  return change.after;
}

export const intent = (record: LedgerRecord, bytes: Uint8Array = Buffer.from('{}'), time = at): Change =>
  recordIntent(record, { owner: 'me', at: time, leaseMs: 60_000, bytes });

/** A record of the batch brought to this status over its ordinary way. */
export async function recordIn(ledger: Ledger, status: RecordStatus, recordId: string, line: number): Promise<LedgerRecord> {
  const queued = await admitted(ledger, recordId, line);
  if (status === 'queued') return queued;
  if (status === 'rejected') return moved(ledger, step(queued, { status }));
  const sent = await moved(ledger, intent(queued));
  return status === 'submitting' ? sent : moved(ledger, step(sent, { status, sessionId: `ps_${recordId}` }));
}
