/** What can be wrong with a workbook as a whole: nothing of it is paid. None shows a value of a cell. */
import { structural, type StructuralError } from '../csv/structural-error.ts';

export const damaged = (what: string, line = 1): StructuralError =>
  structural(
    line,
    'workbook_damaged',
    `The workbook cannot be read (${what}): open it in a spreadsheet, save it again as .xlsx, and use that file.`,
  );

export const encrypted = (): StructuralError =>
  structural(1, 'workbook_encrypted', 'The workbook is protected by a password: save it without one.');

export const oldWorkbook = (): StructuralError =>
  structural(1, 'workbook_old', 'This is an old Excel workbook (.xls): save it as .xlsx or as CSV UTF-8.');

export const withMacros = (): StructuralError =>
  structural(1, 'workbook_macros', 'The workbook contains macros (.xlsm): save it as .xlsx, which has none, and check the amounts again.');

export const binaryWorkbook = (): StructuralError =>
  structural(1, 'workbook_binary', 'This is a binary Excel workbook (.xlsb): save it as .xlsx or as CSV UTF-8.');

export const rowTooLong = (line: number): StructuralError =>
  structural(
    line,
    'record_too_long',
    'The row has more than 64 KiB of text or more than 1,024 columns, which no payout has: remove what does not belong there.',
  );

export const bomb = (): StructuralError =>
  structural(
    1,
    'workbook_too_large',
    'The workbook unpacks to more than a payout file may have. Inspect it, split it, or save it as CSV UTF-8.',
  );
