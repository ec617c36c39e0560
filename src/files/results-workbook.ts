/** Results as a workbook (XLSX). Ids and accounts are text, so that no leading zero is lost; amounts are numbers. */
import type { Cell } from 'write-excel-file/node';
import { currencyDecimals } from '../../batches/fields/currencies.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import { resultsCells, resultsCsvColumns } from '../../producers/results-csv.ts';
import { textCell, writeWorkbook } from './workbook-out.ts';

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
  await writeWorkbook(path, [{ name: 'results', rows: [header, ...rows] }]);
}
