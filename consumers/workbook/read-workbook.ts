/**
 * A sheet of a workbook as a stream of rows, in the form in which CSV files are read: lines are the row numbers of the sheet.
 * Memory does not grow with the rows.
 */
import { openPlain, type OpenFile, type SourceOptions } from '../csv/file.ts';
import type { CsvFile } from '../csv/read-csv.ts';
import type { CsvRow } from '../csv/rows.ts';
import { structural, StructuralError } from '../csv/structural-error.ts';
import { chooseSheet } from './choose-sheet.ts';
import { oldHead, openWorkbook, type OpenedWorkbook } from './open-workbook.ts';
import { openRows, type RowStream } from './row-stream.ts';
import { createRowMaker } from './rows.ts';
import type { SheetRow } from './sheet.ts';
import type { ZipLimits } from './zip.ts';

/** What is reported, and pinned, as the encoding of a workbook. */
export const workbookEncoding = 'xlsx';

/** @property sheet by its name; the first one by default */
export interface WorkbookOptions extends SourceOptions {
  readonly sheet?: string;
  readonly limits?: ZipLimits;
}

const zipHead = /^504b0304/;

/** Whether a file begins like a workbook, of today or of old. A pipe is never looked into. */
export async function isWorkbook(path: string, openFile: OpenFile = openPlain): Promise<boolean> {
  const handle = await openFile(path).catch(() => undefined);
  if (handle === undefined) return false;
  try {
    if (!(await handle.stat()).isFile()) return false;
    const first = Buffer.alloc(8);
    await handle.read(first, 0, 8, 0);
    const head = first.toString('hex');
    return zipHead.test(head) || oldHead.test(head);
  } finally {
    await handle.close();
  }
}

/** @throws StructuralError, FileChangedError, or the reason of the signal */
export async function readWorkbook(path: string, options: WorkbookOptions = {}): Promise<CsvFile> {
  const workbook = await openWorkbook(path, options);
  const { file } = workbook;
  const { sha256, bytes } = file.digest;
  const failed = (error: unknown): unknown =>
    error instanceof StructuralError && options.expected === undefined
      ? new StructuralError(error.problems, { sha256, bytes, encoding: workbookEncoding })
      : error;
  try {
    const { sheet, rows } = await openSheet(workbook, options.sheet);
    const { row, rest } = await findHeader(rows);
    const maker = createRowMaker(row, sheet.warnings);
    const close = async (): Promise<void> => {
      await rows.close();
      await file.close();
    };
    async function* blocks(): AsyncGenerator<readonly CsvRow[]> {
      try {
        if (rest.length > 0) yield maker.take(rest);
        for (let block = await rows.next(); block !== undefined; block = await rows.next()) yield maker.take(block);
      } catch (error) {
        throw failed(error);
      } finally {
        await close();
      }
    }
    const all = blocks();
    return {
      header: row.cells,
      headerLine: row.line,
      delimiter: ',',
      encoding: workbookEncoding,
      sheet: sheet.name,
      rereadable: true,
      blocks: all,
      async *judged({ here }) {
        for await (const block of all) yield here(block);
      },
      bytesRead: file.bytesRead,
      finished() {
        if (!rows.isAtEnd()) throw new Error('the file was not read to its end');
        return { ...file.digest, lines: maker.lastLine(), ...maker.end(rows.facts()) };
      },
      close,
    };
  } catch (error) {
    await file.close();
    throw failed(error);
  }
}

async function openSheet({ find }: OpenedWorkbook, asked: string | undefined) {
  const { zip, parts } = await find();
  const sheet = chooseSheet(parts.sheets, asked);
  return { sheet, rows: await openRows(zip, parts, sheet.part) };
}

/** The first row that has something in it, and what came with it. */
async function findHeader(rows: RowStream): Promise<{ readonly row: SheetRow; readonly rest: readonly SheetRow[] }> {
  try {
    const [row, ...rest] = (await rows.next()) ?? [];
    if (row !== undefined) return { row, rest };
    throw structural(1, 'file_empty', 'The sheet is empty: it needs a row with the names of the columns, and rows.');
  } catch (error) {
    await rows.close();
    throw error;
  }
}
