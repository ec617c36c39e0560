/**
 * Identifiers with a grammar or check digits of their own, except IBAN and BIC (`iban.ts`) and cards (`cards.ts`).
 * Each rule reports what a spreadsheet did to the value before it calls it merely wrong.
 */
import { countryMeantBy, isCountryIso3 } from './countries.ts';
import { currencyDecimals, currencyMeantBy, whyNotCurrency, type Successor } from './currencies.ts';
import { violation, type RuleViolation, type ValueRule } from './rule-violation.ts';
import { excelArtifact, excelArtifactOfAccount } from './excel-artifacts.ts';
import { namingForeign } from './foreign-character.ts';
import { disallowedCharacter } from './text.ts';

const lostZeros = (what: string, digits: number, found: number): RuleViolation =>
  violation(
    'lost_leading_zeros',
    `${what} has ${digits} digits, but this one has ${found}: a spreadsheet removed the leading zeros; copy it again from the source, with the column formatted as text.`,
  );

const onlyDigits = /^[0-9]+$/;

/** A fault for digits that are fewer than they should be, when the ones missing can only have been zeros in front. */
const shortened = (text: string, what: string, digits: number, mostLost: number): RuleViolation | undefined =>
  onlyDigits.test(text) && text.length < digits && text.length >= digits - mostLost ? lostZeros(what, digits, text.length) : undefined;

const recordIdGrammar = /^[A-Za-z0-9._:-]{1,64}$/;

/** Whether a text is written as record ids and batch ids are, whatever it means. */
export const hasRecordIdGrammar = (text: string): boolean => recordIdGrammar.test(text);

export const checkRecordId: ValueRule = (text) =>
  recordIdGrammar.test(text)
    ? excelArtifactOfAccount(text)
    : (excelArtifact(text) ??
      namingForeign(text, violation('record_id_format', 'A record id consists of 1 to 64 of the characters A-Z a-z 0-9 . _ : -')));

const routingFormat = violation('routing_code_format', 'A US routing number (ABA) has 9 digits.');
const routingCheckDigit = violation(
  'routing_code_check_digit',
  'The check digit of this US routing number (ABA) is wrong: compare it with the source.',
);

/** ABA routing transit number: weights 3, 7, 1, sum divisible by 10. */
export const checkAbaRouting: ValueRule = (text) => {
  if (!/^[0-9]{9}$/.test(text)) return excelArtifact(text) ?? shortened(text, 'A US routing number (ABA)', 9, 2) ?? routingFormat;
  let sum = 0;
  for (let index = 0; index < 9; index += 1) {
    const weight = index % 3 === 0 ? 3 : index % 3 === 1 ? 7 : 1;
    sum += weight * (text.charCodeAt(index) - 0x30);
  }
  return sum % 10 === 0 && sum > 0 ? undefined : routingCheckDigit;
};

const cpfFormat = violation('cpf_format', 'A CPF has 11 digits, written plainly or as 000.000.000-00.');
const cpfCheckDigits = violation('cpf_check_digits', 'The check digits of this CPF are wrong: compare it with the source.');

const cpfDigit = (digits: string, count: number): number => {
  let sum = 0;
  for (let index = 0; index < count; index += 1) sum += (digits.charCodeAt(index) - 0x30) * (count + 1 - index);
  return ((sum * 10) % 11) % 10;
};

/** Brazilian CPF: two check digits mod 11; eleven equal digits pass the arithmetic and are never issued. */
export const checkCpf: ValueRule = (text) => {
  if (!/^(?:[0-9]{11}|[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2})$/.test(text))
    return excelArtifact(text) ?? shortened(text, 'A CPF', 11, 3) ?? cpfFormat;
  const digits = text.replace(/[.-]/g, '');
  const right =
    !/^(.)\1*$/.test(digits) &&
    cpfDigit(digits, 9) === digits.charCodeAt(9) - 0x30 &&
    cpfDigit(digits, 10) === digits.charCodeAt(10) - 0x30;
  return right ? undefined : cpfCheckDigits;
};

export const checkSortCode: ValueRule = (text) => {
  if (/^[0-9]{2}-[0-9]{2}-[0-9]{2}$/.test(text)) return undefined;
  if (/^[0-9]{6}$/.test(text)) return violation('sort_code_format', 'A UK sort code must have dashes, as in 12-34-56.');
  return (
    excelArtifact(text) ??
    shortened(text, 'A UK sort code', 6, 2) ??
    violation('sort_code_format', 'A UK sort code has 6 digits, written as 12-34-56.')
  );
};

export const checkUkAccountNumber: ValueRule = (text) =>
  /^[0-9]{8}$/.test(text)
    ? undefined
    : (excelArtifact(text) ??
      shortened(text, 'A UK account number', 8, 3) ??
      violation('account_number_format', 'A UK account number has 8 digits.'));

export const checkBsb: ValueRule = (text) => {
  if (/^[0-9]{6}$/.test(text)) return undefined;
  if (/^[0-9]{3}[- ][0-9]{3}$/.test(text)) return violation('bsb_number_format', 'A BSB must be 6 digits without dashes or spaces.');
  return excelArtifact(text) ?? shortened(text, 'A BSB', 6, 2) ?? violation('bsb_number_format', 'A BSB has 6 digits.');
};

/** An account number of a country without a stated grammar: letters, digits and the signs banks print in them. */
export const checkAccountNumber: ValueRule = (text) =>
  /^[A-Za-z0-9][A-Za-z0-9./-]{0,63}$/.test(text)
    ? excelArtifactOfAccount(text)
    : (excelArtifact(text) ??
      namingForeign(
        text,
        violation('account_number_format', 'An account number has up to 64 letters, digits, dots, dashes or slashes, and no spaces.'),
      ));

const usAccountFormat = violation('account_number_format', 'A US account number has 4 to 17 digits, and nothing else.');

export const checkUsAccountNumber: ValueRule = (text) =>
  /^[0-9]{4,17}$/.test(text) ? undefined : (excelArtifact(text) ?? namingForeign(text, usAccountFormat));

const countryFault = (text: string): RuleViolation => {
  const damage = excelArtifact(text);
  if (damage !== undefined) return damage;
  const meant = countryMeantBy(text);
  return violation(
    'country_unknown',
    meant === undefined
      ? 'Not a valid country: use its ISO 3166 code of three capital letters, such as DEU.'
      : `A country must be its ISO 3166 code of three capital letters: write ${meant}.`,
  );
};

export const checkCountry: ValueRule = (text) => (isCountryIso3(text) ? undefined : countryFault(text));

const grouped = (digits: string): string => (/^\d{5,}$/.test(digits) ? digits.replace(/\B(?=(?:\d{3})+$)/g, ',') : digits);

/** Changing the code alone would pay a multiple of the amount, so the rate belongs to the advice. */
const withdrawn = (code: string, { code: successor, rate, units }: Successor): RuleViolation => {
  const fact = `The currency ${code} no longer exists; ${successor} replaced it`;
  if (rate === undefined)
    return violation(
      'currency_withdrawn',
      `${fact} without one fixed rate: ask for the amount in ${successor}, do not change the code alone.`,
    );
  return violation(
    'currency_withdrawn',
    rate === '1' && units === '1'
      ? `${fact} at 1:1: write ${successor}, the amount stays the same.`
      : `${fact}: ${grouped(rate)} ${code} are ${units} ${successor}. Convert the amount too, do not change the code alone.`,
  );
};

const currencyFault = (text: string): RuleViolation => {
  const damage = excelArtifact(text);
  if (damage !== undefined) return damage;
  const code = text.toUpperCase();
  const refusal = whyNotCurrency(code);
  if (refusal.why === 'withdrawn') return withdrawn(code, refusal.successor);
  if (refusal.why === 'not_money')
    return violation('currency_not_payable', `${code} is a metal, a fund, a unit of account or a test code, and cannot be paid.`);
  const meant = currencyMeantBy(text);
  if (meant !== undefined) return violation('currency_unknown', `Not an ISO 4217 code of three letters: did you mean ${meant}?`);
  return namingForeign(text, violation('currency_unknown', 'Not a valid currency: use its ISO 4217 code of three letters, such as EUR.'));
};

/** Any case. */
export const checkCurrency: ValueRule = (text) =>
  text.length === 3 && (currencyDecimals(text) !== undefined || currencyDecimals(text.toUpperCase()) !== undefined)
    ? undefined
    : currencyFault(text);

export const checkMsisdn: ValueRule = (text) =>
  /^\+?[1-9][0-9]{6,14}$/.test(text)
    ? undefined
    : (excelArtifact(text) ??
      violation(
        'msisdn_format',
        'A phone number must be in international form: an optional +, then the country code, 7 to 15 digits in all, with nothing between them.',
      ));

export const checkEmail: ValueRule = (text) =>
  text.length <= 254 && /^[^\s@"<>(),:;\\]{1,64}@[^\s@.,;<>]+(?:\.[^\s@.,;<>]+)+$/.test(text) && disallowedCharacter(text) === undefined
    ? undefined
    : (excelArtifact(text) ?? violation('email_format', 'Not a valid e-mail address: write it as name@example.com.'));

export const checkUrl: ValueRule = (text) =>
  text.length <= 2048 && /^https?:\/\/[^\s/?#]+\S*$/i.test(text) && disallowedCharacter(text) === undefined
    ? undefined
    : (excelArtifact(text) ??
      violation('url_format', 'Not a valid web address: it must begin with https:// and have no spaces and at most 2048 characters.'));

/** One of a few words, exactly as they are written. */
export const checkWord =
  (code: string, words: readonly string[]): ValueRule =>
  (text) => {
    if (words.includes(text)) return undefined;
    const meant = words.find((word) => word.toLowerCase() === text.trim().toLowerCase());
    return excelArtifact(text) ?? violation(code, meant === undefined ? `Write ${words.join(' or ')}.` : `Write exactly ${meant}.`);
  };
