/** Workbooks of LibreOffice, openpyxl and XlsxWriter as payout files. */
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFingerprints } from '../../../batches/record/fingerprint.ts';
import { inspect, readAgain, writeFixFile, type Inspection } from '../../../src/files/payout-file.ts';
import { report } from '../../../src/files/validation-report.ts';
import { at } from '../../support/builders.ts';

const fixture = (name: string): string => new URL(`../../fixtures/workbooks/${name}`, import.meta.url).pathname;
const fingerprints = createFingerprints(Buffer.alloc(32, 7));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disburse-workbook-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const outcomeOf = (path: string, ways: { readonly sheet?: string; readonly encoding?: string; readonly delimiter?: string } = {}) =>
  inspect({ path, ...ways, reading: { now: at }, expected: null, onProgress: () => undefined });

async function inspected(path: string): Promise<Inspection> {
  const outcome = await outcomeOf(path);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.broken));
  return outcome.inspection;
}

async function rowsOf(inspection: Inspection) {
  const rows: string[] = [];
  for await (const block of readAgain(inspection)) {
    for (const { line, reading } of block) {
      rows.push(
        reading.ok
          ? `${line} ${reading.draft.recordId} ${reading.draft.amountMinor} ${fingerprints.fingerprint(reading.draft)}`
          : `${line} refused`,
      );
    }
  }
  return rows;
}

const writers = ['libreoffice', 'openpyxl', 'xlsxwriter'] as const;

describe.each(writers)('the workbook of %s', (writer) => {
  it('has the rows, the totals and the fingerprints of the CSV file with the same rows', async () => {
    const csv = await rowsOf(await inspected(fixture('payouts.csv')));
    const found = await inspected(fixture(`${writer}-payouts.xlsx`));
    // The line of a CSV file is physical: one of its cells has a line break.
    const withoutLine = (rows: readonly string[]) => rows.map((row) => row.replace(/^\d+ /, ''));
    expect(withoutLine(await rowsOf(found))).toEqual(withoutLine(csv));
    expect(csv.some((row) => row.endsWith('refused'))).toBe(false);
    expect(report(found)).toMatchObject({ rows: 4, valid: 4, warnings_total: 0, encoding: 'xlsx', delimiter: null, sheet: 'payouts' });
  });
});

const problemsOf = (problems: readonly { readonly line: number; readonly column: string | null; readonly code: string }[]) =>
  problems.map(({ line, column, code }) => [line, column, code].filter((part) => part !== null).join(' '));

const unseen = ['1 sheets_not_read', '1 merged_cells', '1 hidden_columns', '7 blank_rows', '9 hidden_rows'];

describe('a workbook full of trouble', () => {
  it('of LibreOffice has each named, and nothing skipped', async () => {
    const { errors, warnings, rows } = report(await inspected(fixture('libreoffice-troubles.xlsx')));
    expect(rows).toBe(12);
    expect(problemsOf(errors)).toEqual([
      '2 record_id cell_number',
      '3 wallet_msisdn cell_number',
      '4 amount cell_date',
      '6 amount cell_error',
      '11 amount cell_percent',
      '13 description member_missing',
    ]);
    expect(problemsOf(warnings)).toEqual(expect.arrayContaining([...unseen, '5 amount cell_formula', '9 metadata.order cell_number']));
  });

  it('of a program that computes no formulas has these as errors', async () => {
    const { errors, warnings } = report(await inspected(fixture('openpyxl-troubles.xlsx')));
    expect(problemsOf(errors)).toEqual(
      expect.arrayContaining(['5 amount cell_formula_unsaved', '6 amount cell_formula_unsaved', '14 record_id cell_formula_unsaved']),
    );
    expect(problemsOf(warnings)).toEqual(expect.arrayContaining(unseen));
  });

  it('has a fix-file that names the rows and does not pass as it is', async () => {
    const path = join(folder, 'fix.csv');
    await writeFixFile(await inspected(fixture('libreoffice-troubles.xlsx')), path);
    const text = await readFile(path, 'utf8');
    expect(text).toContain('Row 3: wallet_msisdn: The cell is a number');
    expect(text).not.toContain('639171234561,a number as phone');
    expect(report(await inspected(path))).toMatchObject({ valid: 0 });
  });
});

describe('a file whose options or name do not belong to what it is', () => {
  it.each([
    ['a delimiter for a workbook', 'openpyxl-payouts.xlsx', { delimiter: ',' }, 'option_of_csv'],
    ['an encoding for a workbook', 'openpyxl-payouts.xlsx', { encoding: 'utf-8' }, 'option_of_csv'],
    ['a sheet for a CSV file', 'payouts.csv', { sheet: 'payouts' }, 'sheet_of_csv'],
    ['a sheet that is not there', 'openpyxl-payouts.xlsx', { sheet: 'June' }, 'sheet_missing'],
  ])('is refused: %s', async (_, name, ways, code) => {
    const outcome = await outcomeOf(fixture(name), ways);
    expect(outcome.ok ? [] : outcome.broken.problems.map((problem) => problem.code)).toEqual([code]);
  });

  it('is refused when it is text under the name of a workbook, and read when it is a workbook under any', async () => {
    const fake = join(folder, 'fake.xlsx');
    await copyFile(fixture('payouts.csv'), fake);
    expect(await outcomeOf(fake)).toMatchObject({ ok: false, broken: { problems: [{ code: 'workbook_fake' }] } });
    const named = join(folder, 'may.csv');
    await copyFile(fixture('openpyxl-payouts.xlsx'), named);
    expect(await outcomeOf(named)).toMatchObject({ ok: true });
  });

  it('hands out no row when it is another file at the second reading', async () => {
    const path = join(folder, 'may.xlsx');
    await copyFile(fixture('openpyxl-payouts.xlsx'), path);
    const found = await inspected(path);
    await writeFile(path, await readFile(fixture('libreoffice-payouts.xlsx')));
    await expect(rowsOf(found)).rejects.toMatchObject({ code: 'file_changed' });
  });
});
