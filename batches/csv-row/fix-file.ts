/**
 * The fix-file: bad rows as they were, for people who open it in a spreadsheet, and readable as a payout file again.
 * Writing and reading are in different rooms; what they have in common is here.
 */

/** What spreadsheets take for the beginning of a formula, in half and full width, and the blanks that hide one. */
const formula = String.raw`[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]`;
const formulaPattern = new RegExp(`^${formula}`);
const escapable = new RegExp(`^'*${formula}`);
const escaped = new RegExp(`^'+${formula}`);

/** The last column of a fix-file. It is ignored when the file is read. */
export const errorColumn = 'error';

/** Whether a file comes from a fix-file, by its last column. */
export const isFixFile = (header: readonly string[]): boolean => header.at(-1)?.trim().toLowerCase() === errorColumn;

/** The cell as text that no spreadsheet runs: an apostrophe before what looks like a formula. */
export const escapeFormula = (cell: string): string => (formulaPattern.test(cell) ? `'${cell}` : cell);

/** The same for a cell that is read again: `restoreCell` undoes it exactly, also for a cell that had an apostrophe of its own. */
export const protectCell = (cell: string): string => (escapable.test(cell) ? `'${cell}` : cell);

/** The cell as it was before `protectCell`. */
export const restoreCell = (cell: string): string => (escaped.test(cell) ? cell.slice(1) : cell);
