/** The report as CSV, read by the strict reader of payout files: UTF-8, separated by commas or semicolons. */
import { readCsv } from '../csv/read-csv.ts';
import { structural, StructuralError } from '../csv/structural-error.ts';
import { textCell } from './cell.ts';
import { readColumns } from './columns.ts';
import type { Table } from './xlsx-report.ts';

export async function readCsvReport(path: string): Promise<Table & { readonly close: () => Promise<void> }> {
  const file = await readCsv(path).catch((error: unknown) => {
    throw forReports(error);
  });
  try {
    const columns = readColumns(file.header, file.headerLine);
    async function* rows() {
      try {
        for await (const block of file.blocks) for (const { line, cells } of block) yield { line, cells: cells.map(textCell) };
      } catch (error) {
        throw forReports(error);
      }
    }
    return { columns, rows: rows(), close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** What the reader advises for payout files is no advice for reports, which have no options. */
const advice: ReadonlyMap<string, string> = new Map([
  ['file_empty', 'The report is empty: download it again.'],
  ['header_missing', 'The report has no line with the names of its columns: download it again.'],
  ['encoding_invalid', 'The report is not in UTF-8 from this line on: download it again, or save it as UTF-8.'],
  ['encoding_unmarked_utf16', 'The report is not in UTF-8: download it again, or save it as UTF-8.'],
  ['delimiter_ambiguous', 'The columns of the report are not separated by , or ; alone: download it again.'],
]);

function forReports(error: unknown): unknown {
  if (!(error instanceof StructuralError)) return error;
  const [{ line, code }] = error.problems;
  const message = advice.get(code);
  return message === undefined ? error : structural(line, code, message);
}
