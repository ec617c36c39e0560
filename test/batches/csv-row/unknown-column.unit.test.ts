/** What is proposed for a column name that is not known: only within one meaning. */
import { describe, expect, it } from 'vitest';
import { readHeader } from '../../../batches/csv-row/header.ts';

const base = ['record_id', 'amount', 'currency'];

const messageOf = (name: string, others: readonly string[] = []): string => {
  const reading = readHeader([...others, name]);
  if (reading.ok) throw new Error(`${name} is known`);
  return reading.problems.find(({ column }) => column === name)?.message ?? '';
};

describe('an unknown column name', () => {
  it.each([
    ['id', 'record_id'],
    ['request_id', 'record_id'],
    ['instruction_id', 'record_id'],
    ['end_to_end_id', 'record_id'],
    ['EndToEndId', 'record_id'],
    ['Payout Amount', 'amount'],
    ['dollars', 'amount'],
    ['value', 'amount'],
    ['ccy', 'currency'],
    ['Payout Currency', 'currency'],
    ['targetCurrency', 'currency'],
    ['amountCurrency', 'currency'],
    ['Währung', 'currency'],
    ['bic', 'swift_bic_code'],
    ['country', 'recipient_country_iso3'],
    ['account', 'bank_account_number, account_number or iban'],
    ['new_bank_routing_number', 'routing_code'],
    ['new_bank_account_holders_name', 'recipient_first_name, recipient_last_name or recipient_full_name'],
    ['name', 'recipient_first_name, recipient_last_name or recipient_full_name'],
    ['first_name', 'recipient_first_name'],
    ['last name', 'recipient_last_name'],
    ['Beneficiary', 'recipient_first_name, recipient_last_name or recipient_full_name'],
    ['Empfänger', 'recipient_first_name, recipient_last_name or recipient_full_name'],
    ['Bénéficiaire', 'recipient_first_name, recipient_last_name or recipient_full_name'],
    ['Cuenta', 'bank_account_number, account_number or iban'],
    ['memo', 'description'],
    ['Note', 'description'],
    ['reference', 'description or customer_reference'],
    ['paymentReference', 'description or customer_reference'],
  ])('%s is taken as what other systems mean by it: %s', (name, proposal) => {
    expect(messageOf(name)).toBe(`Unknown column "${name}": did you mean ${proposal}?`);
  });

  it.each([
    'recipientId',
    'recipientDetail',
    'recipientType',
    'payee_identifier',
    'RazorpayX Account Number',
    'sourceCurrency',
    'count_no_bank',
  ])('%s, which is near to no column of its meaning, gets no proposal and is not called metadata', (name) => {
    expect(messageOf(name, base)).toMatch(/^Unknown column ".*": it seems to say who is paid, where to or how much/);
    expect(messageOf(name, base)).not.toContain('metadata');
  });

  it.each(['count', 'mount', 'acount', 'ban', 'agencies', 'short_code'])(
    '%s never becomes an amount or an account by its letters',
    (name) => {
      expect(messageOf(name, base)).not.toContain('did you mean');
    },
  );

  it.each([
    ['amuont', 'amount'],
    ['ammount', 'amount'],
    ['curency', 'currency'],
    ['ibna', 'iban'],
    ['descriptoin', 'description'],
    ['Recipient First Name', 'recipient_first_name'],
    ['recipient_adress_line', 'recipient_address_line'],
  ])('%s is recognised as a misspelling: %s', (name, proposal) => {
    expect(messageOf(name)).toBe(`Unknown column "${name}": did you mean ${proposal}?`);
  });

  it('proposes no column that is in the header already', () => {
    expect(messageOf('memo', [...base, 'description'])).toBe(
      'Unknown column "memo": the file already has description. Remove one of the two.',
    );
    expect(messageOf('reference', [...base, 'Description'])).toContain('did you mean customer_reference?');
  });

  it('that says nothing of money may be named metadata', () => {
    expect(messageOf('Colour', base)).toBe('Unknown column "Colour": remove it, or name it metadata.<key> to have it echoed.');
  });

  it('is shown as the file spells it', () => {
    expect(messageOf(' Department of X ', base)).toContain('"Department of X"');
  });

  it('with a character that does not show names its code point', () => {
    expect(messageOf('amount\u200b')).toMatch(/^The column "amount" has a character .* U\+200B \(zero width space\) is at character 7/);
    expect(messageOf('bank\u00a0name')).toContain('U+00A0 (no-break space) is at character 5');
  });

  it('with a letter of another script names its code point', () => {
    expect(messageOf('\u0430mount')).toMatch(/letter of another script in its name: U\+0430 is at character 1/);
  });
});

describe('a header', () => {
  it('with no-break spaces around a name is read, with a warning that names them', () => {
    const reading = readHeader(['record_id', 'amount\u00a0', 'currency', ' iban ']);
    expect(reading.ok && reading.warnings.map(({ code, column }) => [code, column])).toEqual([['header_odd_blank', 'amount\u00a0']]);
    expect(reading.ok && reading.warnings[0]?.message).toContain('U+00A0 (no-break space)');
  });

  it('with a name twice names both as they are spelled, with their columns', () => {
    const reading = readHeader(['amount', 'record_id', 'Amount', 'currency']);
    expect(reading.ok ? '' : reading.problems[0].message).toBe(
      '"amount" (column 1) and "Amount" (column 3) have the same name: remove or rename one of them.',
    );
  });
});
