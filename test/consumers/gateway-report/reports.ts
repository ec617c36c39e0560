/** Reports of the gateway as files, and workbooks made by hand. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import type { ReportLine } from '../../../batches/reconciliation/report-row.ts';
import { openReport, reportLimits, type ReportLimits } from '../../../consumers/gateway-report/read-report.ts';
import { openXlsxReport, type Table, type UnpackedLimits } from '../../../consumers/gateway-report/xlsx-report.ts';
import { StructuralError } from '../../../consumers/csv/structural-error.ts';

export const columnNames = [
  ...['operationId', 'transactionDate', 'finishedAt', 'typeOfPayment', 'paymentFast', 'paymentSessionId'],
  ...['paymentSessionMerchantMetadata', 'paymentMethodIdentity', 'product', 'grossLocalAmount', 'paymentLocalAmount'],
  ...['feesLocalAmount', 'Currency amount', 'Currency fee', 'RRN'],
];

export const metadata = '{"record_id":"inv-1","attempt":1}';

/** A payout of 12.30 EUR, by the names of the columns. */
export const payout = {
  operationId: 'po_1',
  transactionDate: '2026-11-27 10:00:00',
  finishedAt: '2026-11-27 10:00:05',
  typeOfPayment: 'Advice',
  paymentFast: 'false',
  paymentSessionId: 'ps_1',
  paymentSessionMerchantMetadata: metadata,
  paymentMethodIdentity: 'BE**…7034',
  product: 'SEPA',
  grossLocalAmount: '12.50',
  paymentLocalAmount: '12.30',
  feesLocalAmount: '0.20',
  'Currency amount': 'EUR',
  'Currency fee': 'EUR',
  RRN: '123456789012',
} as const;

export type ReportCells = Partial<Record<string, string>>;

const quoted = (cell: string): string => (/[",;\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

export const csvReport = (rows: readonly ReportCells[], { delimiter = ',', columns = columnNames } = {}): string =>
  [columns, ...rows.map((row) => columns.map((name) => row[name] ?? ''))].map((cells) => `${cells.map(quoted).join(delimiter)}\n`).join('');

export interface ReadBack {
  readonly format: 'csv' | 'xlsx';
  readonly days: unknown;
  readonly project: string | null;
  readonly lines: readonly ReportLine[];
}

/** Writes the file, reads it and removes it. */
export async function readBack(
  content: string | Uint8Array,
  name = 'Shop_2026-11-27_2026-11-27.csv',
  limits?: ReportLimits,
): Promise<ReadBack> {
  const folder = mkdtempSync(join(tmpdir(), 'report-'));
  try {
    const path = join(folder, name);
    writeFileSync(path, content);
    const { format, days, project, lines } = await openReport(path, limits);
    const read: ReportLine[] = [];
    for await (const line of lines) read.push(line);
    return { format, days, project, lines: read };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A workbook as a table, closed afterwards. */
export async function withReport<Result>(
  bytes: Uint8Array,
  use: (table: Table) => Promise<Result>,
  limits: UnpackedLimits = reportLimits,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'report-'));
  try {
    const path = join(folder, 'report.xlsx');
    writeFileSync(path, bytes);
    const table = await openXlsxReport(path, limits);
    return await use(table).finally(table.close);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Line, code and message of what a report is refused for. */
export async function refusal(content: string | Uint8Array, name?: string, limits?: ReportLimits): Promise<string> {
  try {
    await readBack(content, name, limits);
  } catch (error) {
    if (!(error instanceof StructuralError)) throw error;
    const [{ line, code, message }] = error.problems;
    return `${line} ${code}: ${message}`;
  }
  throw new Error('the report was read');
}

interface ZipOptions {
  /** Bit 0: encrypted. */
  readonly flags?: number;
  /** What the headers say of the unpacked size; the true one by default. */
  readonly statedBytes?: number;
}

/** A zip with deflated members. */
export function zipOf(members: Readonly<Record<string, string | Buffer>>, { flags = 0, statedBytes }: ZipOptions = {}): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, content] of Object.entries(members)) {
    const bytes = Buffer.from(content);
    const packed = deflateRawSync(bytes);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(flags, 2);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(statedBytes ?? bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(at, 10);
    const local = Buffer.concat([Buffer.from('504b0304', 'hex'), common, Buffer.from(name), packed]);
    files.push(local);
    directory.push(Buffer.from('504b01021400', 'hex'), common, place, Buffer.from(name));
    at += local.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(Object.keys(members).length, 8);
  end.writeUInt16LE(Object.keys(members).length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...files, ...directory, end]);
}

const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const relations = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';

/** The parts of a workbook with one sheet of these rows, written by hand. */
export const workbookParts = (sheetData: string): Record<string, string> => ({
  '_rels/.rels': `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="${relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
  'xl/workbook.xml': `<workbook xmlns="${main}" xmlns:r="${relations}"><sheets><sheet name="Report" sheetId="1" r:id="rId1"/></sheets></workbook>`,
  'xl/_rels/workbook.xml.rels': `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="${relations}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
  'xl/worksheets/sheet1.xml': `<worksheet xmlns="${main}"><sheetData>${sheetData}</sheetData></worksheet>`,
});

/** Cells of text, except those whose name is given as number. */
export const sheetRow = (row: number, cells: readonly string[], numbers: readonly number[] = []): string =>
  `<row r="${row}">${cells
    .map((cell, index) => {
      const place = `${String.fromCharCode(65 + index)}${row}`;
      const escaped = cell.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
      return numbers.includes(index)
        ? `<c r="${place}"><v>${escaped}</v></c>`
        : `<c r="${place}" t="inlineStr"><is><t>${escaped}</t></is></c>`;
    })
    .join('')}</row>`;
