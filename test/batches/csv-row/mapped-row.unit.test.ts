/** Rows under the names of a mapping. */
import { describe, expect, it } from 'vitest';
import type { Mapping } from '../../../batches/csv-row/mapping.ts';
import { createRowReader } from '../../../batches/csv-row/row-reader.ts';

const header = ['Ref', ' Net Amount ', 'Phone', 'Note', 'Internal'];
const mapping: Mapping = {
  columns: { record_id: 'ref', amount: 'Net Amount', wallet_msisdn: 'Phone', description: 'Note', 'metadata.note': 'Note' },
  constants: { currency: 'USD', wallet_name: 'Piggy' },
};
const readerOf = (given: Mapping = mapping, names: readonly string[] = header) => {
  const made = createRowReader(names, { now: 0, mapping: given });
  if (!made.ok) throw new Error(JSON.stringify(made.problems));
  return made.reader;
};
const good = ['inv-1', '12.30', '+639171234567', 'May', 'secret'];

describe('a row under a mapping', () => {
  it('is read by our names, with constants, and a column may be read twice', () => {
    const reading = readerOf().read(good);
    expect(reading).toMatchObject({
      ok: true,
      draft: { recordId: 'inv-1', amountMinor: 1230n, currency: 'USD', metadata: { note: 'May' } },
    });
    const plain = createRowReader(['wallet_name', 'description', 'record_id', 'amount', 'currency', 'wallet_msisdn', 'metadata.note'], {
      now: 0,
    });
    const same = plain.ok ? plain.reader.read(['Piggy', 'May', 'inv-1', '12.30', 'USD', '+639171234567', 'May']) : undefined;
    expect(reading).toEqual(same);
  });

  it('has problems in the columns of the file, and none of its own for a constant', () => {
    const bad = readerOf().check(['inv-1', 'x', '+639171234567', 'May', '']);
    expect(bad.ok ? [] : bad.refusal.problems.map(({ column }) => column)).toEqual([' Net Amount ']);
    const wrong = readerOf({ ...mapping, constants: { ...mapping.constants, currency: 'XXX' } }).check(good);
    expect(wrong.ok ? [] : wrong.refusal.problems.map(({ column }) => column)).toContain(null);
  });

  it('is refused under its own id when it has too few or too many cells of the file', () => {
    const few = readerOf().check(['inv-1', '12.30']);
    expect(few).toMatchObject({ ok: false, refusal: { recordId: 'inv-1', problems: [{ code: 'cells_too_few' }] } });
    expect(few.ok ? '' : few.refusal.problems[0].message).toContain('has 2 cells, the header has 5');
    expect(readerOf().check([...good, 'x'])).toMatchObject({ ok: false, refusal: { problems: [{ code: 'cells_too_many' }] } });
  });

  it('keeps what the cells of a workbook are', () => {
    const found = readerOf().check(good, [
      { index: 2, is: 'number' },
      { index: 4, is: 'error' },
    ]);
    expect(found.ok ? [] : found.refusal.problems.map(({ column, code }) => `${column} ${code}`)).toEqual(['Phone cell_number']);
  });

  it('counts a column that the mapping does not have once for all rows', () => {
    const reader = readerOf({ ...mapping, constants: { currency: 'USD' } });
    const found = reader.check(good);
    const problem = found.ok ? undefined : found.refusal.problems[0];
    expect(problem === undefined ? undefined : reader.absentColumn(problem)).toBe('wallet_name');
  });
});

describe('the header under a mapping', () => {
  const problemsOf = (given: Mapping, names = header) => {
    const made = createRowReader(names, { now: 0, mapping: given });
    return made.ok ? [] : made.problems.map(({ code }) => code);
  };

  it('is refused when a column is missing or twice, all of them at once', () => {
    expect(problemsOf({ ...mapping, columns: { ...mapping.columns, iban: 'IBAN', sort_code: 'Sort' } })).toEqual([
      'mapping_column_missing',
      'mapping_column_missing',
    ]);
    expect(problemsOf(mapping, [...header, 'REF'])).toEqual(['mapping_column_twice']);
  });

  it('is refused when the mapping names a column that is none of ours', () => {
    expect(problemsOf({ ...mapping, columns: { ...mapping.columns, beneficiary: 'Internal' } })).toEqual(['header_unknown']);
  });

  it('names the columns that are not read, except the errors of a fix-file', () => {
    const [warning] = readerOf(mapping, [...header, 'error']).headerWarnings;
    expect(warning?.code).toBe('columns_not_read');
    expect(warning?.message).toContain('"Internal".');
  });
});

describe('the fix-file under a mapping', () => {
  it('has the cells of the file, with card numbers masked wherever they are', () => {
    const cells = ['inv-1', '12.30', '+639171234567', 'May', '4242424242424242'];
    const shown = readerOf().maskSecrets(cells);
    expect(shown.slice(0, 4)).toEqual(cells.slice(0, 4));
    expect(shown[4]).not.toContain('42424242');
  });

  it('masks a card number by its column, and a security code', () => {
    const card: Mapping = {
      columns: { record_id: 'Ref', card_number: 'Card', card_security_code: 'Code' },
      constants: { amount: '1', currency: 'USD' },
    };
    expect(readerOf(card, ['Ref', 'Code', 'Card']).maskSecrets(['r', '123', '4242424242424242'])).toEqual([
      'r',
      '…',
      expect.stringMatching(/^424242\D+4242$/),
    ]);
  });
});
