/** Rows that are wrong in ways that concern the whole file, from the file to the report. */
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inspect, writeFixFile, type Inspection } from '../../../src/files/payout-file.ts';
import { report } from '../../../src/files/validation-report.ts';
import { at, csvOf, row } from '../../support/builders.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disburse-rows-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function inspected(path: string): Promise<Inspection> {
  const outcome = await inspect({ path, reading: { now: at }, expected: null, onProgress: () => undefined });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.broken));
  return outcome.inspection;
}

async function csv(text: string): Promise<Inspection> {
  const path = join(folder, 'may.csv');
  await writeFile(path, text);
  return inspected(path);
}

const without = (text: string, columns: readonly string[]): string => {
  const [header = ''] = text.split('\n');
  const drop = header.split(',').map((name) => columns.includes(name));
  return text.replace(/^.+$/gm, (line) =>
    line
      .split(',')
      .filter((_, index) => drop[index] !== true)
      .join(','),
  );
};

describe('a column that the file does not have and its rows need', () => {
  const columns = ['recipient_bank_name', 'sender_code'];
  const rows = Array.from({ length: 1_200 }, (_, index) => row(`c-${index}`));

  it('is one error that counts the rows, not one for each row', async () => {
    const found = report(await csv(without(csvOf(rows), columns)));
    expect(found).toMatchObject({ rows: 1_200, valid: 0, invalid: 1_200, errors_total: 2 });
    expect(found.errors.map(({ line, column, code }) => [line, column, code])).toEqual([
      [1, 'recipient_bank_name', 'column_missing'],
      [1, 'sender_code', 'column_missing'],
    ]);
    expect(found.errors[0]?.message).toBe(
      'The column recipient_bank_name is missing from the file; 1,200 rows need it. Add it to the header.',
    );
  });

  it('hides no other error of a row', async () => {
    const found = report(await csv(without(csvOf([row('a'), row('b', { amount: 'x' }), row('c', { description: '' })]), columns)));
    expect(found.errors.map(({ line, column, code }) => [line, column, code])).toEqual([
      [1, 'recipient_bank_name', 'column_missing'],
      [1, 'sender_code', 'column_missing'],
      [3, 'amount', 'amount_format'],
      [4, 'description', 'member_missing'],
    ]);
    expect(found.errors[0]?.message).toContain('; 3 rows need it');
  });

  it('is named in the error of each row of the fix-file', async () => {
    const path = join(folder, 'errors.csv');
    await writeFixFile(await csv(without(csvOf([row('a')]), ['sender_code'])), path);
    expect(await readFile(path, 'utf8')).toMatch(/ needs sender_code: fill it in\./);
  });

  it('is one error too when no column says how to pay', async () => {
    const found = report(await csv('record_id,amount,currency\na,1,EUR\nb,1,EUR\n'));
    expect(found.errors.map(({ line, column, code }) => [line, column, code])).toEqual([[1, null, 'column_missing']]);
    expect(found.errors[0]?.message).toMatch(/says how to pay is missing from the file; 2 rows need it/);
  });
});

describe('a total row', () => {
  it('is reported as a total row, without other errors', async () => {
    const path = join(folder, 'may.csv');
    await copyFile(join(import.meta.dirname, '..', '..', 'cases', 'total-rows.csv'), path);
    const found = report(await inspected(path));
    expect(found.errors.map(({ line, code, message }) => [line, code, message])).toEqual(
      [3, 4, 5].map((line) => [line, 'total_row', 'This looks like a total row: remove it.']),
    );
    expect(found).toMatchObject({ valid: 2, invalid: 3, totals: { USD: { count: 2, amount: '12.50' } } });
    // Its label is no record id: it clashes with no other row.
    expect(found.errors_total).toBe(3);
  });
});

describe('a record id on several lines with different content', () => {
  it('names the other line on each, or how many there are and where', async () => {
    const amounts = (id: string, ...all: string[]) => all.map((amount) => row(id, { amount }));
    const found = report(await csv(csvOf([...amounts('a', '1', '2'), ...amounts('b', '3', '4', '5')])));
    expect(found.errors.map(({ line, code, message }) => [line, code, message.replace(/^.*an id of its own\. /, '')])).toEqual([
      [2, 'record_id_ambiguous', 'The other one is line 3.'],
      [3, 'record_id_ambiguous', 'The other one is line 2.'],
      ...[4, 5, 6].map((line) => [line, 'record_id_ambiguous', 'They are 3 lines, from 4 to 6.']),
    ]);
  });
});

describe('the name of a file', () => {
  it.each([
    ['4242424242424242.csv', '…4242.csv'],
    ['card 4242 4242 4242 4242 may.csv', 'card …4242 may.csv'],
    ['payouts-2026-11-28-001234.csv', 'payouts-2026-11-28-001234.csv'],
    ['may.csv', 'may.csv'],
  ])('%s is %s in the report', async (name, shown) => {
    const path = join(folder, name);
    await writeFile(path, csvOf([row('a')]));
    expect(report(await inspected(path)).file).toBe(shown);
  });
});
