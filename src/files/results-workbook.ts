/** Results as a workbook (XLSX). Ids and accounts are text, so that no leading zero is lost; amounts are numbers. */
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import writeXlsxFile, { type Cell } from 'write-excel-file/node';
import { currencyDecimals } from '../../batches/fields/currencies.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import { resultsCells, resultsCsvColumns } from '../../producers/results-csv.ts';

/** A workbook is made in memory; a CSV file is not. */
export const maxWorkbookRows = 50_000;

/** The most that a cell of a spreadsheet takes. */
const maxCellLength = 32_767;

/** Characters that no XML has, and lone surrogates. */
const unwritable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu;
/** Spreadsheets read `_x0041_` as the letter A. */
const escapeLike = /_(?=x[0-9A-Fa-f]{4}_)/g;

const textCell = (text: string): Cell =>
  text === '' ? null : { value: text.replace(unwritable, '\ufffd').slice(0, maxCellLength).replace(escapeLike, '_x005F_'), type: String };

/** Text where a number of a spreadsheet would not be exact. */
function amountCell(text: string, event: ResultEvent): Cell {
  const { amount = 0, currency = '' } = event.amount_details ?? {};
  const decimals = currencyDecimals(currency) ?? 0;
  // Spreadsheets keep 15 digits.
  if (text === '' || Math.abs(amount) >= 1e15) return textCell(text);
  return { value: Number(text), type: Number, format: decimals === 0 ? '0' : `0.${'0'.repeat(decimals)}` };
}

/**
 * The file appears whole or not at all, mode 0600.
 *
 * @throws Error of the file system
 */
export async function writeResultsWorkbook({ path, events }: { readonly path: string; readonly events: Iterable<ResultEvent> }) {
  const rows = Array.from(events, (event) =>
    resultsCells(event).map((cell, index) => (resultsCsvColumns[index] === 'amount' ? amountCell(cell, event) : textCell(cell))),
  );
  const header = resultsCsvColumns.map((value): Cell => ({ value, type: String }));
  const bytes = await writeXlsxFile([header, ...rows], { sheet: 'results', stickyRowsCount: 1 }).toBuffer();
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
