/**
 * Entries of audit trails as they are stored: 16 bytes of the hash, then the text, shortened. A text, which is a JSON
 * object, is stored whole when it would not come back as it was. These formats are on disk.
 */
import type { AuditEntry } from '../../../batches/audit/audit-entry.ts';
import type { LedgerContext } from './context.ts';
import { shardOf } from './key-names.ts';

const hashBytes = 16;
const entry = /^\{"number":(\d+),"at":(\d+),"event":"([a-z_]+)",(.*)\}$/s;
const detail = '"detail":';
const shortEntry = /^(\d+) ([0-9a-z]+) ([a-z_]+) (.*)$/s;

/**
 * Each is stored as one control character, from 1 on, which JSON never contains. Append to this list; never change it.
 * The longer one of two that begin alike comes first.
 */
const words = [
  'admitted {"place":"file:',
  'admitted {"place":"topic:',
  ',"amount":',
  ',"currency":"',
  ',"fingerprint":"',
  'intent {"attempt":1,"send":',
  'answer {"status":"',
  'webhook {"status":"',
  'status_check {"status":"',
  'in_progress"',
  'succeeded"',
  'failed"',
  'unknown"',
  ',"session_id":"',
  ',"entry_id":"',
  ',"code":"',
  ',"description":"',
  '"by":"',
] as const;
/** Before and after a run of hexadecimal digits in base64: fingerprints and ids of batches. */
const hexMark = '\x1f';
const hex = /[0-9a-f]{32,}/g;
const shortHex = new RegExp(`${hexMark}([^${hexMark}]*)${hexMark}`, 'g');
const anyWord = new RegExp(words.map((word) => word.replaceAll(/[{}"]/g, '\\$&')).join('|'), 'g');
const anyMark = new RegExp(`[\\x01-${String.fromCharCode(words.length)}]`, 'g');
const marks = new Map<string, string>(words.map((word, index) => [word, String.fromCharCode(index + 1)]));

const shorten = (text: string): string =>
  text
    .replace(entry, (_, number: string, at: string, event: string, rest: string) => {
      const what = rest.startsWith(detail) ? rest.slice(detail.length) : rest;
      return `${number} ${Number(at).toString(36)} ${event} ${what}`;
    })
    .replaceAll(anyWord, (word) => marks.get(word) ?? word)
    .replaceAll(hex, (digits) =>
      digits.length % 2 === 0 ? `${hexMark}${Buffer.from(digits, 'hex').toString('base64url')}${hexMark}` : digits,
    );

const restore = (text: string): string =>
  text
    .replaceAll(shortHex, (_, base64: string) => Buffer.from(base64, 'base64url').toString('hex'))
    .replaceAll(anyMark, (mark) => words[mark.charCodeAt(0) - 1] ?? mark)
    .replace(shortEntry, (_, number: string, at: string, event: string, rest: string) => {
      const what = rest.startsWith('{') ? `${detail}${rest}` : rest;
      return `{"number":${number},"at":${parseInt(at, 36)},"event":"${event}",${what}}`;
    });

/** What is stored whole begins as a JSON object does: so does the text of an entry whose time is no whole number. */
const isWhole = (stored: string): boolean => stored.startsWith('{');

export function encodeEntry({ text, hash }: AuditEntry): Buffer {
  const short = shorten(text);
  return Buffer.concat([Buffer.from(hash, 'hex'), Buffer.from(isWhole(short) || restore(short) !== text ? text : short)]);
}

/** @param number of an entry whose text does not say it */
export function decodeEntry(stored: Buffer, number: number): AuditEntry {
  const kept = stored.toString('utf8', hashBytes);
  const text = isWhole(kept) ? kept : restore(kept);
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
