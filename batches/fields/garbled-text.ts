/**
 * UTF-8 that was read as windows-1252 (or macintosh) and saved again: `Müller` becomes `MÃ¼ller`, `’` becomes `â€™`.
 * Every character of it is good by itself; the sequence shows it.
 */
import { violation, warning, type RuleViolation } from './rule-violation.ts';

/** What windows-1252 makes of the bytes 80 to BF, the second and later bytes of a character in UTF-8; letters and marks apart. */
const signs = '\u0080-\u00bf\u20ac\u201a\u201e\u2020\u2021\u02c6\u2030\u02dc\u2122';
/** Marks that may follow a letter: quotes, dashes. */
const marks = '\u2018\u2019\u201c\u201d\u2026\u2022\u2013\u2014\u2039\u203a';
const letters = 'ƒŠŒŽšœžŸ';

/**
 * Two bytes: a letter or mark counts only where no language writes the two side by side (`KŘÍŽ` is a name, `„Ö“` a quote).
 * Three and four bytes need all their later bytes.
 */
const garbled = new RegExp(
  `[\u00c2-\u00df][${signs}]|[ÂÃÄÅ][${letters}]|[ÂÃ][${marks}]|[\u00e0-\u00ef][${signs}${letters}${marks}]{2}|` +
    `[\u00f0-\u00f4][${signs}${letters}${marks}]{3}|√[©®º†∂ß∏§≠¶•±≤≥¥∞]|├[^\\s\\w]`,
);
const candidate = /[\u00c2-\u00f4√├]/;

export const isGarbled = (text: string): boolean => candidate.test(text) && garbled.test(text);

const sentence =
  'This text looks garbled: it is UTF-8 that was read in another encoding, as Ã¼ for ü. Take it again from the source, and export it as UTF-8.';

export const garbledFault: RuleViolation = violation('garbled_text', sentence);
export const garbledWarning: RuleViolation = warning('garbled_text', sentence);
