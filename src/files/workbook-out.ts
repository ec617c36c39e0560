/** Workbooks (XLSX) that are written for people. They are made in memory; a CSV file is not. */
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Cell } from 'write-excel-file/node';
import { CommandError, exitCodes } from '../exit.ts';
import type { CsvFile } from '../../producers/csv-file.ts';

export const maxWorkbookRows = 50_000;

/** The most that a cell of a spreadsheet takes. */
const maxCellLength = 32_767;

/** Characters that no XML has, and lone surrogates. */
const unwritable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu;
/** Spreadsheets read `_x0041_` as the letter A. */
const escapeLike = /_(?=x[0-9A-Fa-f]{4}_)/g;

export const isWorkbookName = (path: string): boolean => /\.xlsx$/i.test(path);

/** @throws {CommandError} exit 1 when a workbook of this name would have too many rows */
export function assertWorkbookRows(flag: string, path: string, rows: number): void {
  if (!isWorkbookName(path) || rows <= maxWorkbookRows) return;
  throw new CommandError(
    exitCodes.usage,
    `cannot write ${flag} ${path}: it would have ${rows} rows, and a workbook is made in memory, of at most ${maxWorkbookRows} rows. Give a name that ends in .csv.`,
  );
}

/** A cell that stays text, also after a person typed into it. */
export const textCell = (text: string): Cell =>
  text === ''
    ? null
    : { value: text.replace(unwritable, '\ufffd').slice(0, maxCellLength).replace(escapeLike, '_x005F_'), type: String, format: '@' };

export interface OutSheet {
  readonly name: string;
  /** The first one stays in sight. */
  readonly rows: readonly (readonly Cell[])[];
  /** In characters; by default as wide as spreadsheets make them. */
  readonly widths?: readonly number[];
}

/**
 * The file appears whole or not at all, mode 0600.
 *
 * @throws Error of the file system
 */
export async function writeWorkbook(path: string, sheets: readonly OutSheet[]): Promise<void> {
  // Few runs write one, and its 78 modules would be a tenth of what each start loads.
  const { default: writeXlsxFile } = await import('write-excel-file/node');
  const bytes = await writeXlsxFile(
    sheets.map(({ name, rows, widths }) => ({
      sheet: name,
      data: rows.map((row) => [...row]),
      stickyRowsCount: 1,
      ...(widths === undefined ? {} : { columns: widths.map((width) => ({ width })) }),
    })),
  ).toBuffer();
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  const file = await open(temporary, 'wx', 0o600);
  try {
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw cause;
  }
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Rows of text that become a workbook at the end, of at most `maxWorkbookRows`. */
export function createWorkbookRows(path: string, sheet: string): CsvFile {
  const rows: Cell[][] = [];
  return {
    async write(cells) {
      if (rows.length > maxWorkbookRows) throw new RangeError(`a workbook is made in memory, of at most ${maxWorkbookRows} rows`);
      rows.push(cells.map(textCell));
    },
    finish: () => writeWorkbook(path, [{ name: sheet, rows }]),
    async abandon() {
      rows.length = 0;
    },
  };
}
