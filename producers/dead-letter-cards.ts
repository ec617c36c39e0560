/**
 * Card numbers in bytes that could not be read: sealed where they are, so that a dead letter can be on a topic and
 * still be opened, to the byte, by who holds the ledger key.
 *
 * `sealed:v1:<text>`, where the text ends at the first character that is not of base64. So that this end is never in
 * doubt, what follows a card number in that alphabet is sealed with it; and so that nothing else looks like a seal of
 * ours, a seal that was there before is sealed as well.
 */
import { passesLuhn } from '../batches/fields/cards.ts';

/** A stretch of a letter as it goes out, and how many of the original bytes it replaces. */
export interface Piece {
  readonly bytes: Buffer;
  readonly sealed: boolean;
  readonly originalBytes: number;
}

interface Span {
  readonly from: number;
  readonly to: number;
}

const prefix = 'sealed:v1:';
const [fewestDigits, mostDigits] = [13, 19];
/** NUL as well: between the digits of a text in UTF-16. */
const digitRuns = /[0-9](?:[ \0-]{0,3}[0-9]){12,}/g;
const digitGroups = /[0-9]+/g;
const foreignSeals = /sealed:v1:/g;
const alphabet = /[A-Za-z0-9+/=_-]*/y;
const onlyAlphabet = /^[A-Za-z0-9+/=_-]+$/;
const seals = /sealed:v1:([A-Za-z0-9+/=_-]*)/g;

/** Neighbouring groups of digits that are a card number together, by length and check digit. */
function cardsIn(run: string, at: number): Span[] {
  const groups = [...run.matchAll(digitGroups)].map((match) => ({ text: match[0], from: at + match.index }));
  const spans: Span[] = [];
  for (const [first, { from }] of groups.entries()) {
    let digits = '';
    for (let index = first; index < groups.length; index += 1) {
      const group = groups[index] as (typeof groups)[number];
      digits += group.text;
      if (digits.length > mostDigits) break;
      if (digits.length >= fewestDigits && passesLuhn(digits)) spans.push({ from, to: group.from + group.text.length });
    }
  }
  return spans;
}

/** What must be sealed, in order and without overlaps. */
function spansOf(text: string): Span[] {
  const found = [...text.matchAll(digitRuns)].flatMap((match) => cardsIn(match[0], match.index));
  for (const match of text.matchAll(foreignSeals)) found.push({ from: match.index, to: match.index + prefix.length });
  found.sort((a, b) => a.from - b.from);
  const spans: { from: number; to: number }[] = [];
  for (const { from, to } of found) {
    const last = spans.at(-1);
    if (last !== undefined && to <= last.to) continue;
    alphabet.lastIndex = to;
    const end = to + (alphabet.exec(text)?.[0].length ?? 0);
    if (last !== undefined && from <= last.to) last.to = end;
    else spans.push({ from, to: end });
  }
  return spans;
}

/**
 * @param seal answers base64, or base64url
 * @throws TypeError when `seal` answers anything else
 */
export function sealCardNumbers(bytes: Uint8Array, seal: (bytes: Buffer) => string): Piece[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pieces: Piece[] = [];
  const plain = (from: number, to: number): void => {
    if (to > from) pieces.push({ bytes: buffer.subarray(from, to), sealed: false, originalBytes: to - from });
  };
  let at = 0;
  // One character for each byte, so that places in the text are places in the bytes.
  for (const { from, to } of spansOf(buffer.toString('latin1'))) {
    plain(at, from);
    const text = seal(buffer.subarray(from, to));
    if (!onlyAlphabet.test(text)) throw new TypeError('a seal of a card number must be base64');
    pieces.push({ bytes: Buffer.from(prefix + text, 'latin1'), sealed: true, originalBytes: to - from });
    at = to;
  }
  plain(at, buffer.length);
  return pieces;
}

/**
 * The bytes as they were before `sealCardNumbers`: of a dead letter's value, key or `original_…` header.
 *
 * @param unseal the opposite of `seal`; throws when the seal is not ours
 */
export function unsealLetter(value: Uint8Array, unseal: (text: string) => Uint8Array): Buffer {
  const buffer = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const match of buffer.toString('latin1').matchAll(seals)) {
    parts.push(buffer.subarray(at, match.index), unseal(match[1] as string));
    at = match.index + match[0].length;
  }
  parts.push(buffer.subarray(at));
  return Buffer.concat(parts);
}
