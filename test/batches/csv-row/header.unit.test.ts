import { describe, expect, it } from 'vitest';
import { columnNames, members } from '../../../batches/instruction/members.ts';
import { readHeader } from '../../../batches/csv-row/header.ts';

const base = ['record_id', 'amount', 'currency'];

const codes = (header: readonly string[]): string[] => {
  const reading = readHeader(header);
  return reading.ok ? [] : reading.problems.map(({ code, column }) => (column === null ? code : `${code}@${column}`));
};

describe('a header', () => {
  it.each([
    [base],
    [['record_id', 'amount_minor', 'currency']],
    [['record_id', 'amount', 'amount_minor', 'currency']],
    [[' Record_ID ', 'AMOUNT', 'Currency']],
    [['record_id', 'amount_details.amount', 'amount_details.currency']],
    [[...base, 'metadata.order', 'metadata.Order', 'Metadata.a.b', 'metadata.a.c']],
    [[...base, 'error']],
    [[...base, 'Payment_Method.Bank_Account.Global.IBAN', 'customer.contacts.0.email']],
    [[...base, 'payment_method.card.bank_card.number', 'payment_details.card.bank_card.number']],
  ])('%j is valid', (header) => {
    expect(codes(header)).toEqual([]);
  });

  it('takes every name of the table, short or as a path', () => {
    for (const [name, { slot }] of columnNames) {
      const others = base.filter((known) => columnNames.get(known)?.slot !== slot);
      expect(codes([...others, name])).toEqual([]);
    }
    expect(members).toHaveLength(53);
  });

  it.each([
    ['a name twice', [...base, 'iban', 'IBAN '], ['header_name_twice@IBAN ']],
    ['metadata twice', [...base, 'metadata.a', 'METADATA.a'], ['header_name_twice@METADATA.a']],
    [
      'a short name beside its path',
      [...base, 'iban', 'payment_method.bank_account.global.iban'],
      ['header_name_and_path@payment_method.bank_account.global.iban'],
    ],
    ['amount_minor beside its path', [...base, 'amount_minor', 'amount_details.amount'], ['header_name_and_path@amount_details.amount']],
    [
      'a short name beside one of two paths',
      [...base, 'description', 'payment_method.wallet.global.description'],
      ['header_name_and_path@payment_method.wallet.global.description'],
    ],
    ['an unknown name', [...base, 'colour'], ['header_unknown@colour']],
    ['a type', [...base, 'payment_method.type'], ['header_unknown@payment_method.type']],
    ['metadata without a key', [...base, 'metadata'], ['header_unknown@metadata']],
    ['an empty key', [...base, 'metadata.a..b'], ['header_metadata_key@metadata.a..b']],
    ['a key that is no key', [...base, 'metadata.__proto__.a'], ['header_metadata_key@metadata.__proto__.a']],
    ['a key too deep', [...base, `metadata${'.a'.repeat(16)}`], [`header_metadata_key@metadata${'.a'.repeat(16)}`]],
    ['a key below a text', [...base, 'metadata.a', 'metadata.a.b'], ['header_metadata_nested@metadata.a.b']],
    ['error before the end', [...base, 'error', 'iban'], ['header_error_not_last@error']],
    ['no name', [...base, ' '], ['header_name_empty']],
    ['no record id', ['amount', 'currency'], ['header_missing']],
    ['no currency', ['record_id', 'amount'], ['header_missing']],
    ['no amount', ['record_id', 'currency'], ['header_missing']],
    [
      'all of it at once',
      ['iban', 'iban', 'colour', ''],
      ['header_name_twice@iban', 'header_unknown@colour', 'header_name_empty', 'header_missing', 'header_missing', 'header_missing'],
    ],
    ['another delimiter', ['record_id;amount;currency'], ['header_delimiter']],
    ['nothing', [], ['header_missing', 'header_missing', 'header_missing']],
  ])('with %s is refused', (_, header, expected) => {
    expect(codes(header)).toEqual(expected);
  });

  it('with an unknown name suggests the column that is meant', () => {
    const reading = readHeader([...base, 'ibna', 'Recipient First Name']);
    expect(reading.ok ? [] : reading.problems.map(({ message }) => message)).toEqual([
      expect.stringContaining('did you mean iban?'),
      expect.stringContaining('did you mean recipient_first_name?'),
    ]);
  });

  it('does not show the account numbers of a file without a header', () => {
    const reading = readHeader(['inv-1', '12.30', 'EUR', 'NL91ABNA0417164300', '4242 4242 4242 4242', '12345678']);
    const told = JSON.stringify(reading);
    for (const secret of ['0417164300', '4242 4242', '12345678']) expect(told).not.toContain(secret);
  });
});
