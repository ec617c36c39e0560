/**
 * Cards: number, expiry, security code; and card numbers that stand where none belongs.
 */
import { violation, type ValueRule } from './rule-violation.ts';
import { excelArtifact } from './excel-artifacts.ts';

/** Luhn (ISO/IEC 7812-1, annex B). @param digits digits only */
export const passesLuhn = (digits: string): boolean => {
  let sum = 0;
  for (let index = digits.length - 1, double = false; index >= 0; index -= 1, double = !double) {
    const digit = digits.charCodeAt(index) - 0x30;
    sum += double ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit;
  }
  return sum % 10 === 0;
};

const cardGrammar = /^[0-9]{12,19}$/;
const cardFormat = violation('card_number_format', 'A card number has 12 to 19 digits, without spaces or dashes.');
const cardCheckDigit = violation(
  'card_number_check_digit',
  'The check digit of this card number is wrong: a digit is mistyped or swapped.',
);

export const checkCardNumber: ValueRule = (text) => {
  if (!cardGrammar.test(text)) return /^[0-9 -]+$/.test(text) && text.trim() === text ? cardFormat : (excelArtifact(text) ?? cardFormat);
  return passesLuhn(text) && /[1-9]/.test(text) ? undefined : cardCheckDigit;
};

const twoDigits = /^[0-9]{2}$/;

export const checkExpirationMonth: ValueRule = (text) => {
  if (twoDigits.test(text) && text >= '01' && text <= '12') return undefined;
  if (/^[1-9]$/.test(text))
    return violation('lost_leading_zeros', 'The month must have two digits, 01 to 12: a spreadsheet removed the leading zero.');
  return excelArtifact(text) ?? violation('card_expiration_format', 'The expiration month must be two digits, 01 to 12.');
};

export const checkExpirationYear: ValueRule = (text) => {
  if (twoDigits.test(text)) return undefined;
  if (/^[0-9]$/.test(text))
    return violation('lost_leading_zeros', 'The year must have two digits: a spreadsheet removed the leading zero.');
  return excelArtifact(text) ?? violation('card_expiration_format', 'The expiration year must be its last two digits, such as 29.');
};

/**
 * A card is good to the last day of its month (UTC).
 *
 * @param month, year two digits each, already checked
 * @param now in milliseconds since the epoch
 */
export const hasExpired = (month: string, year: string, now: number): boolean => now >= Date.UTC(2000 + Number(year), Number(month), 1);

export const cardExpired = violation('card_expired', 'This card has expired: ask for a new one.');

export const checkSecurityCode: ValueRule = (text) => {
  if (/^[0-9]{3,4}$/.test(text)) return undefined;
  if (/^[0-9]{1,2}$/.test(text))
    return violation('lost_leading_zeros', 'The security code must have 3 or 4 digits: a spreadsheet removed the leading zeros.');
  return excelArtifact(text) ?? violation('card_security_code_format', 'The security code must have 3 or 4 digits.');
};

/** Enough digits for a card number, plain or grouped by blanks or dashes; cheap, for every text of every row. */
const manyDigits = /[0-9](?:[ -]?[0-9]){12}/;
const digitRuns = /[0-9](?:[ -]?[0-9]){12,}/g;

/**
 * Issuer ranges and lengths of the card schemes: Visa, Mastercard, American Express, Discover, JCB, Diners, UnionPay, Mir, Maestro.
 * Luhn alone would take one long order number in ten for a card.
 */
const schemes =
  /^(?:4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}|3[47][0-9]{13}|6(?:011|5[0-9]{2}|4[4-9][0-9])[0-9]{12}|35(?:2[89]|[3-8][0-9])[0-9]{12}|3(?:0[0-5]|[68][0-9])[0-9]{11}|62[0-9]{14,17}|220[0-4][0-9]{12}|(?:50|5[6-8]|63|67)[0-9]{14})$/;

const isCardNumber = (digits: string): boolean => schemes.test(digits) && passesLuhn(digits);

/** Whether some neighbouring groups are a card number together: "order 7 4242 4242 4242 4242" has a group too many. */
const groupsCarryCardNumber = (groups: readonly string[]): boolean =>
  groups.some((_, from) => {
    let digits = '';
    for (let to = from; to < groups.length && digits.length < 19; to += 1) {
      digits += groups[to];
      if (digits.length >= 13 && isCardNumber(digits)) return true;
    }
    return false;
  });

/** Whether a text carries what is, by scheme, length and check digit, a card number. */
export const carriesCardNumber = (text: string): boolean => {
  if (text.length < 13 || !manyDigits.test(text)) return false;
  return (text.match(digitRuns) ?? []).some((run) => groupsCarryCardNumber(run.split(/[ -]/)));
};

export const cardNumberMisplaced = violation(
  'card_number_misplaced',
  'This contains a card number, which would be stored and shown here: remove it, here and in the files it came from.',
);
