/** The gateway's report as a workbook: the zip that it is, and the sheet in it. */
import assert from 'node:assert/strict';
import { StructuralError } from '../../../consumers/csv/structural-error.ts';
import { readXlsxReport } from '../../../consumers/gateway-report/xlsx-report.ts';
import { columnNames, payout, sheetRow, workbookParts, zipOf, type ReportCells } from '../../consumers/gateway-report/reports.ts';
import type { Target } from '../target.ts';

const limits = { maxBytes: 200_000, maxCells: 50_000 };
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
      const table = await readXlsxReport(zip, limits);
      let before = 0;
      for await (const { line, cells: found } of table.rows) {
        assert.ok(line > before, 'lines rise');
        before = line;
        assert.ok(
          found.some(({ type }) => type !== 'empty'),
          'a row has a cell that is not empty',
        );
      }
    } catch (error) {
      // What cannot be read is refused with a sentence; anything else is a fault.
      if (!(error instanceof StructuralError)) throw error;
      assert.ok(error.problems[0].message.length > 0);
    }
  },
  close: () => undefined,
});
