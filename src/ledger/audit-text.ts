/**
 * Texts of audit trails as ledgers store them: what every entry has in common is left out, and long hex is kept in base64. A
 * text that would not come back as it was is stored whole. This format is on disk.
 */

/**
 * The beginning of an entry that can be shortened: its time is a whole number below 2^53, and only what begins with a brace
 * has its `"detail":` left out.
 */
const beginning = /\{"number":\d+,"at":(?:0|[1-9]\d{0,14}),"event":"[a-z_]+",(?:"detail":(?=\{)|(?!\{))/y;
const numberAt = '{"number":'.length;
const timeAfter = ',"at":'.length;
const eventAfter = ',"event":"'.length;
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
const shortHex = new RegExp(`${hexMark}([^${hexMark}]*)${hexMark}`, 'g');
const leastHex = 32;
const hexBytes = Buffer.alloc(512);
const anyMark = new RegExp(`[\\x01-${String.fromCharCode(words.length)}]`, 'g');

interface Word {
  readonly word: string;
  readonly second: number;
  readonly mark: string;
}

/** By the character that they begin with. */
const wordsFrom: (Word[] | undefined)[] = Array.from({ length: 128 }, () => undefined);
for (const [index, word] of words.entries())
  (wordsFrom[word.charCodeAt(0)] ??= []).push({ word, second: word.charCodeAt(1), mark: String.fromCharCode(index + 1) });

function wordAt(text: string, at: number, first: number): Word | undefined {
  const candidates = wordsFrom[first];
  if (candidates === undefined) return undefined;
  const second = text.charCodeAt(at + 1);
  for (const one of candidates) if (one.second === second && text.startsWith(one.word, at)) return one;
  return undefined;
}

const isHex = (code: number): boolean => (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66);

/** Where the hexadecimal digits end that begin at `from`. */
function hexEnd(text: string, from: number): number {
  let at = from;
  while (isHex(text.charCodeAt(at))) at += 1;
  return at;
}

/** The words and the long hex behind `from`, in one pass. @returns undefined for a text that has control characters itself */
function withMarks(text: string, from: number): string | undefined {
  let short = '';
  let taken = 0;
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code < 0x20) return undefined;
    const word = wordAt(text, at, code);
    const end = word === undefined && isHex(code) ? hexEnd(text, at) : at;
    const length = end - at;
    if (word !== undefined) {
      short += text.slice(taken, at) + word.mark;
      at += word.word.length;
      taken = at;
    } else if (length >= leastHex && length % 2 === 0 && length <= 2 * hexBytes.length) {
      const bytes = hexBytes.write(text.slice(at, end), 'hex');
      short += text.slice(taken, at) + hexMark + hexBytes.toString('base64url', 0, bytes) + hexMark;
      at = taken = end;
    } else at = Math.max(end, at + 1);
  }
  return short + text.slice(taken);
}

const restore = (text: string): string =>
  text
    .replaceAll(shortHex, (_, base64: string) => Buffer.from(base64, 'base64url').toString('hex'))
    .replaceAll(anyMark, (mark) => words[mark.charCodeAt(0) - 1] ?? mark)
    .replace(shortEntry, (_, number: string, at: string, event: string, rest: string) => {
      const what = rest.startsWith('{') ? `${detail}${rest}` : rest;
      return `{"number":${number},"at":${parseInt(at, 36)},"event":"${event}",${what}}`;
    });

/** As it is stored. A brace at its beginning says that nothing was shortened. */
export function shortText(text: string): string {
  beginning.lastIndex = 0;
  if (!beginning.test(text) || !text.endsWith('}')) return text;
  const numberEnd = text.indexOf(',', numberAt);
  const timeEnd = text.indexOf(',', numberEnd + timeAfter);
  const event = timeEnd + eventAfter;
  const number = text.slice(numberAt, numberEnd);
  const time = Number(text.slice(numberEnd + timeAfter, timeEnd)).toString(36);
  const head = `${number} ${time} `;
  return withMarks(`${head}${text.slice(event, text.indexOf('"', event))} ${text.slice(beginning.lastIndex, -1)}`, head.length) ?? text;
}

/** The entry's text, from what is stored. */
export const wholeText = (stored: string): string => (stored.startsWith('{') ? stored : restore(stored));
