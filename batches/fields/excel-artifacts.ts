/**
 * What spreadsheets do to identifiers and amounts, under codes of their own: the person who reads the error did nothing
 * wrong but open the file, and must be told how to get the lost digits back.
 */
import { violation, type RuleViolation } from './rule-violation.ts';
import { disallowedCharacter } from './text.ts';

const scientific = /^[+-]?\d+(?:[.,]\d+)?E[+-]\d+$|^[+-]?\d[.,]\d+E\d+$/i;
/** What a spreadsheet writes: always with a sign. Shows damage even where letters and digits are allowed. */
const scientificForSure = /^\d(?:[.,]\d+)?E\+\d+$/i;
const errorValue = /^#(?:REF!|N\/A|VALUE!|NAME\?|DIV\/0!|NULL!|NUM!|SPILL!|CALC!|FIELD!|BLOCKED!|CONNECT!|GETTING_DATA|#+)$/i;
const months = 'jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec';
const date = new RegExp(
  `^(?:\\d{1,2}[./]\\d{1,2}[./]\\d{2,4}|\\d{4}[-/.]\\d{1,2}[-/.]\\d{1,2}|\\d{1,2}[- ](?:${months})[a-z]*(?:[- ]\\d{2,4})?|(?:${months})[a-z]*[- ]\\d{1,4})(?:[ T]\\d{1,2}:\\d{2}.*)?$`,
  'i',
);

const scientificFault = violation(
  'excel_scientific',
  'A spreadsheet converted this number to scientific notation and lost digits: copy it again from the source, with the column formatted as text.',
);
const errorValueFault = violation(
  'excel_error_value',
  'This is a spreadsheet error, not a value: correct the formula or enter the value itself.',
);
const formulaFault = violation(
  'excel_formula',
  'This is a spreadsheet formula (such as ="…"), not a value: enter only what is between the quotes.',
);
const apostropheFault = violation('excel_apostrophe', 'The leading apostrophe is how a spreadsheet marks text: remove it.');
const dateFault = violation(
  'excel_date',
  'A spreadsheet converted this to a date: copy it again from the source, with the column formatted as text.',
);
const blankFault = violation('blank_around', 'There is a space at the start or the end: remove it.');

const blankOnly = violation('blank_only', 'There are only spaces here: enter the value or leave it empty.');

const hasBlankAround = (text: string): boolean => text.charCodeAt(0) === 0x20 || text.charCodeAt(text.length - 1) === 0x20;

/**
 * Why a value that must follow a strict grammar does not. To be asked after it failed: nothing here is checked on the way of a good row.
 *
 * @returns undefined when it is simply another value than wanted
 */
export const excelArtifact = (text: string): RuleViolation | undefined => {
  const odd = disallowedCharacter(text);
  if (odd !== undefined) return odd;
  const bare = text.trim();
  if (bare === '') return blankOnly;
  if (errorValue.test(bare)) return errorValueFault;
  if (bare.startsWith('=')) return formulaFault;
  if (bare.startsWith("'")) return apostropheFault;
  if (scientific.test(bare)) return scientificFault;
  if (date.test(bare)) return dateFault;
  return bare === text ? undefined : blankFault;
};

/**
 * Damage that shows even in an identifier of letters, digits and signs; cheap, for every row.
 */
export const excelArtifactOfIdentifier = (text: string): RuleViolation | undefined => {
  const first = text.charCodeAt(0);
  if (first === 0x27 || first === 0x3d || first === 0x23 || hasBlankAround(text)) return excelArtifact(text);
  return first <= 0x39 && scientificForSure.test(text) ? scientificFault : undefined;
};

/** Damage that shows in free text, where a blank, an apostrophe or a number sign may well stand first; cheap, for every row. */
export const excelArtifactOfFreeText = (text: string): RuleViolation | undefined => {
  const first = text.charCodeAt(0);
  if (first === 0x20) return text.trim() === '' ? blankOnly : undefined;
  if (first === 0x23) return errorValue.test(text) ? errorValueFault : undefined;
  return first === 0x3d && text.charCodeAt(1) === 0x22 ? formulaFault : undefined;
};
