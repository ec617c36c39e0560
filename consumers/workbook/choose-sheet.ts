/** Which sheet is paid. It is never guessed, and what is not read is named. */
import type { LineProblem } from '../../batches/preflight/line-problem.ts';
import { maskName } from '../../batches/instruction/masks.ts';
import { structural } from '../csv/structural-error.ts';
import type { SheetPart } from './parts.ts';

const quoted = ({ name, isHidden }: SheetPart): string => `"${maskName(name)}"${isHidden ? ' (hidden)' : ''}`;
const listed = (sheets: readonly SheetPart[]): string =>
  sheets.length <= 10 ? sheets.map(quoted).join(', ') : `${sheets.slice(0, 10).map(quoted).join(', ')} and ${sheets.length - 10} more`;

export interface ChosenSheet {
  readonly name: string;
  readonly part: string;
  readonly warnings: readonly LineProblem[];
}

const warning = (code: string, message: string): LineProblem => ({ line: 1, column: null, code, message, value: null });

/** @param asked the name that the user gave; by default it is the first sheet */
export function chooseSheet(sheets: readonly SheetPart[], asked: string | undefined): ChosenSheet {
  const found = asked === undefined ? sheets.slice(0, 1) : sheetsNamed(sheets, asked);
  const [sheet, other] = found;
  if (sheet === undefined || other !== undefined) {
    throw structural(1, 'sheet_missing', `The workbook has no sheet of the name given with --sheet. Its sheets: ${listed(sheets)}.`);
  }
  if (asked === undefined && sheet.isHidden) {
    throw structural(
      1,
      'sheet_hidden',
      `The first sheet of the workbook is hidden: name the sheet to be paid with --sheet. Its sheets: ${listed(sheets)}.`,
    );
  }
  if (sheet.part === null) {
    throw structural(
      1,
      'sheet_without_rows',
      `${quoted(sheet)} is a chart and has no rows: name the sheet to be paid with --sheet. Its sheets: ${listed(sheets)}.`,
    );
  }
  const others = sheets.filter((one) => one !== sheet);
  return {
    name: sheet.name,
    part: sheet.part,
    warnings: [
      ...(sheet.isHidden ? [warning('sheet_hidden', `The sheet ${quoted(sheet)} is hidden, and it is the one that is read.`)] : []),
      ...(others.length === 0 ? [] : [warning('sheets_not_read', `Only the sheet ${quoted(sheet)} is read. Not read: ${listed(others)}.`)]),
    ],
  };
}

/** As it is spelled, or else whatever its case. */
function sheetsNamed(sheets: readonly SheetPart[], asked: string): readonly SheetPart[] {
  const exact = sheets.filter(({ name }) => name === asked);
  return exact.length > 0 ? exact : sheets.filter(({ name }) => name.toLowerCase() === asked.toLowerCase());
}
