/** The report as a workbook: the one sheet that has its columns. */
import readWorkbook, { InvalidSpreadsheetError } from 'read-excel-file/node';
import { fileTypeOfBytes } from '../csv/file-type.ts';
import { structural, type StructuralError } from '../csv/structural-error.ts';
import { textCell, textOf, type Cell } from './cell.ts';
import { countNeeded, readColumns, type Columns } from './columns.ts';
import { packParts, readParts, workbookLimits, type WorkbookLimits } from './workbook.ts';

/** Lines are rows of the sheet, from 1; rows without anything in them are left out. */
export interface Table {
  readonly columns: Columns;
  readonly rows: AsyncIterable<{ readonly line: number; readonly cells: readonly Cell[] }>;
}

/** A number as the workbook has it, told from text. */
class NumberText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | boolean | NumberText | Date | null;
interface Sheet {
  readonly sheet: string;
  readonly data: readonly (readonly Value[])[];
}

export async function readXlsxReport(bytes: Buffer, limits: WorkbookLimits = workbookLimits): Promise<Table> {
  const parts = await readParts(bytes, limits);
  if (!parts.some(({ name }) => name === 'xl/workbook.xml'))
    throw structural(1, 'not_a_report', fileTypeOfBytes(bytes) ?? 'This is a zip archive and no workbook: unpack it first.');
  const { data, header } = chooseSheet(await sheetsOf(packParts(parts)));
  const columns = readColumns(
    (data[header] ?? []).map((value) => textOf(cellOf(value))),
    header + 1,
  );
  async function* rows() {
    for (let index = header + 1; index < data.length; index += 1) {
      const cells = (data[index] ?? []).map(cellOf);
      if (cells.some(({ type }) => type !== 'empty')) yield { line: index + 1, cells };
    }
  }
  return { columns, rows: rows() };
}

async function sheetsOf(bytes: Buffer): Promise<readonly Sheet[]> {
  try {
    // The package declares dates as the constructor instead of its instances.
    const sheets: readonly unknown[] = await readWorkbook(bytes, { parseNumber: (text) => new NumberText(text), trim: false });
    return sheets as readonly Sheet[];
  } catch (error) {
    throw unreadable(error);
  }
}

/** Messages of the package name a cell and what is wrong with it, and never its value; others may quote the file. */
function unreadable(error: unknown): StructuralError {
  const cell = error instanceof InvalidSpreadsheetError ? /at row (\d+), col (\d+)/.exec(error.message) : null;
  const where = cell === null ? '' : ` (row ${cell[1]}, column ${cell[2]})`;
  return structural(
    cell === null ? 1 : Number(cell[1]),
    'workbook_damaged',
    `The workbook cannot be read${where}: download it again, or use the CSV form of the report.`,
  );
}

const cellOf = (value: Value): Cell => {
  if (value === null) return { type: 'empty' };
  if (value instanceof Date) return { type: 'date', at: value.getTime() };
  return value instanceof NumberText ? { type: 'number', text: value.text } : textCell(String(value));
};

/** The sheet whose first row with content has the most of the columns that are needed. */
function chooseSheet(sheets: readonly Sheet[]): { readonly data: Sheet['data']; readonly header: number } {
  const found = sheets.flatMap(({ data }) => {
    const header = data.findIndex((row) => row.some((value) => value !== null));
    const names = (data[header] ?? []).map((value) => textOf(cellOf(value)));
    return header === -1 ? [] : [{ data, header, needed: countNeeded(names) }];
  });
  if (found.length === 0) throw structural(1, 'file_empty', 'The workbook is empty: it has no row with the names of the columns.');
  const most = Math.max(...found.map(({ needed }) => needed));
  const [first, other] = found.filter(({ needed }) => needed === most);
  if (first === undefined || (other !== undefined && most > 0))
    throw structural(1, 'sheet_ambiguous', 'Several sheets of the workbook have the columns of the report: keep one of them.');
  return first;
}
