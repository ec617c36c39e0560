/** Entries of audit trails as they are stored: 16 bytes of the hash, then the text, shortened. This format is on disk. */
import type { AuditEntry } from '../../../batches/audit/audit-entry.ts';
import { shortText, wholeText } from '../audit-text.ts';

const hashBytes = 16;

export function encodeEntry({ text, hash }: AuditEntry): Buffer {
  const short = shortText(text);
  const stored = Buffer.allocUnsafe(hashBytes + Buffer.byteLength(short));
  stored.write(hash, 0, 'hex');
  stored.write(short, hashBytes);
  return stored;
}

/** @param number of an entry whose text does not say it */
export function decodeEntry(stored: Buffer, number: number): AuditEntry {
  const text = wholeText(stored.toString('utf8', hashBytes));
  const [, said] = /^\{"number":(\d+),/.exec(text) ?? [];
  return { number: said === undefined ? number : Number(said), text, hash: stored.toString('hex', 0, hashBytes) };
}
