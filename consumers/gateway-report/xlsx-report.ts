/** The report as a workbook: the one sheet that has its columns, read as a stream. */
import { structural, StructuralError } from '../csv/structural-error.ts';
import { openWorkbook } from '../workbook/open-workbook.ts';
import type { WorkbookParts } from '../workbook/parts.ts';
import { readReferences, streamRows, type References } from '../workbook/row-stream.ts';
import type { SheetRow } from '../workbook/sheet.ts';
import { zipLimits, type Zip } from '../workbook/zip.ts';
import { textOf, type Cell } from './cell.ts';
import { countNeeded, readColumns, type Columns } from './columns.ts';
import { cellsOf } from './sheet-cells.ts';

/** Lines are rows of the sheet, from 1; rows without anything in them are left out. */
export interface Table {
  readonly columns: Columns;
  readonly rows: AsyncIterable<{ readonly line: number; readonly cells: readonly Cell[] }>;
}

export interface UnpackedLimits {
  /** Of all parts that are read. */
  readonly maxUnpackedBytes: number;
}

interface Book extends References {
  readonly zip: Zip;
  readonly parts: WorkbookParts;
}

/** @throws StructuralError */
export async function openXlsxReport(
  path: string,
  { maxUnpackedBytes }: UnpackedLimits,
): Promise<Table & { readonly close: () => Promise<void> }> {
  const limits = { ...zipLimits, maxBytes: maxUnpackedBytes, maxTotalBytes: maxUnpackedBytes };
  const { file, find } = await openWorkbook(path, { limits });
  try {
    const { zip, parts } = await find();
    const book: Book = { zip, parts, ...(await readReferences(zip, parts)) };
    const close = async (): Promise<void> => {
      book.texts.close();
      await file.close();
    };
    try {
      const { part, header } = await chooseSheet(book);
      const columns = readColumns(namesIn(header, parts), header.line);
      return { columns, rows: rowsOf(book, part, columns.names.length), close };
    } catch (error) {
      book.texts.close();
      throw error;
    }
  } catch (error) {
    await file.close();
    throw forReports(error);
  }
}

/** The rows behind the header. */
async function* rowsOf(book: Book, part: string, width: number) {
  const stream = streamRows(book.zip, book, part);
  let seenHeader = false;
  try {
    for (let block = await stream.next(); block !== undefined; block = await stream.next()) {
      for (const row of block) {
        const cells = seenHeader ? cellsOf(row, book.parts, width) : [];
        seenHeader = true;
        if (cells.some(({ type }) => type !== 'empty')) yield { line: row.line, cells };
      }
    }
  } catch (error) {
    throw forReports(error);
  } finally {
    await stream.close();
  }
}

const namesIn = (header: SheetRow, parts: WorkbookParts): readonly string[] => cellsOf(header, parts).map(textOf);

/** The sheet whose first row with content has the most of the columns that are needed. */
async function chooseSheet(book: Book): Promise<{ readonly part: string; readonly header: SheetRow }> {
  const found: { readonly part: string; readonly header: SheetRow; readonly needed: number }[] = [];
  for (const { part } of book.parts.sheets) {
    const header = part === null ? undefined : await firstRow(book, part);
    if (part !== null && header !== undefined) found.push({ part, header, needed: countNeeded(namesIn(header, book.parts)) });
  }
  if (found.length === 0) throw structural(1, 'file_empty', 'The workbook is empty: it has no row with the names of the columns.');
  const most = found.reduce((highest, { needed }) => Math.max(highest, needed), 0);
  const [first, other] = found.filter(({ needed }) => needed === most);
  if (first === undefined || (other !== undefined && most > 0))
    throw structural(1, 'sheet_ambiguous', 'Several sheets of the workbook have the columns of the report: keep one of them.');
  return first;
}

async function firstRow(book: Book, part: string): Promise<SheetRow | undefined> {
  const stream = streamRows(book.zip, book, part);
  try {
    return (await stream.next())?.[0];
  } finally {
    await stream.close();
  }
}

/** What is advised for payout files is no advice for reports. */
const advice: ReadonlyMap<string, string> = new Map([
  ['workbook_encrypted', 'The workbook is protected by a password: save it without one, or use the CSV form of the report.'],
  ['workbook_old', 'This is an old Excel workbook (.xls): save it as .xlsx, or use the CSV form of the report.'],
  ['workbook_macros', 'The workbook contains macros (.xlsm), which no report has: download it again.'],
  ['workbook_binary', 'This is a binary Excel workbook (.xlsb): save it as .xlsx, or use the CSV form of the report.'],
  ['workbook_too_large', 'The workbook unpacks to more than a report may have: use the CSV form of the report.'],
  ['record_too_long', 'The row has more than 64 KiB of text or more than 1,024 columns, which no report has: download it again.'],
]);

function forReports(error: unknown): unknown {
  if (!(error instanceof StructuralError)) return error;
  const [{ line, code, message }] = error.problems;
  if (code === 'not_csv') return structural(line, 'not_a_report', message);
  if (code === 'workbook_damaged')
    return structural(
      line,
      code,
      message.replace(/: open it in a spreadsheet.*/, ': download it again, or use the CSV form of the report.'),
    );
  const own = advice.get(code);
  return own === undefined ? error : structural(line, code, own);
}
