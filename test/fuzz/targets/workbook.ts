/** The gateway's report as a workbook: the zip that it is, and the sheet in it. */
import assert from 'node:assert/strict';
import { StructuralError } from '../../../consumers/csv/structural-error.ts';
import {
  columnNames,
  payout,
  sheetRow,
  withReport,
  workbookParts,
  zipOf,
  type ReportCells,
} from '../../consumers/gateway-report/reports.ts';
import type { Table } from '../../../consumers/gateway-report/xlsx-report.ts';
import type { Target } from '../target.ts';

const limits = { maxUnpackedBytes: 200_000 };
const shown: ReportCells = payout;
const cells = columnNames.map((name) => shown[name] ?? '');
const rows = sheetRow(1, columnNames) + sheetRow(2, cells) + sheetRow(3, cells, [columnNames.indexOf('paymentLocalAmount')]);
/** Mutated bytes of a zip seldom have the checksum of what is in them: most inputs are the rows, packed without a fault. */
const rowsMark = '<row';

export const workbookTarget = (): Target => ({
  name: 'workbook',
  share: 25,
  maxBytes: 20_000,
  seeds: [Buffer.from(rows), Buffer.from(rows), Buffer.from(rows), zipOf(workbookParts(rows))],
  tokens: [
    '<row r="1">',
    '</row>',
    '<c r="A1" t="inlineStr"><is><t>',
    '<c r="XFD1048576">',
    '<v>',
    '1e308',
    '&#0;',
    ']]>',
    '<![CDATA[',
    'PK',
  ],
  async run(bytes) {
    const text = bytes.toString('utf8');
    const zip = text.includes(rowsMark) && !text.startsWith('PK') ? zipOf(workbookParts(text)) : bytes;
    try {
      await withReport(zip, (table) => check(table, text), limits);
    } catch (error) {
      // What cannot be read is refused with a sentence; anything else is a fault.
      if (!(error instanceof StructuralError)) throw error;
      assert.ok(error.problems[0].message.length > 0);
    }
  },
  close: () => undefined,
});

/** What is made of a sheet is bounded by what is in it: no gap is filled. */
async function check({ rows: found }: Table, text: string): Promise<void> {
  let before = 0;
  let count = 0;
  for await (const { line, cells: read } of found) {
    count += 1;
    assert.ok(line > before, 'lines rise');
    before = line;
    assert.ok(
      read.some(({ type }) => type !== 'empty'),
      'a row has a cell that is not empty',
    );
  }
  if (!text.startsWith('PK')) assert.ok(count <= text.split('<row').length, 'a row of the report is a row of the sheet');
}
