/**
 * Why an amount cannot be read, in words for the person who typed it; and the limit that an operator sets.
 */
import { currencyDecimals, whyNotCurrency } from './currencies.ts';
import { foreignCharacter } from './foreign-character.ts';
import { violation, type RuleViolation } from './rule-violation.ts';
import { formatMinor, type AmountFault } from './money.ts';
import { excelArtifact } from './excel-artifacts.ts';

/** Blanks that stand between thousands in some countries, apostrophes in others. */
const groupSign = "[.,'\u2019 \u00a0\u2009\u202f]";
const grouped = new RegExp(`^\\d{1,3}(?:${groupSign}\\d{3})+(?:[.,]\\d{1,4})?$`);
const decimalComma = /^\d+,\d{1,4}$/;
/** Signs and abbreviations of currencies that are no code of three letters. */
const abbreviations = 'zł|kr|kč|ft|lei|lv|лв|руб|р|грн|rs|fr|sfr|rp|rm|tl|din|kn|euro|dollar';
const signs = new RegExp(`^\\p{L}*\\s*\\p{Sc}|\\p{Sc}\\s*$|^(?:${abbreviations})\\.?\\s*-?\\d|\\d\\s*(?:${abbreviations})\\.?$`, 'iu');
const codeBefore = /^([A-Za-z]{3})\s*-?\d/;
const codeBehind = /\d\s*([A-Za-z]{3})$/;
const negative = /^\s*[-\u2212(]|[-\u2212)]\s*$/;
const oddBlank = /[\u00a0\u2009\u202f]/;

const write = 'write a plain number such as 1234.50';

const negativeFault = violation('amount_negative', 'The amount is negative: only amounts above zero can be paid.');

const hasCurrency = (text: string): boolean => {
  const code = (codeBefore.exec(text) ?? codeBehind.exec(text))?.[1]?.toUpperCase();
  return signs.test(text) || (code !== undefined && (currencyDecimals(code) !== undefined || whyNotCurrency(code).why !== 'unknown'));
};

/** What is wrong with the form of an amount that no program has damaged. */
const misspelt = (text: string): string => {
  const foreign = foreignCharacter(text);
  if (foreign !== undefined) return `${foreign} Not a valid amount: ${write}, with ASCII digits.`;
  if (/^\+/.test(text)) return `The amount has a plus sign: leave it out, ${write}.`;
  if (/^\.\d+$/.test(text)) return `A digit is missing before the decimal point: write 0${text.slice(0, 5)}${text.length > 5 ? '…' : ''}.`;
  if (/^\d+\.$/.test(text)) return `The digits after the decimal point are missing: add them or leave the point out, ${write}.`;
  const letter = /[A-Za-z]/.exec(text)?.[0];
  if (letter !== undefined && /\d/.test(text))
    return `The amount has the letter ${letter} in it: ${write}, with digits and at most one decimal point.`;
  if (/^0\d/.test(text)) return `The amount has an extra leading zero: ${write}.`;
  return `Not a valid amount: ${write}, with digits and at most one decimal point.`;
};

const malformed = (text: string, minor: boolean): RuleViolation => {
  const blank = oddBlank.test(text) ? foreignCharacter(text.replace(/[^\u00a0\u2009\u202f]/g, ' ')) : undefined;
  if (grouped.test(text) && !/^\d+\.\d{3}$/.test(text)) {
    const named = blank === undefined ? '' : `${blank} `;
    return violation('amount_thousands_separator', `${named}The amount has a thousands separator or a decimal comma: ${write}.`);
  }
  if (decimalComma.test(text)) return violation('amount_decimal_comma', `The amount has a decimal comma: ${write}, with a decimal point.`);
  const damage = excelArtifact(text);
  if (damage?.code === 'invisible_character' && blank !== undefined) {
    return violation('invisible_character', `${blank} Remove it: an amount has no spaces.`);
  }
  if (damage !== undefined) return damage;
  if (hasCurrency(text))
    return violation('amount_currency_sign', `The amount contains a currency sign or code: ${write}; the currency has its own column.`);
  if (negative.test(text)) return negativeFault;
  if (minor)
    return violation('amount_format', 'amount_minor must be a whole number of minor units (cents): digits only, without a leading zero.');
  return violation('amount_format', misspelt(text));
};

const tooMany = (currency: string | undefined): string => {
  const decimals = currency === undefined ? undefined : currencyDecimals(currency);
  if (decimals === undefined) return 'The amount has too many decimals for its currency.';
  return decimals === 0
    ? `${currency} has no decimals: write a whole amount.`
    : `${currency} has ${decimals} decimals, but this amount has more: correct it.`;
};

/** @param currency upper case; undefined when it could not be read */
export const amountFault = (why: AmountFault, text: string, currency: string | undefined, minor: boolean): RuleViolation => {
  switch (why) {
    case 'format':
      return malformed(text, minor);
    case 'negative':
      return negativeFault;
    case 'decimals':
      return violation('amount_decimals', tooMany(currency));
    case 'zero':
      return violation('amount_zero', 'The amount is zero: only amounts above zero can be paid.');
    case 'too_large':
      return violation('amount_too_large', 'The amount is above 9,007,199,254,740,991 minor units, the largest that can be sent exactly.');
  }
};

/**
 * @param currency upper case
 * @param limits greatest amounts in minor units, by currency in upper case (`MAX_AMOUNT`); a currency without one has no limit
 */
export const limitFault = (
  amountMinor: bigint,
  currency: string,
  limits: ReadonlyMap<string, bigint> | undefined,
): RuleViolation | undefined => {
  const limit = limits?.get(currency);
  if (limit === undefined || amountMinor <= limit) return undefined;
  return violation(
    'amount_above_limit',
    `The amount is above the limit of ${formatMinor(limit, currency)} ${currency} (MAX_AMOUNT): split it, or have the limit raised.`,
  );
};
