/** Steps that bring a ledger's records where a test needs them. */
import type { ValidInstruction } from '../../batches/instruction/instruction.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import { admitOne, advanceOne } from '../../batches/ports/single.ts';
import type { LedgerRecord, Verdict } from '../../batches/record/record.ts';
import type { Change } from '../../batches/record/change.ts';
import { recordEvent } from '../../batches/record/result-event.ts';
import { isPublished, type RecordStatus } from '../../batches/record/status.ts';
import { recordIntent } from '../../batches/record/transitions.ts';
import { admission, at, batchA, instructionOf, keys, lineOf, transitionSettings, valid } from './builders.ts';

/** Admits a new instruction and answers its record. */
export async function admitted(
  ledger: Ledger,
  recordId: string,
  line: number,
  patch: Partial<ValidInstruction> = {},
  batchId = batchA,
): Promise<LedgerRecord> {
  const verdict: Verdict = await admitOne(ledger, admission(lineOf(batchId, line), valid(instructionOf(recordId, patch)), batchId));
  if (verdict.type !== 'admitted') throw new Error(`${recordId} was to be admitted and is ${verdict.type}`);
  return verdict.record;
}

/** Any step, whether a rule would decide it or not. */
export function step(record: LedgerRecord, patch: Partial<LedgerRecord>, more: Pick<Change, 'body'> = {}): Change {
  const reports = patch.status !== undefined && patch.status !== record.status && isPublished[patch.status];
  const after: LedgerRecord = { ...record, ...patch, version: record.version + 1, sequence: record.sequence + (reports ? 1 : 0) };
  return { expected: record.version, after, ...(reports ? { event: recordEvent(keys, after, at) } : {}), ...more };
}

/** Writes a step that must succeed and answers the record after it. */
export async function moved(ledger: Ledger, change: Change): Promise<LedgerRecord> {
  const written = await advanceOne(ledger, change);
  if (!written.ok) throw new Error(`${change.after.recordId} has version ${written.current.version}, not ${change.expected}`);
  return change.after;
}

export const intent = (record: LedgerRecord, bytes: Uint8Array = Buffer.from('{}'), time = at): Change =>
  recordIntent(record, {
    owner: 'me',
    at: time,
    clocks: { wallAt: time, uptimeMs: null },
    leaseMs: 60_000,
    bytes,
    terms: transitionSettings,
  });

/** A record of the batch brought to this status over its ordinary way. */
export async function recordIn(ledger: Ledger, status: RecordStatus, recordId: string, line: number): Promise<LedgerRecord> {
  const queued = await admitted(ledger, recordId, line);
  if (status === 'queued') return queued;
  if (status === 'rejected') return moved(ledger, step(queued, { status }));
  const sent = await moved(ledger, intent(queued));
  return status === 'submitting' ? sent : moved(ledger, step(sent, { status, sessionId: `ps_${recordId}`, isSessionProven: true }));
}
