/** The gateway's daily payouts report, CSV or XLSX, as a stream of typed rows. */
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { daysInName } from '../../batches/reconciliation/report-days.ts';
import type { ReportDays, ReportLine } from '../../batches/reconciliation/report-row.ts';
import { structural } from '../csv/structural-error.ts';
import { readCsvReport } from './csv-report.ts';
import { readRow } from './read-row.ts';
import { openXlsxReport, type Table, type UnpackedLimits } from './xlsx-report.ts';

export interface GatewayReport {
  readonly format: 'csv' | 'xlsx';
  /** From the name of the file, as are the days; null when it has another form. */
  readonly project: string | null;
  readonly days: ReportDays | null;
  /** Can be iterated once; leaving it early closes the file. Throws `StructuralError` where the rest cannot be read. */
  readonly lines: AsyncIterable<ReportLine>;
  close(): Promise<void>;
}

export interface ReportLimits extends UnpackedLimits {
  /** Of a workbook as it is on disk. */
  readonly maxWorkbookBytes: number;
  readonly maxRows: number;
}

export const reportLimits: ReportLimits = { maxWorkbookBytes: 32 * 1024 ** 2, maxUnpackedBytes: 64 * 1024 ** 2, maxRows: 5_000_000 };

/** @throws StructuralError for a file that is missing, damaged, or no report */
export async function openReport(path: string, limits: ReportLimits = reportLimits): Promise<GatewayReport> {
  const isXlsx = await isWorkbook(path, limits);
  const named = daysInName(basename(path));
  const days = named === null ? null : { from: named.from, to: named.to };
  const table = isXlsx ? await openXlsxReport(path, limits) : await readCsvReport(path);
  return {
    format: isXlsx ? 'xlsx' : 'csv',
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

/** False also for what cannot be read, which the reader of CSV reports. */
async function isWorkbook(path: string, { maxWorkbookBytes }: ReportLimits): Promise<boolean> {
  const handle = await open(path, 'r').catch(() => null);
  if (handle === null) return false;
  try {
    const stat = await handle.stat();
    // A pipe can be read once only.
    if (!stat.isFile()) return false;
    const head = Buffer.alloc(8);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    if (!/^(?:504b(?:0304|0506|0708)|d0cf11e0a1b11ae1)/.test(head.subarray(0, bytesRead).toString('hex'))) return false;
    if (stat.size > maxWorkbookBytes)
      throw structural(1, 'workbook_too_large', `The workbook has more than ${maxWorkbookBytes} bytes: use the CSV form of the report.`);
    return true;
  } finally {
    await handle.close();
  }
}
