/** What spreadsheets, data frames and scripts write in place of a value, in each sort of column, as rows and as events. */
import { describe, expect, it } from 'vitest';
import { readInstructionEvent } from '../../../batches/event/parse-event.ts';
import { at, rowOf } from '../../support/builders.ts';
import { codesOf, parseRow, validOf } from '../../support/parsing.ts';

type Changes = Record<string, string>;

/** The same change in a row and in its event: both must find the same codes. */
const codesOfBoth = (route: string, changes: Changes): string[] => {
  const good = rowOf('payout', route);
  const { recordId, kind, body } = validOf(parseRow(good));
  const paths: Record<string, readonly string[]> = {
    record_id: ['record_id'],
    recipient_last_name: ['participant_details', 'recipient', 'last_name'],
    description: ['payment_method', 'bank_account', 'global', 'description'],
    bank_account_number: ['payment_method', 'bank_account', 'global', 'bank_account_number'],
    routing_code: ['payment_method', 'bank_account', 'global', 'routing_code'],
    iban: ['payment_method', 'bank_account', 'global', 'iban'],
    'metadata.note': ['metadata', 'note'],
  };
  const event = structuredClone({ record_id: recordId, kind, metadata: {}, ...body }) as Record<string, unknown>;
  for (const [name, value] of Object.entries(changes)) {
    const keys = [...(paths[name] ?? [])];
    const last = keys.pop() as string;
    const parent = keys.reduce((found, key) => found[key] as Record<string, unknown>, event);
    parent[last] = value;
  }
  const bare = (codes: string[]): string[] => codes.map((code) => code.split('@')[0] as string);
  const ofRow = bare(codesOf(parseRow({ ...good, ...changes })));
  expect(bare(codesOf(readInstructionEvent(event, { now: at })))).toEqual(ofRow);
  return ofRow;
};

const scientific = [
  '1.9e18',
  '1,9E+18',
  '1.91431e18',
  '1.91431E+18',
  '19e17',
  '1E18',
  '2e3',
  '1.E5',
  '.5e3',
  '-1e5',
  '1.9×10^18',
  '1.2e-5',
];
const decimals = ['77.0', '1001.0', '12345678.00', '1234567890.000', '77,0', '-5.0', '0.0'];
const dates = [
  '2026-11-28',
  '2026/11/28',
  '2026.11.28',
  '28.11.2026',
  '28.11.26',
  '11/28/2026',
  '28/11/2026',
  '1/2/2026',
  '1/2/26',
  '28-11-2026',
  '2026-11-28 00:00:00',
  '2026-11-28T00:00:00Z',
  '28-Nov',
  '28-Nov-26',
  '28-Nov-2026',
  '28. Mrz 26',
  '28-déc-26',
  '28.ноя.26',
  'Nov-26',
  '2026年11月28日',
];
const placeholders = ['null', 'NULL', 'Null', 'none', 'None', 'NONE', 'nan', 'NaN', 'NAN', 'n/a', 'N/A', 'undefined', 'Undefined'].concat([
  '[object Object]',
  '[OBJECT OBJECT]',
  '<NA>',
  'NaT',
  '(null)',
  '\\N',
]);

/** By language or program; each whole cell. */
const errorValues = {
  English:
    '#N/A #NAME? #VALUE! #REF! #DIV/0! #NUM! #NULL! #SPILL! #CALC! #GETTING_DATA #FIELD! #BLOCKED! #CONNECT! #UNKNOWN! #BUSY! #PYTHON!',
  German: '#NV #NAME? #WERT! #BEZUG! #DIV/0! #ZAHL! #NULL! #ÜBERLAUF! #KALK! #FELD!',
  French: '#N/A #NOM? #VALEUR! #REF! #DIV/0! #NOMBRE! #NUL! #PROPAGATION! #EPARS! #CHAMP!',
  Spanish: '#N/D #¿NOMBRE? #¡VALOR! #VALOR! #¡REF! #¡REF! #¡DIV/0! #¡NUM! #¡NÚM! #¡NULO! #¡DESBORDAMIENTO!',
  Italian: '#N/D #NOME? #VALORE! #RIF! #DIV/0! #NUM! #NULLO! #ESPANSIONE!',
  Portuguese: '#N/D #NOME? #VALOR! #REF! #DIV/0! #NÚM! #NULO! #DESPEJAR!',
  Dutch: '#N/B #NAAM? #WAARDE! #VERW! #DEEL/0! #GETAL! #LEEG! #OVERLOOP!',
  Polish: '#N/D #N/D! #NAZWA? #ARG! #ADR! #DZIEL/0! #LICZBA! #ZERO! #ROZLANIE!',
  Russian: '#Н/Д #ИМЯ? #ЗНАЧ! #ССЫЛКА! #ДЕЛ/0! #ЧИСЛО! #ПУСТО! #ПЕРЕНОС!',
  Swedish: '#SAKNAS! #SAKNAS #NAMN? #VÄRDEFEL! #REFERENS! #DIVISION/0! #OGILTIGT! #SKÄRNING!',
  Danish: '#I/T #NAVN? #VÆRDI! #REFERENCE! #DIVISION/0! #NUM! #NUL! #OVERLØB!',
  Norwegian: '#I/T #NAVN? #VERDI! #REF! #DIV/0! #NUM! #NULL! #OVERFLYT!',
  Finnish: '#PUUTTUU! #PUUTTUU #NIMI? #ARVO! #VIITTAUS! #JAKO/0! #LUKU! #TYHJÄ!',
  Czech: '#NENÍ_K_DISPOZICI #NÁZEV? #HODNOTA! #ODKAZ! #DĚLENÍ_NULOU! #ČÍSLO! #PŘESAH!',
  Hungarian: '#HIÁNYZIK #NÉV? #ÉRTÉK! #HIV! #ZÉRÓOSZTÓ! #SZÁM! #NULLA!',
  Turkish: '#YOK #AD? #DEĞER! #BAŞV! #SAYI/0! #SAYI! #BOŞ! #TAŞMA!',
  Greek: '#Δ/Υ #ΟΝΟΜΑ? #ΤΙΜΗ! #ΑΝΑΦ! #ΔΙΑΙΡ./0! #ΑΡΙΘ!',
  Ukrainian: "#ІМ'Я? #ДІЛ/0! #ПОСИЛАННЯ!",
  Japanese: '#スピル! #N/A #VALUE!',
  LibreOffice: 'Err:502 Err:508 Fehler:502 Erreur:509 Błąd:502 Ошибка:502 エラー:502',
  'Google Sheets, Access and reports': '#ERROR! #ERROR #Error #Name? #Num! #Div/0! #Deleted #MULTIVALUE #n/a #########',
};
const everyErrorValue = Object.entries(errorValues).flatMap(([language, values]) =>
  [...new Set(values.split(' '))].map((value) => [language, value] as const),
);

const goodIds = [
  '219E01BE',
  '1e18a',
  'e18',
  '1001',
  '00077',
  '77.1',
  '2026.11',
  '2026-11',
  '2026-11-28-001',
  'inv-2026-11-28',
  'sepa-1',
  'may-1',
  'mary-12',
  'nan-1',
  'None-7',
  'nullable',
  'nanette',
  '1.2.3',
  '12-11-10',
  'Err-502',
  '20261128',
  'a:1',
  '10.0.0.1',
];

describe('a record id', () => {
  it.each(scientific)('that is scientific notation is refused: %s', (text) => {
    expect(codesOfBoth('sepa', { record_id: text })).toEqual(['excel_scientific']);
  });
  it.each(decimals)('that is a whole number with decimals is refused: %s', (text) => {
    expect(codesOfBoth('sepa', { record_id: text })).toEqual(['excel_decimal']);
  });
  it.each(dates)('that is a date is refused: %s', (text) => {
    expect(codesOfBoth('sepa', { record_id: text })).toEqual(['excel_date']);
  });
  it.each(placeholders)('that means "no value" is refused in any case: %s', (text) => {
    expect(codesOfBoth('sepa', { record_id: text })).toEqual(['placeholder_value']);
  });
  it.each(everyErrorValue)('that is an error value is refused, %s: %s', (_language, text) => {
    expect(codesOfBoth('sepa', { record_id: text })).toEqual(['excel_error_value']);
  });
  it.each(['MÃ¼ller-1', 'inv â€“ 1'])('that is garbled is refused: %s', (text) => {
    expect(codesOfBoth('sepa', { record_id: text })).toEqual(['garbled_text']);
  });
  it.each(goodIds)('that only resembles one of these is good: %s', (text) => {
    expect(codesOfBoth('sepa', { record_id: text })).toEqual([]);
  });
});

describe('an account number', () => {
  it.each([
    ...scientific.map((text) => [text, 'excel_scientific'] as const),
    ...decimals.map((text) => [text, 'excel_decimal'] as const),
    ...dates.map((text) => [text, 'excel_date'] as const),
    ...placeholders.map((text) => [text, 'placeholder_value'] as const),
    ['Ã¼12345678', 'garbled_text'] as const,
  ])('%j is refused as %s in every country', (text, code) => {
    expect(codesOfBoth('thailand', { bank_account_number: text })).toEqual([code]);
    expect(codesOfBoth('usa', { bank_account_number: text })).toEqual([code]);
  });
  it.each(everyErrorValue)('that is an error value is refused, %s: %s', (_language, text) => {
    expect(codesOfBoth('thailand', { bank_account_number: text })).toEqual(['excel_error_value']);
  });
  it.each(['123', '123456789012345678', '1234-5678', '12..5', 'AB123456', '1234 5678'])('of the USA has 4 to 17 digits, not %s', (text) => {
    expect(codesOfBoth('usa', { bank_account_number: text })).toEqual(['account_number_format']);
  });
  it.each(['1234', '12345678901234567', '0000'])('of the USA with 4 to 17 digits is good: %s', (text) => {
    expect(codesOfBoth('usa', { bank_account_number: text })).toEqual([]);
  });
  it.each(['12.34/56', '1234.56.78903', '219E01BE', '12-11-10', '1234567-8'])('of another country may have signs: %s', (text) => {
    expect(codesOfBoth('thailand', { bank_account_number: text })).toEqual([]);
  });
  it.each([
    ['routing_code', 'usa', '21000021.0', 'excel_decimal'],
    ['iban', 'sepa', 'NaN', 'placeholder_value'],
    ['iban', 'sepa', '2026-11-28', 'excel_date'],
    ['iban', 'sepa', '#BEZUG!', 'excel_error_value'],
  ])('in %s by %s: %j is %s', (name, route, text, code) => {
    expect(codesOfBoth(route, { [name]: text })).toEqual([code]);
  });
});

describe.each(['recipient_last_name', 'description', 'metadata.note'])('a text in %s', (name) => {
  it.each(everyErrorValue)('that is an error value is refused, %s: %s', (_language, text) => {
    expect(codesOfBoth('sepa', { [name]: text })).toEqual(['excel_error_value']);
  });
  it.each(['undefined', '[object Object]', 'NaN'])('that a program wrote for no value is refused: %s', (text) => {
    expect(codesOfBoth('sepa', { [name]: text })).toEqual(['placeholder_value']);
  });
  it.each([
    'Nan',
    'nan',
    'Undefined',
    'N/A',
    'None of us',
    'Null',
    '#1 Bakery',
    '#5',
    '#hashtag',
    '# WERT!',
    'Room: 502',
    '77.0',
    '1e5',
    '2026-11-28',
    'C#',
  ])('that somebody may have written is good: %s', (text) => {
    const { warnings, ...reading } = parseRow(rowOf('payout', 'sepa', { [name]: text }));
    expect(codesOf(reading)).toEqual([]);
    expect(warnings).toBeUndefined();
  });
  it.each([
    ['null', 'placeholder_value'],
    ['NULL', 'placeholder_value'],
    ['None', 'placeholder_value'],
    ['MÃ¼ller', 'garbled_text'],
    ['StraÃŸe', 'garbled_text'],
    ['Dâ€™Arc', 'garbled_text'],
    ['12Â°', 'garbled_text'],
    ['ÐÐ²Ð°Ð½', 'garbled_text'],
  ])('%s is paid with the warning %s, and reaches the gateway as it is', (text, code) => {
    const reading = parseRow(rowOf('payout', 'sepa', { [name]: text }));
    expect(reading.warnings).toMatchObject([{ code, column: name }]);
    const { body, metadata } = validOf(reading);
    expect(JSON.stringify({ body, metadata })).toContain(JSON.stringify(text));
  });
  it.each(['Müller', 'KŘÍŽ', 'MÝŠKA', 'SÃO PAULO', 'Ångström', 'Đặng Thị Ánh', 'Ærø', 'Ÿnez', 'Größe „Ö“', 'Żółć', 'Иван'])(
    'with letters of its language is not taken for garbled: %s',
    (text) => {
      const reading = parseRow(rowOf('payout', 'sepa', { [name]: text }));
      expect(codesOf(reading)).toEqual([]);
      expect(reading.warnings).toBeUndefined();
    },
  );
});

describe('joiners', () => {
  it.each([
    ['between Arabic letters', 'علی\u200cرضا'],
    ['behind a virama', 'क्\u200dषिति'],
    ['behind a virama at the end, in Malayalam', 'മോഹന്\u200d'],
    ['behind a vowel sign of Bengali', 'রি\u200cয়া'],
    ['between Sinhala letters', 'ශ්\u200dරී'],
  ])('%s are part of the spelling and reach the gateway', (_where, text) => {
    const draft = validOf(parseRow(rowOf('payout', 'sepa', { recipient_last_name: text, 'metadata.note': text })));
    expect(JSON.stringify(draft.body)).toContain(text);
    expect(draft.metadata).toEqual({ note: text });
    expect(codesOfBoth('sepa', { recipient_last_name: text })).toEqual([]);
  });
  it.each([
    ['between Latin letters', 'Jo\u200dhn'],
    ['at the start', '\u200cعلی'],
    ['at the end', 'علی\u200c'],
    ['behind a blank', 'علی \u200cرضا'],
    ['twice', 'علی\u200c\u200cرضا'],
    ['between Cyrillic letters', 'Ив\u200cан'],
    ['between scripts', 'علی\u200dJohn'],
    ['in an emoji', '\u{1f468}\u200d\u{1f469}'],
  ])('%s are invisible characters', (_where, text) => {
    expect(codesOfBoth('sepa', { recipient_last_name: text })).toEqual(['invisible_character']);
  });
  it('in an identifier are never spelling', () => {
    expect(codesOfBoth('sepa', { record_id: 'علی\u200cرضا' })).toEqual(['record_id_format']);
    expect(codesOfBoth('sepa', { record_id: 'a\u200cb' })).toEqual(['invisible_character']);
  });
});

describe('line breaks and tabs', () => {
  it.each(['a\nb', 'a\r\nb', 'a\rb', 'a\tb', '\n'])('in metadata are text: %j', (text) => {
    expect(validOf(parseRow(rowOf('payout', 'sepa', { 'metadata.note': text }))).metadata).toEqual({ note: text });
    expect(codesOfBoth('sepa', { 'metadata.note': text })).toEqual([]);
  });
  it.each(['a\nb', 'a\r\nb', 'a\tb'])('in every other column are an error of the row: %j', (text) => {
    for (const name of ['record_id', 'recipient_last_name', 'description', 'iban'])
      expect(codesOfBoth('sepa', { [name]: text })).toEqual(['control_character']);
    for (const name of ['amount', 'currency', 'kind', 'recipient_country_iso3', 'sender_code', 'recipient_email'])
      expect(codesOf(parseRow(rowOf('payout', 'sepa', { [name]: text })))).toEqual([`control_character@${name}`]);
  });
  it('in metadata do not hide other control characters', () => {
    expect(codesOfBoth('sepa', { 'metadata.note': 'a\n\u0007' })).toEqual(['control_character']);
  });
});

describe('a withdrawn currency', () => {
  const messageOf = (currency: string): string | undefined => {
    const reading = parseRow(rowOf('payout', 'sepa', { currency }));
    expect(codesOf(reading)).toEqual(['currency_withdrawn@currency']);
    return reading.ok ? undefined : reading.refusal.problems[0].message;
  };
  it.each([
    ['SLL', '1000 SLL are 1 SLE'],
    ['trl', '1,000,000 TRL are 1 TRY'],
    ['BYR', '10,000 BYR are 1 BYN'],
    ['VEF', '100,000 VEF are 1 VES'],
    ['STD', '1000 STD are 1 STN'],
    ['MRO', '10 MRO are 1 MRU'],
    ['ZWL', '2498.7242 ZWL are 1 ZWG'],
    ['HRK', '7.53450 HRK are 1 EUR'],
    ['BGN', '1.95583 BGN are 1 EUR'],
    ['LTL', '3.45280 LTL are 1 EUR'],
    ['LVL', '0.702804 LVL are 1 EUR'],
    ['EEK', '15.6466 EEK are 1 EUR'],
    ['SKK', '30.1260 SKK are 1 EUR'],
    ['CUC', '1 CUC are 24 CUP'],
  ])('%s is refused with its fixed rate: %s', (currency, rate) => {
    expect(messageOf(currency)).toContain(`${rate}. Convert the amount too`);
  });
  it('that was exchanged one to one needs no conversion', () => {
    expect(messageOf('ANG')).toContain('the amount stays the same');
  });
  it('without one fixed rate names none', () => {
    expect(messageOf('ZWD')).toMatch(/without one fixed rate/);
    expect(messageOf('ZWD')).not.toMatch(/\d/);
  });
});

describe('an amount, IBAN or id that is written wrongly', () => {
  const problemOf = (name: string, text: string) => {
    const reading = parseRow(rowOf('payout', 'sepa', { [name]: text }));
    return reading.ok ? undefined : reading.refusal.problems[0];
  };
  it.each([
    ['1\u202f234.50', 'amount_thousands_separator', 'U+202F'],
    ['1\u00a0234,50', 'amount_thousands_separator', 'U+00A0'],
    ['10.00\u00a0', 'invisible_character', 'U+00A0'],
    ['+10', 'amount_format', 'plus sign'],
    ['.50', 'amount_format', 'write 0.50'],
    ['10.', 'amount_format', 'digits after the decimal point are missing'],
    ['12.5x', 'amount_format', 'the letter x'],
    ['1x', 'amount_format', 'the letter x'],
    ['1O.00', 'amount_format', 'the letter O'],
    ['1\u041e.00', 'amount_format', 'U+041E, Cyrillic'],
    ['\uff11\uff10', 'amount_format', 'U+FF11, full-width'],
    ['12.30EUR', 'amount_currency_sign', 'currency sign or code'],
    ['12 zł', 'amount_currency_sign', 'currency sign or code'],
    ['=A1*2', 'excel_formula', 'enter its result'],
  ])('the amount %j is %s, and the message says: %s', (text, code, part) => {
    expect(problemOf('amount', text)).toMatchObject({ code, message: expect.stringContaining(part) });
  });
  it('an amount with a no-break space behind it is not told to take an ordinary one', () => {
    expect(problemOf('amount', '10.00\u00a0')?.message).not.toContain('ordinary');
  });
  it.each([
    ['iban', '\u0412E68539007547034', 'iban_format', 'U+0412, Cyrillic) is at character 1'],
    ['record_id', 'inv\u20131', 'record_id_format', 'U+2013) is at character 4'],
    ['record_id', '\u0430bc', 'record_id_format', 'U+0430, Cyrillic) is at character 1'],
    ['currency', 'EU\u0420', 'currency_unknown', 'U+0420, Cyrillic) is at character 3'],
    ['swift_bic_code', 'DEUTDE\u0395F', 'bic_format', 'U+0395, Greek) is at character 7'],
  ])('%s %j is %s and names the odd character: %s', (name, text, code, part) => {
    expect(problemOf(name, text)).toMatchObject({ code, message: expect.stringContaining(part) });
  });
});

describe('a currency or country in another spelling', () => {
  const messageOf = (name: string, text: string): string | undefined => {
    const reading = parseRow(rowOf('payout', 'sepa', { [name]: text }));
    return reading.ok ? undefined : reading.refusal.problems[0].message;
  };
  it.each([
    ['Euro', 'EUR'],
    ['€', 'EUR'],
    ['US Dollar', 'USD'],
    ['sterling', 'GBP'],
  ])('%s is answered with %s', (text, code) => {
    expect(messageOf('currency', text)).toContain(`did you mean ${code}?`);
  });
  it.each(['$', 'Dollar', 'Pound', 'EUT', 'EYR', 'BEL', 'kr', '£', 'USF'])('%s gets no proposal, for it could be another one', (text) => {
    expect(messageOf('currency', text)).not.toContain('did you mean');
  });
  it.each([
    ['BE', 'BEL'],
    ['GER', 'DEU'],
    ['UK', 'GBR'],
    ['XK', 'XKX'],
  ])('the country %s is answered with %s', (text, code) => {
    expect(messageOf('recipient_country_iso3', text)).toContain(`write ${code}`);
  });
  it.each(['EUR', 'XXK', 'BEX', 'USD'])('the country %s gets no proposal', (text) => {
    expect(messageOf('recipient_country_iso3', text)).not.toMatch(/write [A-Z]{3}\./);
  });
});

describe('SEPA', () => {
  it.each('ALA BLM GLP GUF MAF MTQ MYT REU SPM GGY GIB IMN JEY MCO SMR AND VAT ALB MKD MNE MDA SRB CHE ISL LIE NOR HUN BGR FRA'.split(' '))(
    'requires its members in %s',
    (country) => {
      const found = codesOf(parseRow(rowOf('payout', 'sepa', { recipient_country_iso3: country, sender_company_name: '' })));
      expect(found).toEqual(['member_missing@sender_company_name']);
    },
  );
  it('does not reach to Kosovo, New Caledonia or Greenland, whose accounts are paid under the general rules', () => {
    for (const country of ['XKX', 'NCL', 'GRL'])
      expect(codesOf(parseRow(rowOf('payout', 'sepa', { recipient_country_iso3: country, sender_company_name: '' })))).toEqual([]);
  });
  it('does not apply to Kosovo, whose IBAN is accepted under the general rules', () => {
    const kosovo = { recipient_country_iso3: 'XKX', iban: 'XK051212012345678906' };
    expect(codesOf(parseRow(rowOf('payout', 'sepa', kosovo)))).toEqual([]);
  });
});
