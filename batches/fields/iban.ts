/**
 * IBAN (ISO 13616) and BIC (ISO 9362).
 *
 * Countries, lengths and structures are ibantools'. The arithmetic is ours, because `isValidIBAN` compiles three regular
 * expressions a call and costs more than all other rules of a row together; a test holds that everything it takes is taken here.
 * National check digits inside the account number are left to the bank: they have exceptions that no table lists.
 */
import { getCountrySpecifications } from 'ibantools';
import { violation, type RuleViolation, type ValueRule } from './rule-violation.ts';
import { excelArtifact } from './excel-artifacts.ts';
import { namingForeign } from './foreign-character.ts';

interface Structure {
  readonly length: number;
  readonly account: RegExp;
}

const specifications = Object.entries(getCountrySpecifications());

const structures: ReadonlyMap<string, Structure> = new Map(
  specifications.flatMap(([country, { chars, bban_regexp: account }]) =>
    chars === null || account === null ? [] : [[country, { length: chars, account: new RegExp(account) }] as const],
  ),
);

/** ISO 3166 alpha-2 codes, and XK, which SWIFT uses for Kosovo. */
const bicCountries: ReadonlySet<string> = new Set(specifications.map(([country]) => country));

/** Without its blanks and in upper case: how it is checked, compared and sent. */
export const normalizeIban = (text: string): string => (/[ a-z]/.test(text) ? text.replace(/ /g, '').toUpperCase() : text);

/** ISO 7064 mod 97-10 over the rearranged IBAN; only for text of 0-9 and A-Z. */
const remainder97 = (iban: string): number => {
  let rest = 0;
  const length = iban.length;
  for (let index = 0; index < length; index += 1) {
    // the first four characters come last
    const code = iban.charCodeAt(index + 4 < length ? index + 4 : index + 4 - length);
    rest = code <= 0x39 ? (rest * 10 + code - 0x30) % 97 : (rest * 100 + code - 0x37) % 97;
  }
  return rest;
};

const ibanGrammar = /^[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}$/;

const ibanFormat = violation(
  'iban_format',
  'Not a valid IBAN: it must start with two letters and two digits, followed only by letters and digits.',
);
const ibanCheckDigits = violation(
  'iban_check_digits',
  'The check digits of this IBAN are wrong: a character is mistyped or swapped; compare it with the source.',
);

/** @param iban normalised */
export const checkIban: ValueRule = (iban) => {
  if (!ibanGrammar.test(iban)) return excelArtifact(iban) ?? namingForeign(iban, ibanFormat);
  const country = iban.slice(0, 2);
  const structure = structures.get(country);
  if (structure === undefined)
    return violation('iban_country', `No IBANs are issued for the country code ${country}: check the first two letters.`);
  if (iban.length !== structure.length) {
    return violation(
      'iban_length',
      `An IBAN of ${country} has ${structure.length} characters, but this one has ${iban.length}: compare it with the source.`,
    );
  }
  const digits = (iban.charCodeAt(2) - 0x30) * 10 + iban.charCodeAt(3) - 0x30;
  if (digits < 2 || digits > 98 || remainder97(iban) !== 1) return ibanCheckDigits;
  if (!structure.account.test(iban.slice(4))) {
    return violation('iban_structure', `An IBAN of ${country} has its letters and digits in other positions: compare it with the source.`);
  }
  return undefined;
};

const bicGrammar = /^[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?$/;

const bicFault = (bic: string): RuleViolation =>
  bicGrammar.test(bic.toUpperCase())
    ? violation('bic_format', 'A BIC must be in upper case: correct it.')
    : violation(
        'bic_format',
        'A BIC has 8 or 11 characters: four letters for the bank, two for the country, then two or five letters or digits.',
      );

export const checkBic: ValueRule = (bic) => {
  if (!bicGrammar.test(bic)) return excelArtifact(bic) ?? namingForeign(bic, bicFault(bic));
  return bicCountries.has(bic.slice(4, 6))
    ? undefined
    : violation(
        'bic_country',
        `The fifth and sixth letters of a BIC are its country, and ${bic.slice(4, 6)} is not a country code: compare it with the source.`,
      );
};
