/** Workbooks that are written for people, read as payout files. */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { kinds } from '../../../batches/instruction/instruction.ts';
import { exampleRow, routeNames } from '../../../batches/instruction/templates.ts';
import { template } from '../../../src/commands/template.ts';
import { inspect, writeFixFile, type Inspection } from '../../../src/files/payout-file.ts';
import { assertWorkbookRows, createWorkbookRows, maxWorkbookRows } from '../../../src/files/workbook-out.ts';
import { report } from '../../../src/files/validation-report.ts';
import { readAll } from '../../consumers/workbook/workbooks.ts';
import { csvOf, row } from '../../support/builders.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disburse-out-'));
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

async function inspected(path: string, sheet?: string): Promise<Inspection> {
  const outcome = await inspect({ path, sheet, reading: { now: Date.now() }, expected: null, onProgress: () => undefined });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.broken));
  return outcome.inspection;
}

describe('the template as a workbook', () => {
  const all = kinds.flatMap((kind) => routeNames(kind).map((route) => ({ kind, route })));
  it.each(all)('of a $kind by $route has one valid row, and explains each column', async ({ kind, route }) => {
    const path = join(folder, 'template.xlsx');
    await template({ kind, route, out: path });
    const { rows, valid, warnings } = report(await inspected(path));
    expect([rows, valid, warnings.map(({ code }) => code)]).toEqual([1, 1, ['sheets_not_read']]);
    const columns = Object.keys(exampleRow(kind, route) ?? {});
    const explained = await readAll(path, { sheet: 'columns' });
    expect(explained.rows.map(({ cells }) => cells[0])).toEqual(columns);
    expect(explained.rows.every(({ cells }) => (cells[2] ?? '').length > 0)).toBe(true);
  });

  it('says which columns are mandatory', async () => {
    const path = join(folder, 'template.xlsx');
    await template({ kind: 'payout', route: 'sepa', out: path });
    const { rows } = await readAll(path, { sheet: 'columns' });
    const mandatory = new Map(rows.map(({ cells }) => [cells[0], cells[1]]));
    expect([mandatory.get('record_id'), mandatory.get('iban'), mandatory.get('sender_code'), mandatory.get('kind')]).toEqual([
      'yes',
      'yes',
      'yes',
      'no',
    ]);
  });

  it('is never written over another file', async () => {
    const path = join(folder, 'may.csv');
    await writeFile(path, 'mine');
    await expect(template({ kind: 'payout', out: path })).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining('exists already'),
    });
  });
});

describe('the fix-file as a workbook', () => {
  it('has the bad rows as they were, with leading zeros and what looks like a formula, and can be run when it is corrected', async () => {
    const path = join(folder, 'may.csv');
    await writeFile(path, csvOf([row('good'), row('0012', { amount: 'x', description: '=1+1' }), row('00013', { amount: '-1' })]));
    const fix = join(folder, 'fix.xlsx');
    expect(await writeFixFile(await inspected(path), fix)).toBe(true);
    expect((await stat(fix)).mode & 0o777).toBe(0o600);
    const { header, rows } = await readAll(fix);
    expect(header.at(-1)).toBe('error');
    expect(rows.map(({ cells, notes }) => [cells[0], cells[header.indexOf('description')], notes])).toEqual([
      ['0012', '=1+1', undefined],
      ['00013', rows[1]?.cells[header.indexOf('description')], undefined],
    ]);
    expect(report(await inspected(fix))).toMatchObject({ rows: 2, invalid: 2 });
  });

  it('is refused, before anything is written, when it would have too many rows', () => {
    expect(() => assertWorkbookRows('--errors', 'a.csv', maxWorkbookRows + 1)).not.toThrow();
    expect(() => assertWorkbookRows('--errors', 'a.xlsx', maxWorkbookRows)).not.toThrow();
    expect(() => assertWorkbookRows('--errors', 'a.xlsx', maxWorkbookRows + 1)).toThrow('Give a name that ends in .csv');
  });
});

describe('a workbook of texts', () => {
  it('keeps every text, with characters that only look like something else', async () => {
    const texts = ['0012345', '_x0041_', '=1+1', "'=1", '<&>"', 'a\nb', '12345678901234567890', 'é😀', ' x '];
    const path = join(folder, 'texts.xlsx');
    const file = createWorkbookRows(path, 'texts');
    await file.write(texts.map((_, index) => `column ${index}`));
    await file.write(texts);
    await file.finish();
    const { rows } = await readAll(path);
    expect(rows).toEqual([{ line: 2, cells: texts }]);
  });
});
