/** Entries of audit trails as they are stored: 16 bytes of the hash, then the text, shortened. This format is on disk. */
import type { AuditEntry } from '../../../batches/audit/audit-entry.ts';
import { shortText, wholeText } from '../audit-text.ts';
import type { LedgerContext } from './context.ts';
import { shardOf } from './key-names.ts';

const hashBytes = 16;
export function encodeEntry({ text, hash }: AuditEntry): Buffer {
  return Buffer.concat([Buffer.from(hash, 'hex'), Buffer.from(shortText(text))]);
}

/** @param number of an entry whose text does not say it */
export function decodeEntry(stored: Buffer, number: number): AuditEntry {
  const text = wholeText(stored.toString('utf8', hashBytes));
  const [, said] = /^\{"number":(\d+),/.exec(text) ?? [];
  return { number: said === undefined ? number : Number(said), text, hash: stored.toString('hex', 0, hashBytes) };
}

export async function readTrail(
  { calls, names }: Pick<LedgerContext, 'calls' | 'names'>,
  recordId: string,
): Promise<readonly AuditEntry[]> {
  const shard = shardOf(recordId);
  const found = await calls.readBytes(shard, 'lrange', names.trail(shard, recordId), '0', '-1');
  return ((found ?? []) as unknown as readonly Buffer[]).map((stored, index) => decodeEntry(stored, index + 1));
}
