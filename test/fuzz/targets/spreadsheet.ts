/** A payout file as a workbook: the zip, the XML of its parts, the cells and what is made of them. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRowReader } from '../../../batches/csv-row/row-reader.ts';
import { StructuralError } from '../../../consumers/csv/structural-error.ts';
import { readWorkbook } from '../../../consumers/workbook/read-workbook.ts';
import { zipOf } from '../../consumers/gateway-report/reports.ts';
import { inlineRow, parts } from '../../consumers/workbook/workbooks.ts';
import type { Target } from '../target.ts';

const limits = { maxRatio: 200, ratioFromBytes: 100_000, maxBytes: 2_000_000 };
const columns = ['record_id', 'amount', 'currency', 'wallet_name', 'wallet_msisdn', 'description'];
const good = inlineRow(2, 'inv-1', '12.30', 'USD', 'Piggy', '+639171234567', 'May');
const numbers =
  '<row r="3" hidden="1"><c r="A3" t="s"><v>0</v></c><c r="B3"><f>1+1</f><v>1.1000000000000001</v></c><c r="C3" t="str"><v>USD</v></c><c r="F3" s="1"><v>45000</v></c></row>';
const rows = `${inlineRow(1, ...columns)}${good}${numbers}`;
const shape = {
  texts: ['inv-2'],
  styles: '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>',
  after: '<mergeCells><mergeCell ref="A1:B2"/></mergeCells>',
};
const packed = (sheetData: string): Buffer => zipOf(parts(sheetData, shape));
const sheetMark = '<row';

export const spreadsheetTarget = (): Target => {
  const folder = mkdtempSync(join(tmpdir(), 'disburse-fuzz-workbook-'));
  const path = join(folder, 'may.xlsx');
  return {
    name: 'spreadsheet',
    share: 25,
    maxBytes: 20_000,
    // Mutated bytes of a zip seldom have the checksum of what is in them: most inputs are the rows, packed without a fault.
    seeds: [Buffer.from(rows), Buffer.from(rows), Buffer.from(rows), packed(rows)],
    tokens: [
      '<row r="4">',
      '</row>',
      '<c r="A4" t="s">',
      '<c t="e">',
      '<v>',
      '<f/>',
      '1E+308',
      '&#x1F600;',
      '&lt',
      '_x0000_',
      '<![CDATA[',
      '<!--',
      '<!DOCTYPE a>',
      'PK',
    ],
    async run(bytes) {
      const text = bytes.toString('utf8');
      writeFileSync(path, text.includes(sheetMark) && !text.startsWith('PK') ? packed(text) : bytes);
      try {
        const first = await readTwice(path);
        assert.deepEqual(await readTwice(path), first, 'a second reading finds the same');
      } catch (error) {
        // What cannot be read is refused with a sentence; anything else is a fault.
        if (!(error instanceof StructuralError)) throw error;
        assert.ok(error.problems[0].message.length > 0);
      }
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
};

/** What is made of each row, and by how many rows. */
async function readTwice(path: string): Promise<readonly string[]> {
  const file = await readWorkbook(path, { limits });
  try {
    const made = createRowReader(file.header, { now: 0 });
    const found: string[] = [];
    let before = file.headerLine;
    for await (const block of file.blocks) {
      for (const { line, cells, notes } of block) {
        assert.ok(line > before, 'lines rise');
        before = line;
        assert.ok(cells.length >= file.header.length, 'a row has all cells of the header');
        for (const { index } of notes ?? []) assert.ok(index >= 0 && index < 16_384, 'a note is of a cell');
        if (!made.ok) continue;
        const [read, check] = [made.reader.read(cells, notes), made.reader.check(cells, notes)];
        assert.equal(read.ok, check.ok, 'both readings of a row agree');
        assert.ok(!JSON.stringify(made.reader.maskSecrets(cells, notes)).includes('4242424242424242'), 'no card number is shown');
        found.push(
          `${line} ${read.ok ? `${read.draft.recordId} ${read.draft.amountMinor}` : read.refusal.problems.map(({ code }) => code).join()}`,
        );
      }
    }
    file.finished();
    return found;
  } finally {
    await file.close();
  }
}
