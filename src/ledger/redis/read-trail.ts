import type { AuditEntry } from '../../../batches/audit/audit-entry.ts';
import type { LedgerContext } from './context.ts';
import { readStored } from './stored-record.ts';
import { decodeEntry } from './trails.ts';

/** The audit trail of the record, in its order. */
export async function readTrail(
  reads: Pick<LedgerContext, 'calls' | 'names' | 'readRecord'>,
  recordId: string,
): Promise<readonly AuditEntry[]> {
  const shard = reads.names.shardOf(recordId);
  const found = await reads.calls.readBytes(shard, 'lrange', reads.names.trail(shard, recordId), '0', '-1');
  const entries = ((found ?? []) as unknown as readonly Buffer[]).map((stored, index) => decodeEntry(stored, index + 1));
  // That of a packed record follows from what is kept of it.
  return entries.length > 0 ? entries : ((await readStored(reads, shard, recordId))?.trail ?? []);
}
