/** Rows of workbooks: cells that are not text. */
import { describe, expect, it } from 'vitest';
import type { CellNote } from '../../../batches/csv-row/cell-notes.ts';
import { createRowReader } from '../../../batches/csv-row/row-reader.ts';
import { members } from '../../../batches/instruction/members.ts';

const good: Readonly<Record<string, string>> = {
  record_id: 'inv-1',
  amount: '12.3',
  currency: 'USD',
  wallet_name: 'Piggy',
  wallet_msisdn: '+639171234567',
  description: 'May',
  'metadata.order': '7',
};
const columns = Object.keys(good);
const readerOf = (decimal?: 'comma') => {
  const made = createRowReader(columns, { now: 0, ...(decimal === undefined ? {} : { decimal }) });
  if (!made.ok) throw new Error('the header is not sound');
  return made.reader;
};
const noteOf = (column: string, is: CellNote['is']): CellNote => ({ index: columns.indexOf(column), is });
const read = (notes: readonly CellNote[], changes: Readonly<Record<string, string>> = {}, decimal?: 'comma') => {
  const cells = Object.values({ ...good, ...changes });
  const reader = readerOf(decimal);
  const [reading, check] = [reader.read(cells, notes), reader.check(cells, notes)];
  expect(check.ok).toBe(reading.ok);
  if (!reading.ok && !check.ok) expect(check.refusal.problems).toEqual(reading.refusal.problems);
  return reading;
};
const problemsOf = (reading: ReturnType<typeof read>) =>
  reading.ok ? [] : reading.refusal.problems.map(({ column, code }) => `${column} ${code}`);
const warningsOf = (reading: ReturnType<typeof read>) => (reading.warnings ?? []).map(({ column, code }) => `${column} ${code}`);

describe('a cell that is a number', () => {
  it('is the amount by its stored decimal, whatever the decimal sign of the texts is', () => {
    for (const decimal of [undefined, 'comma'] as const) {
      const reading = read([noteOf('amount', 'number')], { amount: '1.1000000000000001' }, decimal);
      expect(reading.ok && reading.draft.amountMinor).toBe(110n);
    }
  });

  it('is an error in amount when it is not exact, or has more decimals than the currency', () => {
    expect(problemsOf(read([noteOf('amount', 'number')], { amount: '0.30000000000000004' }))).toEqual(['amount cell_number_inexact']);
    expect(problemsOf(read([noteOf('amount', 'number')], { amount: '1.005' }))[0]).toMatch(/^amount amount_/);
  });

  it('is an error in a record id, which is then not known, and nothing else is said of that column', () => {
    const reading = read([noteOf('record_id', 'number')], { record_id: '77.0' });
    expect(problemsOf(reading)).toEqual(['record_id cell_number']);
    expect(reading).toMatchObject({ ok: false, refusal: { recordId: undefined, amountMinor: 1230n, currency: 'USD' } });
  });

  it('is an error in every column of ids, accounts, codes and phones', () => {
    const strict = members
      .map(({ name }) => name)
      .filter((name) =>
        /iban|account_number|code|msisdn|card_(?:number|token)|token$|branch|bsb|reference|registration|id_number/.test(name),
      );
    expect(strict.length).toBeGreaterThan(20);
    for (const name of strict) {
      const header = [...columns.filter((column) => column !== name), name];
      const made = createRowReader(header, { now: 0 });
      if (!made.ok) throw new Error(name);
      const reading = made.reader.read(
        header.map((column) => good[column] ?? '12345'),
        [{ index: header.length - 1, is: 'number' }],
      );
      expect(problemsOf(reading)).toContain(`${name} cell_number`);
    }
  });

  it('is a warning in a text that moves no money', () => {
    const reading = read([noteOf('metadata.order', 'number'), noteOf('description', 'number')], { description: '12' });
    expect(warningsOf(reading)).toEqual(['metadata.order cell_number', 'description cell_number']);
    expect(reading.ok && reading.draft.metadata).toEqual({ order: '7' });
  });
});

describe('a cell of another type', () => {
  it.each(['date', 'percent', 'error', 'formula_unsaved'] as const)('that is %s is an error in every column', (is) => {
    for (const column of columns) expect(problemsOf(read([noteOf(column, is)]))).toContain(`${column} cell_${is}`);
  });

  it('that is a formula counts by its stored value, with a warning', () => {
    const reading = read([noteOf('amount', 'formula'), noteOf('amount', 'number')]);
    expect([reading.ok, warningsOf(reading)]).toEqual([true, ['amount cell_formula']]);
  });

  it('that is true or false is text in metadata and an error in an id', () => {
    expect(read([noteOf('metadata.order', 'boolean')], { 'metadata.order': 'true' }).ok).toBe(true);
    expect(problemsOf(read([noteOf('record_id', 'boolean')], { record_id: 'true' }))).toEqual(['record_id cell_boolean']);
  });
});

describe('the fix-file of a workbook', () => {
  it('leaves out a number that would pass as text, and keeps the stored decimal of the amount', () => {
    const cells = Object.values({ ...good, wallet_msisdn: '639171234567', amount: '1.1000000000000001' });
    const shown = readerOf().maskSecrets(cells, [noteOf('wallet_msisdn', 'number'), noteOf('amount', 'number')]);
    expect(shown).toEqual(Object.values({ ...good, wallet_msisdn: '', amount: '1.1' }));
  });
});
