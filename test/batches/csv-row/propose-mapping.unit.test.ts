import { describe, expect, it } from 'vitest';
import { proposeMapping } from '../../../batches/csv-row/propose-mapping.ts';

const propose = (columns: Readonly<Record<string, readonly string[]>>) => {
  const header = Object.keys(columns);
  const rows = Array.from({ length: Math.max(...Object.values(columns).map(({ length }) => length)) }, (_, row) =>
    header.map((name) => columns[name]?.[row] ?? ''),
  );
  return proposeMapping(header, rows);
};

describe('a proposed mapping', () => {
  it('is found by names and by what is in the columns', () => {
    const { mapping, isWhole, notes } = propose({
      'Payment ID': ['p-1', 'p-2'],
      Betrag: ['1.234,50', '7,00'],
      Ccy: ['EUR', 'eur'],
      Account: ['BE68539007547034', ''],
      BIC: ['GEBABEBB', 'GEBABEBBXXX'],
      Verwendungszweck: ['May', 'June'],
      'metadata.order': ['1', '2'],
    });
    expect(mapping).toEqual({
      columns: {
        record_id: 'Payment ID',
        amount: 'Betrag',
        currency: 'Ccy',
        iban: 'Account',
        swift_bic_code: 'BIC',
        description: 'Verwendungszweck',
        'metadata.order': 'metadata.order',
      },
      constants: {},
      decimal: 'comma',
    });
    expect([isWhole, notes]).toEqual([true, []]);
  });

  it('leaves out a column that fits two of ours, and says both', () => {
    const { mapping, notes } = propose({ Name: ['Jo'], Phone: ['+639171234567'], Account: ['12345678'] });
    expect(mapping.columns).toEqual({});
    expect(notes.join(' ')).toContain('"Phone" is left out: it fits wallet_msisdn and recipient_msisdn.');
    expect(notes.join(' ')).toContain('"Account" is left out: it fits bank_account_number and account_number.');
    expect(notes.join(' ')).toContain('recipient_first_name, recipient_last_name and recipient_full_name');
  });

  it('leaves out one of ours that two columns fit, and says both', () => {
    const { mapping, notes, isWhole } = propose({ id: ['a'], amount: ['1.00'], 'Net Amount': ['0.90'], currency: ['USD'] });
    expect(mapping.columns).toEqual({ record_id: 'id', currency: 'currency' });
    expect(notes).toEqual(
      expect.arrayContaining([expect.stringContaining('amount is left out: the columns "amount" and "Net Amount" fit it')]),
    );
    expect(isWhole).toBe(false);
  });

  it('leaves out a column whose cells contradict its name', () => {
    expect(propose({ Total: ['see below'] }).mapping.columns).toEqual({});
    expect(propose({ BIC: ['12'] }).mapping.columns).toEqual({});
  });

  it.each([
    [['1.50', '2'], 'point'],
    [['1,5', '2'], 'comma'],
    [['1,234.50'], 'point'],
    [['10', '2'], undefined],
    [['1,234', '5'], undefined],
    [['1.50', '1,50'], undefined],
  ])('reads the decimal sign of %j as %s', (amounts, expected) => {
    const { mapping, notes } = propose({ amount: amounts });
    expect(mapping.decimal).toBe(expected);
    const isDoubtful = expected === undefined && amounts.some((amount) => /[.,]/.test(amount));
    expect(notes.some((note) => note.includes('decimal sign'))).toBe(isDoubtful);
  });

  it('shows no value of a cell', () => {
    expect(JSON.stringify(propose({ x: ['4242424242424242'], Account: ['BE68539007547034', '12345678901'] }))).not.toMatch(/\d{6}/);
  });
});
