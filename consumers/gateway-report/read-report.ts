/** The gateway's daily payouts report, CSV or XLSX, as a stream of typed rows. */
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { daysInName } from '../../batches/reconciliation/report-days.ts';
import type { ReportDays, ReportLine } from '../../batches/reconciliation/report-row.ts';
import { structural } from '../csv/structural-error.ts';
import { readCsvReport } from './csv-report.ts';
import { readRow } from './read-row.ts';
import { refuseOldWorkbook } from './workbook.ts';
import { readXlsxReport, type Table } from './xlsx-report.ts';

export interface GatewayReport {
  readonly format: 'csv' | 'xlsx';
  /** From the name of the file, as are the days; null when it has another form. */
  readonly project: string | null;
  readonly days: ReportDays | null;
  /** Can be iterated once; leaving it early closes the file. Throws `StructuralError` where the rest cannot be read. */
  readonly lines: AsyncIterable<ReportLine>;
  close(): Promise<void>;
}

export interface ReportLimits {
  /** Of a workbook as it is on disk, which is read whole. */
  readonly maxWorkbookBytes: number;
  readonly maxRows: number;
}

export const reportLimits: ReportLimits = { maxWorkbookBytes: 32 * 1024 ** 2, maxRows: 5_000_000 };

/** @throws StructuralError for a file that is missing, damaged, or no report */
export async function openReport(path: string, limits: ReportLimits = reportLimits): Promise<GatewayReport> {
  const workbook = await readWorkbookBytes(path, limits);
  const named = daysInName(basename(path));
  const days = named === null ? null : { from: named.from, to: named.to };
  const table = workbook === null ? await readCsvReport(path) : { ...(await readXlsxReport(workbook)), close: async () => undefined };
  return {
    format: workbook === null ? 'csv' : 'xlsx',
    project: named?.project ?? null,
    days,
    lines: linesOf(table, days, limits),
    close: table.close,
  };
}

async function* linesOf(
  table: Table & Pick<GatewayReport, 'close'>,
  days: ReportDays | null,
  { maxRows }: ReportLimits,
): AsyncGenerator<ReportLine> {
  let rows = 0;
  try {
    for await (const { line, cells } of table.rows) {
      rows += 1;
      if (rows > maxRows) throw structural(line, 'report_too_long', `The report has more than ${maxRows} rows: download it in parts.`);
      yield readRow(cells, table.columns, line);
    }
  } finally {
    await table.close();
  }
  if (rows === 0 && days === null)
    throw structural(
      1,
      'report_empty',
      'The report has no rows, and its name has no days, so it cannot be compared: name it <Project>_YYYY-MM-DD_YYYY-MM-DD as it was downloaded.',
    );
}

/** Null: it is no workbook, or cannot be read, which the reader of CSV reports. */
async function readWorkbookBytes(path: string, { maxWorkbookBytes }: ReportLimits): Promise<Buffer | null> {
  const handle = await open(path, 'r').catch(() => null);
  if (handle === null) return null;
  try {
    const { size, ...stat } = await handle.stat().then((found) => ({ size: found.size, isFile: found.isFile() }));
    // A pipe can be read once only.
    if (!stat.isFile) return null;
    const head = Buffer.alloc(8);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    const signature = head.subarray(0, bytesRead).toString('hex');
    const isZip = /^504b(?:0304|0506|0708)/.test(signature);
    if (!isZip && signature !== 'd0cf11e0a1b11ae1') return null;
    if (size > maxWorkbookBytes)
      throw structural(1, 'workbook_too_large', `The workbook has more than ${maxWorkbookBytes} bytes: use the CSV form of the report.`);
    const bytes = Buffer.alloc(size);
    let length = 0;
    for (let read = -1; read !== 0 && length < size; length += read)
      ({ bytesRead: read } = await handle.read(bytes, length, size - length, length));
    if (!isZip) throw refuseOldWorkbook(bytes.subarray(0, length));
    return bytes.subarray(0, length);
  } finally {
    await handle.close();
  }
}
