/**
 * The general rule of every member: what its text must look like wherever it is paid. Routes may replace one (`routes.ts`).
 *
 * Plain functions in a list by slot, not a zod schema: they run for each cell of a million rows, and a row that is
 * right must cost nothing but the tests themselves. zod describes the shape of events, where it does not cost that path.
 */
import {
  cardNumberMisplaced,
  carriesCardNumber,
  checkCardNumber,
  checkExpirationMonth,
  checkExpirationYear,
  checkSecurityCode,
} from '../fields/cards.ts';
import { members, type MemberName } from './members.ts';
import { violation, type ValueRule } from '../fields/rule-violation.ts';
import { checkBic, checkIban } from '../fields/iban.ts';
import {
  checkAccountNumber,
  checkCountry,
  checkCurrency,
  checkEmail,
  checkMsisdn,
  checkRecordId,
  checkUrl,
  checkWord,
} from '../fields/identifiers.ts';
import { excelArtifactOfAccount, excelArtifactOfFreeText, excelArtifactOfIdentifier, oddText } from '../fields/excel-artifacts.ts';
import { isNeverText, isRarelyText } from '../fields/error-values.ts';
import { disallowedCharacter, tooLong } from '../fields/text.ts';

/** Longest texts, in characters. The gateway states 100 and 64 for the sender's; the others are ours and generous. */
export const textLimits = {
  description: 1000,
  text: 255,
  companyName: 100,
  registrationNumber: 64,
  identifier: 64,
  token: 1024,
  metadata: 1000,
} as const;

/** Most names of people and towns: taken with a single look. */
const ordinary = /^[A-Za-z\u00c0-\u024f][A-Za-z\u00c0-\u024f ,.'&()-]*$/;
/** Letters that are half of a garbled character when the letter before them is the other half. */
const halfGarbled = /[ŒœŠšŽžŸƒ]/;
const longestWord = 9;

const isOrdinary = (text: string): boolean =>
  ordinary.test(text) && !halfGarbled.test(text) && (text.length > longestWord || !(isNeverText(text) || isRarelyText(text)));

/**
 * @param max in characters
 * @param lines line breaks and tabs are text
 */
export const freeText =
  (max: number, lines?: { readonly allowLines: boolean }): ValueRule =>
  (text) => {
    if (text.length <= max && isOrdinary(text)) return undefined;
    return (
      disallowedCharacter(text, lines) ??
      excelArtifactOfFreeText(text) ??
      tooLong(text, max) ??
      (carriesCardNumber(text) ? cardNumberMisplaced : oddText(text))
    );
  };

type ArtifactRule = typeof excelArtifactOfAccount;

/** Text that names something: no blanks around it, no sign of a spreadsheet. @param max in characters */
const identifier =
  (max: number, artifact: ArtifactRule): ValueRule =>
  (text) =>
    disallowedCharacter(text) ?? artifact(text) ?? tooLong(text, max);

/** An identifier that is kept and shown, so that a card number must not pass for it. */
const openIdentifier = (max: number, artifact: ArtifactRule = excelArtifactOfIdentifier): ValueRule => {
  const rule = identifier(max, artifact);
  return (text) => rule(text) ?? (carriesCardNumber(text) ? cardNumberMisplaced : oddText(text));
};

const recordId: ValueRule = (text) => checkRecordId(text) ?? (carriesCardNumber(text) ? cardNumberMisplaced : undefined);

const companyText = freeText(textLimits.companyName);
const digitsOnly = /^[0-9 ]+$/;
const companyName: ValueRule = (text) =>
  digitsOnly.test(text)
    ? (excelArtifactOfFreeText(text) ?? violation('company_name_digits', 'A company name cannot consist of digits only: enter the name.'))
    : companyText(text);

/** Amounts and kind are read before the other members, by the reader of the row or event: nothing is left to check here. */
const readBefore: ValueRule = () => undefined;

const text = freeText(textLimits.text);
const shortIdentifier = openIdentifier(textLimits.identifier);
const token = openIdentifier(textLimits.token, excelArtifactOfAccount);

const rules: { readonly [M in MemberName]: ValueRule } = {
  record_id: recordId,
  kind: readBefore,
  amount: readBefore,
  amount_minor: readBefore,
  currency: checkCurrency,
  iban: checkIban,
  bank_account_number: checkAccountNumber,
  account_number: checkAccountNumber,
  account_type: openIdentifier(textLimits.identifier, excelArtifactOfAccount),
  routing_code: checkAccountNumber,
  swift_bic_code: checkBic,
  sort_code: checkAccountNumber,
  branch_number: checkAccountNumber,
  bsb_number: checkAccountNumber,
  description: freeText(textLimits.description),
  wallet_name: openIdentifier(textLimits.text, excelArtifactOfAccount),
  wallet_msisdn: checkMsisdn,
  card_number: checkCardNumber,
  card_number_hash: token,
  card_token: token,
  card_expiration_month: checkExpirationMonth,
  card_expiration_year: checkExpirationYear,
  card_security_code: checkSecurityCode,
  recurrent_token: token,
  recurrent_initiator: checkWord('recurrent_initiator_unknown', ['merchant', 'client']),
  return_url: checkUrl,
  recurrent: checkWord('recurrent_format', ['true', 'false']),
  recipient_bank_name: text,
  recipient_currency: checkCurrency,
  recipient_country_iso3: checkCountry,
  recipient_first_name: text,
  recipient_last_name: text,
  recipient_full_name: text,
  recipient_address_line: text,
  recipient_city: text,
  recipient_postal_code: text,
  recipient_state: text,
  recipient_swift_bic_code: checkBic,
  recipient_msisdn: checkMsisdn,
  recipient_email: checkEmail,
  recipient_id_number: shortIdentifier,
  sender_company_name: companyName,
  sender_registration_number: openIdentifier(textLimits.registrationNumber),
  sender_country_iso3: checkCountry,
  sender_code: shortIdentifier,
  sender_address_line: text,
  sender_city: text,
  sender_postal_code: text,
  sender_state: text,
  sender_date_of_incorporation: shortIdentifier,
  sender_msisdn: checkMsisdn,
  customer_reference: openIdentifier(textLimits.text),
  customer_email: checkEmail,
};

/** The rules by slot. */
export const generalRules: readonly ValueRule[] = members.map(({ name }) => rules[name as MemberName]);
