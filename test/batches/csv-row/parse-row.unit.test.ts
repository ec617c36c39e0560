import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kinds, type Kind } from '../../../batches/instruction/instruction.ts';
import { routeNames, templateCsv } from '../../../batches/instruction/templates.ts';
import { rowOf, templatePayment, templatePayout, type Cells } from '../../support/builders.ts';
import { codesOf, parseRow, parserOf, problemsOf, validOf } from '../../support/parsing.ts';

const everyRoute = kinds.flatMap((kind) => routeNames(kind).map((route) => [kind, route] as const));

const codes = (kind: Kind, route: string | undefined, changes: Cells): string[] => codesOf(parseRow(rowOf(kind, route, changes)));

describe('a good row', () => {
  it.each(everyRoute)('of a %s by %s becomes a valid instruction', (kind, route) => {
    expect(codesOf(parseRow(rowOf(kind, route)))).toEqual([]);
    expect(templateCsv(kind, route)?.split('\n')).toHaveLength(3);
  });

  it('has no template for a route that does not exist', () => {
    expect(templateCsv('payment', 'sepa')).toBeUndefined();
    expect(templateCsv('payout', 'toString')).toBeUndefined();
  });

  it('becomes the body that the vendor documents', () => {
    expect(validOf(parseRow(rowOf('payout', 'sepa', { iban: 'be68 5390 0754 7034', currency: 'Eur', 'metadata.order': '77' })))).toEqual({
      recordId: 'inv-1',
      kind: 'payout',
      amountMinor: 1230n,
      currency: 'EUR',
      body: templatePayout,
      metadata: { order: '77' },
      destination: 'BE**…7034',
      hasCardNumber: false,
    });
  });

  it('by card is sensitive and becomes a payment', () => {
    const draft = validOf(parseRow(rowOf('payment', 'card', { recurrent: 'true' })));
    expect(draft.hasCardNumber).toBe(true);
    expect(draft.destination).toBe('424242…4242');
    expect(draft.body).toEqual({ ...templatePayment, payment_options: { ...templatePayment.payment_options, recurrent: true } });
  });

  it.each([
    [
      'wallet',
      {
        type: 'wallet',
        wallet: { type: 'global', global: { description: 'Invoice 2026-001', name: 'examplepay', msisdn: '+639171234567' } },
      },
    ],
    ['card', { type: 'card', card: { type: 'bank_card', bank_card: { number: '4242424242424242' } } }],
    [
      'encrypted-card',
      { type: 'card', card: { type: 'encrypted_card', encrypted_card: { number_hash: 'hash-of-the-number-as-the-gateway-gave-it' } } },
    ],
    ['tokenized-card', { type: 'card', card: { type: 'tokenized_card', tokenized_card: { token: 'token-as-the-gateway-gave-it' } } }],
  ])('by %s has the payment method of its columns', (route, method) => {
    expect(validOf(parseRow(rowOf('payout', route))).body['payment_method']).toEqual(method);
  });

  it('by recurrent token has the payment details of its columns', () => {
    expect(validOf(parseRow(rowOf('payment', 'recurrent'))).body['payment_details']).toEqual({
      type: 'recurrent',
      recurrent: { token: 'token-as-the-gateway-gave-it', initiator: 'merchant' },
    });
  });

  it('reads the text false as a boolean', () => {
    const options = validOf(parseRow(rowOf('payment', 'card', { return_url: '', recurrent: 'false' }))).body['payment_options'];
    expect(options).toEqual({ recurrent: false });
  });

  it('keeps its text exactly, blanks and all', () => {
    const draft = validOf(parseRow(rowOf('payout', 'sepa', { description: " 's-Hertogenbosch  #5, \u{1f600} ÅÄÖ 山田　太郎 " })));
    expect(JSON.stringify(draft.body)).toContain(" 's-Hertogenbosch  #5, \u{1f600} ÅÄÖ 山田　太郎 ");
  });

  it('is a payout without the column kind', () => {
    expect(validOf(parseRow(rowOf('payout', 'sepa', { kind: '' }))).kind).toBe('payout');
    expect(validOf(parseRow(rowOf('payout', 'sepa', { kind: undefined }))).kind).toBe('payout');
  });

  it('is the same by short names, by paths, and in any order of columns', () => {
    const row = rowOf('payout', 'uk-iban', { 'metadata.b': '1', 'metadata.a.c': '2' });
    const expected = validOf(parseRow(row));
    const paths: Record<string, string> = {
      currency: 'amount_details.currency',
      iban: 'payment_method.bank_account.global.iban',
      swift_bic_code: 'Payment_Method.bank_account.global.swift_bic_code',
      description: 'payment_method.bank_account.global.description',
      recipient_first_name: 'participant_details.recipient.first_name',
      sender_code: 'participant_details.sender.code',
    };
    expect(validOf(parseRow(Object.fromEntries(Object.entries(row).map(([name, cell]) => [paths[name] ?? name, cell]))))).toEqual(expected);
    fc.assert(
      fc.property(fc.shuffledSubarray(Object.entries(row), { minLength: Object.keys(row).length }), (entries) => {
        const draft = validOf(parseRow(Object.fromEntries(entries)));
        expect(JSON.stringify(draft.body)).toBe(JSON.stringify(expected.body));
        expect(draft.metadata).toEqual(expected.metadata);
      }),
      { numRuns: 50 },
    );
  });

  it('leaves nothing of the row before it', () => {
    const columns = [
      'record_id',
      'amount',
      'currency',
      'card_number',
      'recipient_full_name',
      'wallet_name',
      'wallet_msisdn',
      'description',
    ];
    const reader = parserOf(columns);
    const wallet = ['b', '1', 'EUR', '', '', 'pay', '+4915112345678', 'text'];
    const alone = validOf(reader.read(wallet));
    reader.read(['a', '1', 'EUR', '4242424242424242', 'A B', '', '', '']);
    reader.read(['a', '1', 'EUR', '1', 'A B', 'x', '', '\u0000']);
    expect(validOf(reader.read(wallet))).toEqual(alone);
  });
});

describe('amounts', () => {
  it.each([
    ['1,234.56', 'amount_thousands_separator'],
    ['1.234,56', 'amount_thousands_separator'],
    ["1'234.56", 'amount_thousands_separator'],
    ['1 234,56', 'amount_thousands_separator'],
    ['1\u00a0234,56', 'amount_thousands_separator'],
    ['1,234', 'amount_thousands_separator'],
    ['1.234.567', 'amount_thousands_separator'],
    ['12,30', 'amount_decimal_comma'],
    ['1234,5', 'amount_decimal_comma'],
    ['€12.30', 'amount_currency_sign'],
    ['12.30 €', 'amount_currency_sign'],
    ['12.30EUR', 'amount_currency_sign'],
    ['USD 12.30', 'amount_currency_sign'],
    ['$5', 'amount_currency_sign'],
    ['-12.30', 'amount_negative'],
    ['(12.30)', 'amount_negative'],
    ['\u221212.30', 'amount_negative'],
    ['1.23457E+11', 'excel_scientific'],
    ['#REF!', 'excel_error_value'],
    ['="12.30"', 'excel_formula'],
    ["'12.30", 'excel_apostrophe'],
    ['12.05.2026', 'excel_date'],
    ['12-May', 'excel_date'],
    [' 12.30', 'blank_around'],
    ['12.30\u200b', 'invisible_character'],
    ['012.30', 'amount_format'],
    ['.5', 'amount_format'],
    ['abc', 'amount_format'],
    ['0', 'amount_zero'],
    ['0.00', 'amount_zero'],
    ['12.345', 'amount_decimals'],
    ['90071992547409.92', 'amount_too_large'],
  ])('%j is %s', (amount, code) => {
    expect(codes('payout', 'sepa', { amount })).toEqual([`${code}@amount`]);
  });

  it.each([
    ['12.5', 'amount_format'],
    ['0', 'amount_zero'],
    ['007', 'amount_format'],
  ])('%j in minor units is %s', (amount, code) => {
    expect(codes('payout', 'sepa', { amount: undefined, Amount_Minor: amount })).toEqual([`${code}@Amount_Minor`]);
  });

  it('are refused unless exactly one of the two columns is filled', () => {
    expect(codes('payout', 'sepa', { amount_minor: '1230' })).toEqual(['amount_twice@amount']);
    expect(codes('payout', 'sepa', { amount: '', amount_minor: '' })).toEqual(['member_missing@amount']);
    expect(codes('payout', 'sepa', { amount: undefined, amount_minor: '' })).toEqual(['member_missing@amount_minor']);
    expect(validOf(parseRow(rowOf('payout', 'sepa', { amount: '', amount_minor: '1230' }))).amountMinor).toBe(1230n);
  });

  it('follow the decimals of their currency', () => {
    expect(validOf(parseRow(rowOf('payout', 'sepa', { currency: 'jpy', amount: '500' }))).amountMinor).toBe(500n);
    expect(validOf(parseRow(rowOf('payout', 'sepa', { currency: 'KWD', amount: '1.234' }))).amountMinor).toBe(1234n);
    expect(codes('payout', 'sepa', { currency: 'JPY', amount: '500.0' })).toEqual(['amount_decimals@amount']);
  });

  it('above a configured limit are refused, and are still reported', () => {
    const limits = new Map([['EUR', 1229n]]);
    const reading = parseRow(rowOf('payout', 'sepa'), limits);
    expect(codesOf(reading)).toEqual(['amount_above_limit@amount']);
    expect(reading).toMatchObject({ ok: false, refusal: { recordId: 'inv-1', amountMinor: 1230n, currency: 'EUR' } });
    expect(parseRow(rowOf('payout', 'sepa', { amount: '12.29' }), limits).ok).toBe(true);
    expect(parseRow(rowOf('payout', 'sepa', { currency: 'USD' }), limits).ok).toBe(true);
  });

  it.each([
    ['', 'member_missing@currency'],
    ['EURO', 'currency_unknown@currency'],
    ['HRK', 'currency_withdrawn@currency'],
    ['XAU', 'currency_not_payable@currency'],
  ])('cannot be read under the currency %j', (currency, code) => {
    const reading = parseRow(rowOf('payout', 'sepa', { currency }));
    expect(codesOf(reading)).toEqual([code]);
    expect(reading).toMatchObject({ refusal: { amountMinor: undefined, currency: undefined } });
  });
});

describe('routes', () => {
  const needs: readonly (readonly [Kind, string, readonly string[]])[] = [
    [
      'payout',
      'sepa',
      [
        'iban',
        'description',
        'recipient_bank_name',
        'recipient_currency',
        'recipient_country_iso3',
        'recipient_first_name',
        'recipient_last_name',
      ],
    ],
    ['payout', 'sepa', ['sender_company_name', 'sender_registration_number', 'sender_country_iso3', 'sender_code']],
    ['payout', 'hungary', ['iban', 'description']],
    ['payout', 'turkey', ['iban', 'description']],
    ['payout', 'usa', ['bank_account_number', 'account_type', 'routing_code', 'description']],
    ['payout', 'uk', ['account_type', 'sort_code', 'account_number', 'description']],
    ['payout', 'uk-iban', ['account_type', 'iban', 'swift_bic_code', 'description']],
    ['payout', 'australia', ['bank_account_number', 'bsb_number', 'description']],
    ['payout', 'brazil', ['bank_account_number', 'branch_number', 'account_type', 'recipient_id_number', 'description']],
    ['payout', 'thailand', ['bank_account_number', 'description', 'sender_code']],
    ['payout', 'vietnam', ['bank_account_number', 'description', 'sender_code']],
    ['payout', 'hong-kong', ['bank_account_number', 'description', 'sender_code']],
    ['payout', 'wallet', ['wallet_name', 'wallet_msisdn', 'description']],
    ['payment', 'card', ['card_number', 'card_expiration_month', 'card_expiration_year', 'card_security_code', 'customer_reference']],
    ['payment', 'recurrent', ['recurrent_token', 'recurrent_initiator', 'customer_reference']],
  ];
  const cases = needs.flatMap(([kind, route, names]) => names.map((name) => [kind, route, name] as const));

  it.each(cases)('%s by %s needs %s', (kind, route, name) => {
    const found = codesOf(parseRow(rowOf(kind, route, { [name]: '' })));
    // Where nothing else shows the method, the method itself is missing.
    expect([[`member_missing@${name}`], ['method_missing']]).toContainEqual(found);
    const without = problemsOf(parseRow(rowOf(kind, route, { [name]: undefined })));
    expect(without.map(({ column }) => column)).toEqual([null]);
  });

  it('names a column that the file does not have in the sentence', () => {
    const [problem] = problemsOf(parseRow(rowOf('payout', 'usa', { routing_code: undefined })));
    expect(problem).toMatchObject({ code: 'member_missing', column: null, message: expect.stringContaining('routing_code') });
  });

  it.each([
    ['sepa', { iban: 'BE68539007547035' }, ['iban_check_digits@iban']],
    ['sepa', { bank_account_number: '12345678' }, ['not_for_route@bank_account_number']],
    ['sepa', { swift_bic_code: 'DEUTDEFF' }, []],
    ['sepa', { swift_bic_code: 'DEUTDE' }, ['bic_format@swift_bic_code']],
    ['usa', { account_type: 'checking' }, ['account_type_unknown@account_type']],
    ['usa', { account_type: 'SAVINGS' }, []],
    ['usa', { account_type: 'DEPOSIT' }, ['account_type_unknown@account_type']],
    ['usa', { routing_code: '21000021' }, ['lost_leading_zeros@routing_code']],
    ['usa', { routing_code: '021000022' }, ['routing_code_check_digit@routing_code']],
    ['usa', { iban: 'BE68539007547034' }, ['not_for_route@iban']],
    ['uk', { account_type: 'SAVINGS' }, ['account_type_unknown@account_type']],
    ['uk', { sort_code: '601613' }, ['sort_code_format@sort_code']],
    ['uk', { iban: 'GB29NWBK60161331926819' }, ['account_ambiguous']],
    ['uk', { sort_code: '', account_number: '' }, ['member_missing']],
    ['uk', { account_number: undefined, bank_account_number: '31926819' }, ['member_missing', 'not_for_route@bank_account_number']],
    ['uk-iban', { swift_bic_code: 'NWBKGB2' }, ['bic_format@swift_bic_code']],
    ['australia', { bsb_number: '62000' }, ['lost_leading_zeros@bsb_number']],
    ['brazil', { account_type: 'OTHERS' }, []],
    ['brazil', { recipient_id_number: '52998224726' }, ['cpf_check_digits@recipient_id_number']],
    ['brazil', { recipient_id_number: '' }, ['member_missing@recipient_id_number']],
    ['thailand', { recipient_id_number: '52998224726' }, []],
    ['thailand', { routing_code: '12' }, []],
    ['sepa', { recipient_country_iso3: 'BE' }, ['country_unknown@recipient_country_iso3']],
    ['sepa', { sender_country_iso3: 'usa' }, ['country_unknown@sender_country_iso3']],
    ['sepa', { recipient_currency: 'EURO' }, ['currency_unknown@recipient_currency']],
    ['sepa', { sender_company_name: '1234567' }, ['company_name_digits@sender_company_name']],
    ['sepa', { sender_company_name: 'x'.repeat(101) }, ['text_too_long@sender_company_name']],
    ['sepa', { sender_company_name: '\u{1f600}'.repeat(100) }, []],
    ['sepa', { sender_registration_number: '1'.repeat(65) }, ['text_too_long@sender_registration_number']],
    ['sepa', { sender_registration_number: '1.23457E+11' }, ['excel_scientific@sender_registration_number']],
    ['sepa', { sender_code: "'123" }, ['excel_apostrophe@sender_code']],
    ['sepa', { recipient_email: 'john' }, ['email_format@recipient_email']],
    ['sepa', { recipient_msisdn: '12' }, ['msisdn_format@recipient_msisdn']],
    ['sepa', { recipient_swift_bic_code: 'x' }, ['bic_format@recipient_swift_bic_code']],
    ['sepa', { description: 'x'.repeat(1001) }, ['text_too_long@description']],
    ['sepa', { recipient_first_name: '  ' }, ['blank_only@recipient_first_name']],
    ['sepa', { recipient_first_name: '#N/A' }, ['excel_error_value@recipient_first_name']],
    ['sepa', { recipient_first_name: '="John"' }, ['excel_formula@recipient_first_name']],
    ['sepa', { recipient_first_name: 'Jo\u00adhn' }, ['invisible_character@recipient_first_name']],
    ['sepa', { recipient_first_name: 'J\ufffdrg' }, ['replacement_character@recipient_first_name']],
    ['sepa', { recipient_first_name: 'Jo\nhn' }, ['control_character@recipient_first_name']],
    ['sepa', { recipient_first_name: 'Jo\ud83d' }, ['lone_surrogate@recipient_first_name']],
    ['sepa', { description: 'card 4242 4242 4242 4242' }, ['card_number_misplaced@description']],
    ['wallet', { wallet_msisdn: '4.91511E+12' }, ['excel_scientific@wallet_msisdn']],
    ['card', { card_number: '4242424242424241' }, ['card_number_check_digit@card_number']],
    ['card', { description: 'text' }, ['not_for_method@description']],
    ['card', { card_expiration_month: '12' }, ['not_for_kind@card_expiration_month']],
    ['card', { return_url: 'https://example.com' }, ['not_for_kind@return_url']],
    ['tokenized-card', { card_token: '4242424242424242' }, ['card_number_misplaced@card_token']],
    ['card', { card_token: 'abcdef' }, ['method_ambiguous']],
    ['sepa', { wallet_name: 'pay' }, ['method_ambiguous']],
    ['sepa', { kind: 'Payout' }, ['kind_unknown@kind']],
    ['sepa', { kind: 'pay', iban: 'BE68539007547035' }, ['kind_unknown@kind', 'iban_check_digits@iban']],
  ] as const)('payout by %s with %j: %j', (route, changes, expected) => {
    expect(codes('payout', route, changes)).toEqual(expected);
  });

  it.each([
    ['card', { card_expiration_month: '10', card_expiration_year: '26' }, ['card_expired@card_expiration_year']],
    ['card', { card_expiration_month: '11', card_expiration_year: '26' }, []],
    ['card', { card_expiration_month: '5' }, ['lost_leading_zeros@card_expiration_month']],
    ['card', { card_expiration_month: '13', card_expiration_year: '20' }, ['card_expiration_format@card_expiration_month']],
    ['card', { card_security_code: '12' }, ['lost_leading_zeros@card_security_code']],
    ['card', { iban: 'BE68539007547034' }, ['not_for_kind@iban']],
    ['card', { description: 'text' }, ['not_for_kind@description']],
    ['card', { return_url: 'example.com' }, ['url_format@return_url']],
    ['card', { recurrent: 'TRUE' }, ['recurrent_format@recurrent']],
    ['card', { customer_reference: '4242424242424242' }, ['card_number_misplaced@customer_reference']],
    ['card', { customer_email: 'x' }, ['email_format@customer_email']],
    ['card', { recurrent_token: 'abc' }, ['method_ambiguous']],
    ['recurrent', { recurrent_initiator: 'me' }, ['recurrent_initiator_unknown@recurrent_initiator']],
  ] as const)('payment by %s with %j: %j', (route, changes, expected) => {
    expect(codes('payment', route, changes)).toEqual(expected);
  });

  it('of other countries follow the general rules', () => {
    const india = { recipient_country_iso3: 'IND', iban: undefined, bank_account_number: '50100012345678', routing_code: 'HDFC0000001' };
    expect(codes('payout', 'sepa', india)).toEqual([]);
    expect(codes('payout', 'sepa', { ...india, bank_account_number: undefined })).toEqual(['member_missing']);
    expect(codes('payout', 'sepa', { ...india, description: '' })).toEqual(['member_missing@description']);
    expect(codes('payout', 'sepa', { ...india, sender_code: '' })).toEqual([]);
  });

  it('list the possible columns for a payout without any method', () => {
    const [problem] = problemsOf(parseRow({ record_id: 'a', amount: '1', currency: 'EUR' }));
    expect(problem).toMatchObject({ code: 'method_missing', column: null, message: expect.stringContaining('iban') });
  });
});

describe('paths as column names', () => {
  const number = 'payment_method.card.bank_card.number';
  it('are accepted only for their kind', () => {
    expect(codesOf(parseRow(rowOf('payout', 'card', { card_number: undefined, [number]: '4242424242424242' })))).toEqual([]);
    expect(codesOf(parseRow(rowOf('payment', 'card', { card_number: undefined, [number]: '4242424242424242' })))).toEqual([
      `not_for_kind@${number}`,
    ]);
  });
  it('are accepted only for their method', () => {
    const path = 'payment_method.wallet.global.description';
    expect(codesOf(parseRow(rowOf('payout', 'wallet', { description: undefined, [path]: 'text' })))).toEqual([]);
    expect(codesOf(parseRow(rowOf('payout', 'sepa', { description: undefined, [path]: 'text' })))).toEqual([`not_for_method@${path}`]);
  });
});

describe('problems', () => {
  it('are reported all at once, under the names of the file', () => {
    const reading = parseRow({
      Record_ID: 'bad id',
      AMOUNT: '1,5',
      currency: 'EUR',
      IBAN: 'BE68539007547035',
      recipient_country_iso3: 'BEL',
    });
    expect(codesOf(reading).slice(0, 2)).toEqual(['record_id_format@Record_ID', 'iban_check_digits@IBAN']);
    expect(codesOf(reading)).toContain('amount_decimal_comma@AMOUNT');
    expect(codesOf(reading).filter((code) => code === 'member_missing')).toHaveLength(9);
  });

  it.each([
    [{ iban: 'BE68539007547035' }, 'BE**…7035'],
    [{ amount: '12,30' }, '12,30'],
    [{ currency: 'EURO' }, 'EURO'],
    [{ recipient_country_iso3: 'Belgium' }, 'Belgium'],
    [{ record_id: 'bad id' }, 'bad id'],
    [{ record_id: 'x 4242424242424242' }, 'x …4242'],
    [{ record_id: '4242-4242-4242-4242' }, '…4242'],
    [{ amount: '4242424242424242x' }, '…4242x'],
    [{ currency: 'BE68539007547034' }, 'BE**…7034'],
    [{ recipient_first_name: 'John\u200b' }, null],
    [{ recipient_email: 'john.johnson' }, '…nson'],
  ])('show of the value %j only %j', (changes, value) => {
    const [problem] = problemsOf(parseRow(rowOf('payout', 'sepa', changes)));
    expect(problem?.value).toBe(value);
  });

  it('show of a card first six and last four, of a security code nothing', () => {
    expect(problemsOf(parseRow(rowOf('payment', 'card', { card_number: '4242424242424241' })))[0]?.value).toBe('424242…4241');
    expect(problemsOf(parseRow(rowOf('payment', 'card', { card_security_code: '12345678' })))[0]?.value).toBeNull();
  });

  it('show invisible characters by code point', () => {
    expect(problemsOf(parseRow(rowOf('payout', 'sepa', { recipient_last_name: 'John\u200bson' })))[0]?.message).toContain('U+200B');
  });

  it('name the record under which they are counted, unless its id cannot be used', () => {
    expect(parseRow(rowOf('payout', 'sepa', { iban: 'x' }))).toMatchObject({
      refusal: { recordId: 'inv-1', kind: 'payout', amountMinor: 1230n, currency: 'EUR' },
    });
    const misplaced = parseRow(rowOf('payout', 'sepa', { record_id: '4242424242424242' }));
    expect(codesOf(misplaced)).toEqual(['card_number_misplaced@record_id']);
    expect(misplaced).toMatchObject({ refusal: { recordId: undefined } });
    expect(codes('payout', 'sepa', { record_id: '' })).toEqual(['member_missing@record_id']);
  });

  it('of too few or too many cells are one, and nothing else of the row is trusted', () => {
    const reader = parserOf(['record_id', 'amount', 'currency', 'card_number']);
    expect(reader.read(['a', '1', 'EUR'])).toMatchObject({
      refusal: { recordId: 'a', amountMinor: undefined, problems: [{ code: 'cells_too_few', column: null }] },
    });
    expect(reader.read(['a', '1', 'EUR', '4242424242424242', 'x'])).toMatchObject({
      refusal: { recordId: 'a', problems: [{ code: 'cells_too_many' }] },
    });
    expect(reader.read(['4242424242424242'])).toMatchObject({ refusal: { recordId: undefined } });
  });

  it('never show what was written, whatever was written where', () => {
    const secret = '4242424242424242';
    const names = Object.keys(rowOf('payment', 'card', { 'metadata.a': '', iban: '', description: '' }));
    for (const name of names.filter((known) => known !== 'card_number')) {
      for (const written of [secret, '4242 4242 4242 4242', `x${secret}`, '4242-4242-4242-4242']) {
        const reading = parseRow(rowOf('payment', 'card', { 'metadata.a': 'b', iban: '', description: '', [name]: written }));
        expect(JSON.stringify(problemsOf(reading))).not.toMatch(/4242[ -]?4242/);
      }
    }
  });
});

describe('metadata', () => {
  it('nests by dots, keeps its case, and is absent when its cells are empty', () => {
    const row = rowOf('payout', 'sepa', {
      'metadata.Order': '77',
      'metadata.a.b': 'x',
      'metadata.a.c': '',
      'METADATA.a.d.e': 'y',
      'metadata.toString': 'z',
    });
    expect(validOf(parseRow(row)).metadata).toEqual({ Order: '77', a: { b: 'x', d: { e: 'y' } }, toString: 'z' });
    expect(validOf(parseRow(rowOf('payout', 'sepa', { 'metadata.a': '' }))).metadata).toBeUndefined();
  });

  it.each([
    [{ 'metadata.record_id': 'inv-1' }, []],
    [{ 'metadata.record_id': 'inv-2' }, ['metadata_record_id@metadata.record_id']],
    [{ 'metadata.attempt': '1' }, []],
    [{ 'metadata.attempt': '2' }, ['metadata_attempt@metadata.attempt']],
    [{ 'metadata.idempotency_key': 'k' }, ['metadata_idempotency_key@metadata.idempotency_key']],
    [{ 'metadata.card': '4242424242424242' }, ['card_number_misplaced@metadata.card']],
    [{ 'metadata.a': '#REF!' }, ['excel_error_value@metadata.a']],
    [{ 'metadata.a': 'x\u0000' }, ['control_character@metadata.a']],
    [{ 'metadata.a': 'x'.repeat(1001) }, ['text_too_long@metadata.a']],
  ])('%j: %j', (changes, expected) => {
    expect(codes('payout', 'sepa', changes)).toEqual(expected);
  });

  it('leaves out reserved members with the values that disburse adds', () => {
    expect(validOf(parseRow(rowOf('payout', 'sepa', { 'metadata.record_id': 'inv-1', 'metadata.attempt': '1' }))).metadata).toBeUndefined();
  });
});

describe('a fix-file', () => {
  it('shows a row with its cards and security codes masked, wherever they stand', () => {
    const reader = parserOf(['record_id', 'amount', 'currency', 'kind', 'card_number', 'card_security_code', 'description', 'iban']);
    expect(
      reader.maskSecrets(['a', '1', 'EUR', 'payment', '4242424242424242', '123', 'my 4111 1111 1111 1111', 'BE68539007547034']),
    ).toEqual(['a', '1', 'EUR', 'payment', '424242…4242', '…', 'my …1111', 'BE68539007547034']);
    expect(reader.maskSecrets(['a', '1', 'EUR', '4242424242424242', '123'])).toEqual(['a', '1', 'EUR', '…4242', '…']);
    expect(reader.recordIdColumn).toBe('record_id');
  });
});
