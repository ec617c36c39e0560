/**
 * Characters that do not belong into a payout: what cannot be seen, what cannot be sent, what shows that a file was
 * decoded wrongly. They are reported by code point, because a person who looks at the cell sees nothing wrong.
 */
import { isJoiner, isSpelling } from './joiners.ts';
import { violation, type RuleViolation } from './rule-violation.ts';

/**
 * One cheap look at a text: any control, invisible or broken character, or any half of a surrogate pair. A hit is not
 * yet a fault: an emoji is a pair of halves, which `oddCharacter` knows.
 *
 * Blanks that are not U+0020 are in it (they come from word processors and break comparisons), but not U+3000, which
 * Japanese names are written with. The joiners U+200C and U+200D are in it: whether they are spelling, their neighbours show.
 */
const suspect =
  // oxlint-disable-next-line no-misleading-character-class -- single code units are looked for, not what people see as one
  /[\u0000-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff0-\uffff\ud800-\udfff]/;

const names: ReadonlyMap<number, string> = new Map([
  [0x00, 'null character'],
  [0x09, 'tab'],
  [0x0a, 'line break'],
  [0x0d, 'carriage return'],
  [0x7f, 'delete'],
  [0xa0, 'no-break space'],
  [0xad, 'soft hyphen'],
  [0x200b, 'zero width space'],
  [0x200c, 'zero width non-joiner'],
  [0x200d, 'zero width joiner'],
  [0x200e, 'left-to-right mark'],
  [0x200f, 'right-to-left mark'],
  [0x202f, 'narrow no-break space'],
  [0x2060, 'word joiner'],
  [0xfeff, 'byte order mark'],
]);

const told = (codePoint: number): string => {
  const hex = `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`;
  const name = names.get(codePoint);
  return name === undefined ? hex : `${hex} (${name})`;
};

const isNonCharacter = (codePoint: number): boolean => (codePoint & 0xfffe) === 0xfffe || (codePoint >= 0xfdd0 && codePoint <= 0xfdef);

const faultOf = (codePoint: number, position: number): RuleViolation | undefined => {
  const where = `at character ${position}`;
  if (codePoint >= 0xd800 && codePoint <= 0xdfff) {
    return violation(
      'lone_surrogate',
      `Half of a character, ${told(codePoint)}, is ${where}: the text was cut off or decoded incorrectly; enter it again.`,
    );
  }
  if (codePoint === 0xfffd) {
    return violation(
      'replacement_character',
      `U+FFFD is ${where}: a character was lost when the text was decoded; enter it again from the source.`,
    );
  }
  if (codePoint < 0x20 || (codePoint >= 0x7f && codePoint <= 0x9f)) {
    return violation('control_character', `The control character ${told(codePoint)} is ${where}: remove it.`);
  }
  if (isNonCharacter(codePoint)) return violation('control_character', `${told(codePoint)} ${where} is not a character: remove it.`);
  const isTag = codePoint >= 0xe0000 && codePoint <= 0xe007f;
  if (codePoint > 0xffff && !isTag) return undefined;
  return violation('invisible_character', `The invisible character ${told(codePoint)} is ${where}: remove it or use an ordinary space.`);
};

const lineBreaksAndTabs = /^[\t\n\r]$/;

/** The first odd character of a text, reported by code point and position (counted from 1 in characters). */
export const disallowedCharacter = (text: string, { allowLines = false } = {}): RuleViolation | undefined => {
  if (!suspect.test(text)) return undefined;
  let position = 0;
  let before = '';
  let end = 0;
  for (const character of text) {
    position += 1;
    end += character.length;
    const isText =
      !suspect.test(character) ||
      (allowLines && lineBreaksAndTabs.test(character)) ||
      (isJoiner(character) && isSpelling(before, text.slice(end)));
    before = character;
    if (isText) continue;
    const found = faultOf(character.codePointAt(0) ?? 0, position);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** Characters as people count them: an emoji is one. */
const lengthOf = (text: string): number => {
  if (!/[\ud800-\udfff]/.test(text)) return text.length;
  let count = 0;
  for (const _ of text) count += 1;
  return count;
};

/** @param max in characters */
export const tooLong = (text: string, max: number): RuleViolation | undefined => {
  if (text.length <= max) return undefined;
  const length = lengthOf(text);
  return length <= max
    ? undefined
    : violation('text_too_long', `This is ${length} characters long; at most ${max} are allowed: shorten it.`);
};
