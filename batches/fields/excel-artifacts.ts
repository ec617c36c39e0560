/**
 * What programs do to identifiers and amounts, under codes of their own: the person who reads the error did nothing
 * wrong but open the file, and must learn how to get the lost digits back.
 */
import { violation, warning, type RuleViolation } from './rule-violation.ts';
import { isDate } from './dates.ts';
import { isErrorValue, isNeverText, isPlaceholder, isRarelyText } from './error-values.ts';
import { garbledFault, garbledWarning, isGarbled } from './garbled-text.ts';
import { disallowedCharacter } from './text.ts';

/** `1.9e18`, `1,9E+18`, `19e17`, `1.9×10^18`: digits, then a power of ten. `219E01BE` has more after it and does not match. */
const scientific = /^[+\u2212-]?(?:\d+(?:[.,]\d*)?|[.,]\d+) ?(?:e|[x×*·] ?10\^?) ?[+\u2212-]?\d+$/i;
/** `77.0`, `12345678,00`: a whole number that a program has turned into a decimal one, grouped or not. */
const decimal = /^[+\u2212-]?\d+(?:[.,' ]\d{3})*[.,]0+$/;

const scientificFault = violation(
  'excel_scientific',
  'A program converted this number to scientific notation, and digits may be lost: copy it again from the source, with the column formatted as text.',
);
const decimalFault = violation(
  'excel_decimal',
  'A program converted this whole number to a decimal one, with .0 at its end: copy it again from the source, with the column formatted as text.',
);
const errorValueFault = violation(
  'excel_error_value',
  'This is a spreadsheet error, not a value: correct the formula or enter the value itself.',
);
const quotedFormula = violation(
  'excel_formula',
  'This is a spreadsheet formula (such as ="…"), not a value: enter only what is between the quotes.',
);
const formulaFault = violation('excel_formula', 'This is a spreadsheet formula, not a value: enter its result.');
const apostropheFault = violation('excel_apostrophe', 'The leading apostrophe is how a spreadsheet marks text: remove it.');
const dateFault = violation(
  'excel_date',
  'This is a date, and a spreadsheet may have converted another value to it: copy it again from the source, with the column formatted as text.',
);
const placeholderFault = violation(
  'placeholder_value',
  'A program wrote this word where it had no value: enter the value, or leave it empty.',
);
const placeholderWarning = warning('placeholder_value', 'Programs write this word where they have no value: check that it is meant.');
const blankFault = violation('blank_around', 'There is a space at the start or the end: remove it.');
const blankOnly = violation('blank_only', 'There are only spaces here: enter the value or leave it empty.');

const hasBlankAround = (text: string): boolean => text.charCodeAt(0) === 0x20 || text.charCodeAt(text.length - 1) === 0x20;

const formula = (text: string): RuleViolation => (/^="/.test(text) ? quotedFormula : formulaFault);

/** What was done to a number, whatever the grammar of its column. */
const damagedNumber = (bare: string): RuleViolation | undefined => {
  if (scientific.test(bare)) return scientificFault;
  if (decimal.test(bare)) return decimalFault;
  return isDate(bare) ? dateFault : undefined;
};

/**
 * Why a value that must follow a strict grammar does not. To be asked after it failed: nothing here is checked on the path of a good row.
 *
 * @returns undefined when it is simply another value than wanted
 */
export const excelArtifact = (text: string): RuleViolation | undefined => {
  const odd = disallowedCharacter(text);
  if (odd !== undefined) return odd;
  const bare = text.trim();
  if (bare === '') return blankOnly;
  if (isErrorValue(bare)) return errorValueFault;
  if (bare.startsWith('=')) return formula(bare);
  if (bare.startsWith("'")) return apostropheFault;
  if (isPlaceholder(bare)) return placeholderFault;
  if (isGarbled(bare)) return garbledFault;
  return damagedNumber(bare) ?? (bare === text ? undefined : blankFault);
};

const onlyDigits = /^[0-9]+$/;

/**
 * Damage that fits the grammar of record ids and account members, which is letters, digits and a few signs; cheap, for
 * every row.
 */
export const excelArtifactOfAccount = (text: string): RuleViolation | undefined => {
  if (onlyDigits.test(text)) return undefined;
  const first = text.charCodeAt(0);
  if (first === 0x27 || first === 0x3d || first === 0x23 || hasBlankAround(text)) return excelArtifact(text);
  if (isPlaceholder(text)) return placeholderFault;
  if (isErrorValue(text)) return errorValueFault;
  if (isGarbled(text)) return garbledFault;
  return damagedNumber(text);
};

/** What a spreadsheet writes: always with a sign. It shows damage even in a text that may be anything. */
const scientificForSure = /^\d(?:[.,]\d+)?E\+\d+$/i;

/** Damage that shows in an identifier that is no account, such as a registration number; cheap, for every row. */
export const excelArtifactOfIdentifier = (text: string): RuleViolation | undefined => {
  const first = text.charCodeAt(0);
  if (first === 0x27 || first === 0x3d || first === 0x23 || hasBlankAround(text)) return excelArtifact(text);
  if (first <= 0x39 && scientificForSure.test(text)) return scientificFault;
  return noText(text);
};

/** Damage that shows in free text, where a blank, an apostrophe or a number sign may well be first; cheap, for every row. */
export const excelArtifactOfFreeText = (text: string): RuleViolation | undefined => {
  if (text.charCodeAt(0) === 0x20 && text.trim() === '') return blankOnly;
  if (text.charCodeAt(0) === 0x3d && text.charCodeAt(1) === 0x22) return quotedFormula;
  return noText(text);
};

function noText(text: string): RuleViolation | undefined {
  if (isNeverText(text)) return placeholderFault;
  return isErrorValue(text.trim()) ? errorValueFault : undefined;
}

/** What may be meant and rarely is. To be asked last, of text that is good. */
export const oddText = (text: string): RuleViolation | undefined => {
  if (isRarelyText(text)) return placeholderWarning;
  return isGarbled(text) ? garbledWarning : undefined;
};
