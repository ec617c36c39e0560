import * as fc from 'fast-check';
import { getCountrySpecifications, isValidBIC, isValidIBAN } from 'ibantools';
import { describe, expect, it } from 'vitest';
import {
  carriesCardNumber,
  checkCardNumber,
  checkExpirationMonth,
  checkExpirationYear,
  checkSecurityCode,
  hasExpired,
  passesLuhn,
} from '../../../batches/fields/cards.ts';
import { countryCodes, countryMeantBy, countryTableDate, isCountryIso3 } from '../../../batches/fields/countries.ts';
import type { ValueRule } from '../../../batches/fields/rule-violation.ts';
import { checkBic, checkIban, normalizeIban } from '../../../batches/fields/iban.ts';
import {
  checkAbaRouting,
  checkAccountNumber,
  checkBsb,
  checkCountry,
  checkCpf,
  checkCurrency,
  checkEmail,
  checkMsisdn,
  checkRecordId,
  checkSortCode,
  checkUkAccountNumber,
  checkUrl,
} from '../../../batches/fields/identifiers.ts';

const holds = (name: string, rule: ValueRule, right: readonly string[], wrong: readonly (readonly [string, string])[]): void => {
  describe(`${name}`, () => {
    it.each(right)('takes %j', (text) => {
      expect(rule(text)).toBeUndefined();
    });
    it.each(wrong)('refuses %j as %s', (text, code) => {
      const found = rule(text);
      expect(found?.code).toBe(code);
      // long enough to be somebody's: a message never repeats it
      expect(text.length > 8 && found?.message.includes(text)).toBe(false);
    });
  });
};

// The examples of the SWIFT IBAN registry.
const registryIbans = (
  'AD1200012030200359100100 AE070331234567890123456 AL47212110090000000235698741 AT611904300234573201 AZ21NABZ00000000137010001944 ' +
  'BA391290079401028494 BE68539007547034 BG80BNBG96611020345678 BH67BMAG00001299123456 BR1800360305000010009795493C1 CH9300762011623852957 ' +
  'CR05015202001026284066 CY17002001280000001200527600 CZ6508000000192000145399 DE89370400440532013000 DK5000400440116243 DO28BAGR00000001212453611324 ' +
  'EE382200221020145685 ES9121000418450200051332 FI2112345600000785 FO6264600001631634 FR1420041010050500013M02606 GB29NWBK60161331926819 ' +
  'GE29NB0000000101904917 GI75NWBK000000007099453 GL8964710001000206 GR1601101250000000012300695 GT82TRAJ01020000001210029690 HR1210010051863000160 ' +
  'HU42117730161111101800000000 IE29AIBK93115212345678 IL620108000000099999999 IS140159260076545510730339 IT60X0542811101000000123456 ' +
  'JO94CBJO0010000000000131000302 KW81CBKU0000000000001234560101 KZ86125KZT5004100100 LB62099900000001001901229114 LI21088100002324013AA ' +
  'LT121000011101001000 LU280019400644750000 LV80BANK0000435195001 MC5811222000010123456789030 MD24AG000225100013104168 ME25505000012345678951 ' +
  'MK07250120000058984 MT84MALT011000012345MTLCAST001S MU17BOMM0101101030300200000MUR NL91ABNA0417164300 NO9386011117947 PK36SCBL0000001123456702 ' +
  'PL61109010140000071219812874 PS92PALS000000000400123456702 PT50000201231234567890154 QA58DOHB00001234567890ABCDEFG RO49AAAA1B31007593840000 ' +
  'RS35260005601001611379 SA0380000000608010167519 SE4550000000058398257466 SI56263300012039086 SK3112000000198742637541 SM86U0322509800000000270100 ' +
  'TN5910006035183598478831 TR330006100519786457841326 UA213223130000026007233566001 VA59001123000012345678 VG96VPVG0000012345678901 XK051212012345678906'
).split(' ');

holds('an IBAN', checkIban, registryIbans, [
  ['DE89370400440532013001', 'iban_check_digits'],
  ['DE98370400440532013000', 'iban_check_digits'],
  ['DE00370400440532013000', 'iban_check_digits'],
  ['GB29NWBK60161331926891', 'iban_check_digits'],
  ['DE8937040044053201300', 'iban_length'],
  ['NL91ABNA04171643000', 'iban_length'],
  ['ZZ89370400440532013000', 'iban_country'],
  ['US89370400440532013000', 'iban_country'],
  ['DE8937040044053201300O'.replace('DE89', 'DE12'), 'iban_check_digits'],
  ['370400440532013000', 'iban_format'],
  ['DE89-3704-0044-0532-0130-00', 'iban_format'],
  ['DE89\u00a0370400440532013000', 'invisible_character'],
  ['1.23457E+11', 'excel_scientific'],
  ['#N/A', 'excel_error_value'],
  ['="DE89370400440532013000"', 'excel_formula'],
  ["'DE89370400440532013000", 'excel_apostrophe'],
]);

describe('an IBAN beside ibantools', () => {
  const specifications = Object.entries(getCountrySpecifications()).filter(([, { chars }]) => chars !== null);
  const mutated = fc
    .tuple(fc.constantFrom(...registryIbans), fc.nat(33), fc.constantFrom(...'0123456789ABCXYZ'))
    .map(([iban, at, sign]) => {
      const position = at % iban.length;
      return iban.slice(0, position) + sign + iban.slice(position + 1);
    });

  it('takes everything that ibantools takes, and refuses wrong lengths, structures and check digits like it', () => {
    fc.assert(
      fc.property(mutated, (iban) => {
        const taken = checkIban(iban) === undefined;
        expect(isValidIBAN(iban) && !taken).toBe(false);
        // what only we take fails a national check digit, which is the bank's business: the check digits themselves are right
        expect(taken && remainder(iban) !== 1n).toBe(false);
      }),
      { numRuns: 2000 },
    );
    expect(specifications.length).toBeGreaterThan(100);
  });

  it('refuses letters where the country has digits', () => {
    // check digits made right for an account with a letter in it
    const account = '37040044053201300A';
    const digits = String(98n - (remainderOf(`${account}DE00`) % 97n)).padStart(2, '0');
    expect(checkIban(`DE${digits}${account}`)?.code).toBe('iban_structure');
  });

  it.each([
    [2n, '99'],
    [97n, '00'],
    [98n, '01'],
  ])('refuses the digits that equal %s modulo 97 and are never issued: %s', (right, wrong) => {
    const accounts = Array.from({ length: 500 }, (_, index) => String(370400440532000000 + index * 64).padStart(18, '0'));
    const account = accounts.find((candidate) => 98n - remainderOf(`${candidate}DE00`) === right);
    expect(checkIban(`DE${String(right).padStart(2, '0')}${account}`)).toBeUndefined();
    expect(checkIban(`DE${wrong}${account}`)?.code).toBe('iban_check_digits');
  });

  it('is normalised by taking out its blanks and raising its letters', () => {
    expect(normalizeIban('de89 3704 0044 0532 0130 00')).toBe('DE89370400440532013000');
    expect(normalizeIban('DE89370400440532013000')).toBe('DE89370400440532013000');
  });
});

const remainderOf = (text: string): bigint => BigInt([...text].map((sign) => parseInt(sign, 36)).join('')) % 97n;
const remainder = (iban: string): bigint => remainderOf(iban.slice(4) + iban.slice(0, 4));

holds(
  'a BIC',
  checkBic,
  ['DEUTDEFF', 'DEUTDEFF500', 'NEDSZAJJXXX', 'NWBKGB2L', 'ABNANL2A', 'PCBKXKPR'],
  [
    ['deutdeff', 'bic_format'],
    ['DEUTDEF', 'bic_format'],
    ['DEUTDEFF50', 'bic_format'],
    ['ABN4NL2A', 'bic_format'],
    ['DEUTQQFF', 'bic_country'],
    [' DEUTDEFF', 'blank_around'],
  ],
);

it('a BIC that ibantools refuses is refused', () => {
  for (const bic of ['DEUTDEFF', 'NEDSZAJJXXX', 'DEUTQQFF', 'ABN4NL2A', 'DEUTDEF'])
    expect(checkBic(bic) === undefined).toBe(isValidBIC(bic));
});

holds(
  'a US routing number',
  checkAbaRouting,
  ['021000021', '011401533', '091000019', '122105155', '111000025'],
  [
    ['021000022', 'routing_code_check_digit'],
    ['012000021', 'routing_code_check_digit'],
    ['000000000', 'routing_code_check_digit'],
    ['21000021', 'lost_leading_zeros'],
    ['1000021', 'lost_leading_zeros'],
    ['0210000211', 'routing_code_format'],
    ['02100002A', 'routing_code_format'],
    ['1.1E+07', 'excel_scientific'],
  ],
);

holds(
  'a CPF',
  checkCpf,
  ['52998224725', '11144477735', '529.982.247-25'],
  [
    ['52998224724', 'cpf_check_digits'],
    ['52998224752', 'cpf_check_digits'],
    ['11111111111', 'cpf_check_digits'],
    ['111.111.111-11', 'cpf_check_digits'],
    ['2998224725', 'lost_leading_zeros'],
    ['529982247250', 'cpf_format'],
    ['529-982-247.25', 'cpf_format'],
  ],
);

holds(
  'a sort code',
  checkSortCode,
  ['12-34-56', '60-16-13'],
  [
    ['123456', 'sort_code_format'],
    ['12 34 56', 'sort_code_format'],
    ['23456', 'lost_leading_zeros'],
    ['12-Nov-10', 'excel_date'],
    ['12/11/2010', 'excel_date'],
    ['2010-11-12', 'excel_date'],
    ['12-Mar', 'excel_date'],
    ['Mar-12', 'excel_date'],
    ['12-34-56 ', 'blank_around'],
  ],
);

holds(
  'a UK account number',
  checkUkAccountNumber,
  ['31926819', '00000123'],
  [
    ['1926819', 'lost_leading_zeros'],
    ['319268190', 'account_number_format'],
  ],
);

holds(
  'a BSB',
  checkBsb,
  ['062000', '012003'],
  [
    ['062-000', 'bsb_number_format'],
    ['62000', 'lost_leading_zeros'],
    ['0620000', 'bsb_number_format'],
  ],
);

holds(
  'an account number',
  checkAccountNumber,
  ['1', '000123456789', '12345-6', '12.34/56', 'AB12'],
  [
    ['1.23457E+11', 'excel_scientific'],
    ['1,23457E+11', 'excel_scientific'],
    ['1234 5678', 'account_number_format'],
    ["'12345678", 'excel_apostrophe'],
    ['=12345678', 'excel_formula'],
    ['="0123"', 'excel_formula'],
    ['#REF!', 'excel_error_value'],
    ['#########', 'excel_error_value'],
    ['12345678 ', 'blank_around'],
    ['   ', 'blank_only'],
    ['1234\u200b5678', 'invisible_character'],
    ['x'.repeat(65), 'account_number_format'],
  ],
);

holds(
  'a record id',
  checkRecordId,
  ['a', 'inv-1', 'A.b_c:9-', 'x'.repeat(64)],
  [
    ['x'.repeat(65), 'record_id_format'],
    ['inv/1', 'record_id_format'],
    ['inv 12', 'record_id_format'],
    ['é', 'record_id_format'],
    ['1.23457E+11', 'excel_scientific'],
  ],
);

holds(
  'a phone number',
  checkMsisdn,
  ['+639171234567', '4915112345678', '1234567'],
  [
    ['+0639171234567', 'msisdn_format'],
    ['00639171234567', 'msisdn_format'],
    ['123456', 'msisdn_format'],
    ['1234567890123456', 'msisdn_format'],
    ['+49 151 1234567', 'msisdn_format'],
    ['4.91511E+12', 'excel_scientific'],
  ],
);

holds(
  'an e-mail address',
  checkEmail,
  ['john@example.com', 'j.o+hn@mail.example.co.uk', 'jö@exämple.de'],
  [
    ['john', 'email_format'],
    ['john@example', 'email_format'],
    ['john@@example.com', 'email_format'],
    ['john doe@example.com', 'email_format'],
    ['john@example.com ', 'blank_around'],
    ['jo\u200bhn@example.com', 'invisible_character'],
    [`${'x'.repeat(250)}@e.de`, 'email_format'],
  ],
);

holds(
  'a web address',
  checkUrl,
  ['https://website.com', 'http://example.com/a?b=c#d'],
  [
    ['website.com', 'url_format'],
    ['ftp://example.com', 'url_format'],
    ['https://', 'url_format'],
    ['https://exa mple.com', 'url_format'],
    ['javascript:alert(1)', 'url_format'],
  ],
);

holds(
  'a country',
  checkCountry,
  ['BEL', 'USA', 'HKG', 'VNM', 'XKX'],
  [
    ['BE', 'country_unknown'],
    ['bel', 'country_unknown'],
    ['XXK', 'country_unknown'],
    ['EUR', 'country_unknown'],
    ['BEL ', 'blank_around'],
  ],
);

it('the country table has 249 countries and suggests the right code for a wrong one', () => {
  expect(countryCodes).toHaveLength(249);
  expect(countryTableDate).toBe('2023-04-27');
  expect(isCountryIso3('ALA')).toBe(true);
  expect(countryMeantBy('be')).toBe('BEL');
  expect(countryMeantBy('UK')).toBe('GBR');
  expect(countryMeantBy('nowhere')).toBeUndefined();
  expect(checkCountry('be')?.message).toContain('BEL');
});

holds(
  'a currency',
  checkCurrency,
  ['EUR', 'eur', 'Usd', 'XOF'],
  [
    ['EURO', 'currency_unknown'],
    ['QQQ', 'currency_unknown'],
    ['BGN', 'currency_withdrawn'],
    ['ang', 'currency_withdrawn'],
    ['XAU', 'currency_not_payable'],
    ['CLF', 'currency_not_payable'],
    ['EUR ', 'blank_around'],
    ['€', 'currency_unknown'],
  ],
);

// Test numbers that the card schemes and processors publish.
const testCards = [
  '4242424242424242',
  '4111111111111111',
  '5555555555554444',
  '378282246310005',
  '6011111111111117',
  '3530111333300000',
  '30569309025904',
  '6200000000000005',
];

holds('a card number', checkCardNumber, testCards, [
  ['4242424242424241', 'card_number_check_digit'],
  ['0000000000000000', 'card_number_check_digit'],
  ['4242 4242 4242 4242', 'card_number_format'],
  ['42424242424', 'card_number_format'],
  ['42424242424242424242', 'card_number_format'],
  ['4.24242E+15', 'excel_scientific'],
  ['4242424242424242 ', 'blank_around'],
]);

holds(
  'a month of expiry',
  checkExpirationMonth,
  ['01', '12'],
  [
    ['00', 'card_expiration_format'],
    ['13', 'card_expiration_format'],
    ['5', 'lost_leading_zeros'],
    ['May', 'card_expiration_format'],
  ],
);

holds(
  'a year of expiry',
  checkExpirationYear,
  ['00', '29'],
  [
    ['2029', 'card_expiration_format'],
    ['9', 'lost_leading_zeros'],
  ],
);

holds(
  'a security code',
  checkSecurityCode,
  ['123', '0000'],
  [
    ['12', 'lost_leading_zeros'],
    ['12345', 'card_security_code_format'],
    ['12a', 'card_security_code_format'],
  ],
);

it('a card is valid until the last instant of its month', () => {
  const end = Date.UTC(2026, 11, 1);
  expect(hasExpired('11', '26', end - 1)).toBe(false);
  expect(hasExpired('11', '26', end)).toBe(true);
  expect(hasExpired('12', '26', Date.UTC(2027, 0, 1) - 1)).toBe(false);
});

it('the Luhn check detects every single mistyped digit', () => {
  fc.assert(
    fc.property(fc.constantFrom(...testCards), fc.nat(18), fc.integer({ min: 1, max: 9 }), (card, at, step) => {
      const position = at % card.length;
      const digit = (Number(card[position]) + step) % 10;
      expect(passesLuhn(card)).toBe(true);
      expect(passesLuhn(card.slice(0, position) + digit + card.slice(position + 1))).toBe(false);
    }),
  );
});

describe('a card number where none belongs', () => {
  it.each([...testCards, 'order 4242-4242-4242-4242 paid', 'x4111 1111 1111 1111', '7 4242 4242 4242 4242 12/29'])(
    'is seen in %j',
    (text) => {
      expect(carriesCardNumber(text)).toBe(true);
    },
  );
  it.each([
    '4242424242424241',
    '1234567890123456',
    'Invoice 2026-11-21 4711',
    '20261121080000123',
    '1795420800000',
    'DE89370400440532013000',
    '',
  ])('is not seen in %j', (text) => {
    expect(carriesCardNumber(text)).toBe(false);
  });
});
