/**
 * Entries of audit trails as they are stored: 16 bytes of the hash, then the text, shortened. What `encodeEntry` shortens
 * it can restore; a text that would not come back as it was is stored whole. These formats are on disk.
 */
import type { AuditEntry } from '../../../batches/audit/audit-entry.ts';
import type { LedgerContext } from './context.ts';
import { shardOf } from './key-names.ts';

const hashBytes = 16;
const entry = /^\{"number":(\d+),"at":(\d+),"event":"([a-z_]+)",(.*)\}$/s;
const detail = '"detail":';
const shortEntry = /^(\d+) ([0-9a-z]+) ([a-z_]+) (.*)$/s;
/** Fingerprints and ids of batches, which most entries of an admission hold. */
const hex = /[0-9a-f]{32,}/g;
const shortHex = /~([A-Za-z0-9_-]+)~/g;

const shorten = (text: string): string =>
  text
    .replace(entry, (_, number: string, at: string, event: string, rest: string) => {
      const what = rest.startsWith(detail) ? rest.slice(detail.length) : rest;
      return `${number} ${Number(at).toString(36)} ${event} ${what}`;
    })
    .replace(hex, (digits) => (digits.length % 2 === 0 ? `~${Buffer.from(digits, 'hex').toString('base64url')}~` : digits));

const restore = (text: string): string =>
  text
    .replace(shortHex, (_, base64: string) => Buffer.from(base64, 'base64url').toString('hex'))
    .replace(shortEntry, (_, number: string, at: string, event: string, rest: string) => {
      const what = rest.startsWith('{') ? `${detail}${rest}` : rest;
      return `{"number":${number},"at":${parseInt(at, 36)},"event":"${event}",${what}}`;
    });

export function encodeEntry({ text, hash }: AuditEntry): Buffer {
  const short = shorten(text);
  return Buffer.concat([Buffer.from(hash, 'hex'), Buffer.from(restore(short) === text ? short : text)]);
}

/** @param number of an entry whose text does not say it */
export function decodeEntry(stored: Buffer, number: number): AuditEntry {
  const kept = stored.toString('utf8', hashBytes);
  const text = kept.startsWith('{') ? kept : restore(kept);
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
