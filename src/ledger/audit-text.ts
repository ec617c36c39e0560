/**
 * Texts of audit trails as ledgers store them: what every entry has in common is left out, and long hex is kept in base64. A
 * text that would not come back as it was is stored whole. This format is on disk.
 */

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

/** As it is stored. */
export function shortText(text: string): string {
  const short = shorten(text);
  // A brace at the beginning says that nothing was shortened.
  return !short.startsWith('{') && restore(short) === text ? short : text;
}

/** The entry's text, from what is stored. */
export const wholeText = (stored: string): string => (stored.startsWith('{') ? stored : restore(stored));
