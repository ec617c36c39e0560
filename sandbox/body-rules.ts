/**
 * Rules for a body, written from the gateway's public pages alone: an independent reading, so that a mistake in
 * disburse is not repeated here.
 */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [member: string]: Json | undefined;
}

export type Kind = 'payout' | 'payment';

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Returns one sentence, or undefined when the value is valid. */
type Rule = (value: Json | undefined, path: string) => string | undefined;

const expects =
  (expected: string, holds: (value: Json | undefined) => boolean): Rule =>
  (value, path) =>
    holds(value) ? undefined : `${path}: expected ${expected}`;

const oneOf = (...words: readonly string[]): Rule =>
  expects(words.join(' or '), (value) => typeof value === 'string' && words.includes(value));
const matching = (pattern: RegExp, expected: string): Rule =>
  expects(expected, (value) => typeof value === 'string' && pattern.test(value));

const text = expects('a text of at least one character', (value) => typeof value === 'string' && value.trim() !== '');
const boolean = expects('true or false', (value) => typeof value === 'boolean');
const amount = expects('an integer above zero, in minor units', (value) => Number.isSafeInteger(value) && Number(value) > 0);
const country = matching(/^[A-Z]{3}$/, 'an ISO 3166 alpha-3 code');
const currency = matching(/^[A-Za-z]{3}$/, 'three letters of ISO 4217');
const cardNumber = matching(/^\d{12,19}$/, '12 to 19 digits');
const contacts = expects('a list of objects', (value) => Array.isArray(value) && value.every(isObject));
const metadata = expects(
  'a text, an integer or an object',
  (value) => typeof value === 'string' || Number.isSafeInteger(value) || isObject(value),
);
const isoTime = expects(
  'a time in ISO 8601',
  (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) && !Number.isNaN(Date.parse(value)),
);

/** The members of an object; `?` after a name: optional. Other members are accepted. */
type Members = Readonly<Record<string, Rule>>;

function shape(members: Members): Rule {
  const rules = Object.entries(members).map(([name, rule]) => ({ name: name.replace('?', ''), optional: name.endsWith('?'), rule }));
  return (value, path) => {
    if (!isObject(value)) return `${path || 'body'}: expected an object`;
    for (const { name, optional, rule } of rules) {
      const found = Object.hasOwn(value, name) ? value[name] : undefined;
      if (optional && found === undefined) continue;
      const error = rule(found, path === '' ? name : `${path}.${name}`);
      if (error !== undefined) return error;
    }
    return undefined;
  };
}

/** An object whose `type` says which of its other members are required. */
function variants(byType: Readonly<Record<string, Members>>): Rule {
  const ofType = shape({ type: oneOf(...Object.keys(byType)) });
  const shapes = new Map(Object.entries(byType).map(([type, members]) => [type, shape(members)]));
  return (value, path) => ofType(value, path) ?? (isObject(value) ? shapes.get(String(value['type']))?.(value, path) : undefined);
}

/** Members of the documented routes; those of other countries are unknown and accepted. */
const globalAccount = shape({
  description: text,
  'iban?': matching(/^\S+$/, 'an IBAN without spaces'),
  'bank_account_number?': text,
  'account_number?': text,
  'account_type?': oneOf('CHECKING', 'SAVINGS', 'DEPOSIT', 'OTHERS'),
  'routing_code?': matching(/^\d{9}$/, '9 digits'),
  'swift_bic_code?': text,
  'sort_code?': matching(/^\d\d-\d\d-\d\d$/, 'a sort code like 12-34-56'),
  'branch_number?': text,
  'bsb_number?': matching(/^\d{6}$/, '6 digits'),
});

const namesAnAccount = expects(
  'members that name the account',
  (value) => isObject(value) && Object.keys(value).some((name) => name !== 'description'),
);
const bankAccount: Rule = (value, path) => globalAccount(value, path) ?? namesAnAccount(value, path);

const paymentMethod = variants({
  bank_account: { bank_account: shape({ system_type: oneOf('global'), global: bankAccount }) },
  wallet: { wallet: shape({ type: oneOf('global'), global: shape({ name: text, description: text, msisdn: text }) }) },
  card: {
    card: variants({
      bank_card: { bank_card: shape({ number: cardNumber }) },
      encrypted_card: { encrypted_card: shape({ number_hash: text }) },
      tokenized_card: { tokenized_card: shape({ token: text }) },
    }),
  },
});

const paymentCard = shape({
  number: cardNumber,
  expiration_month: matching(/^(?:0[1-9]|1[0-2])$/, 'a month from 01 to 12'),
  expiration_year: matching(/^\d\d$/, 'a year of two digits'),
  security_code: matching(/^\d{3,4}$/, '3 or 4 digits'),
});

const paymentDetails = variants({
  card: { card: variants({ bank_card: { bank_card: paymentCard } }) },
  recurrent: { recurrent: shape({ token: text, initiator: oneOf('merchant', 'client') }) },
});

const participants = shape({
  'recipient?': shape({ 'country_iso3?': country, 'currency?': currency }),
  'sender?': shape({
    'company_name?': matching(/^(?=[^]*\D)[^]{1,100}$/, 'at most 100 characters, not digits only'),
    'registration_number?': matching(/^[^]{1,64}$/, 'at most 64 characters'),
    'country_iso3?': country,
  }),
});

const customer = shape({ 'reference?': text, 'contacts?': contacts });
const shared: Members = { amount_details: shape({ amount, currency }), 'participant_details?': participants, 'metadata?': metadata };

const bodies: Readonly<Record<Kind, Rule>> = {
  payout: shape({ payment_method: paymentMethod, ...shared, 'customer?': customer }),
  payment: shape({
    payment_details: paymentDetails,
    ...shared,
    customer,
    'payment_options?': shape({ 'return_url?': text, 'recurrent?': boolean }),
  }),
};
const sessionRequest = shape({ session_id: text });
const balanceRequest = shape({ request_datetime: isoTime });

/**
 * @returns undefined for a valid init body, else one sentence `path: expected …`, without the value, so that no card
 * number gets into an error
 */
export const bodyError = (kind: Kind, body: Json): string | undefined => bodies[kind](body, '');

/** The same for session/status, session/confirm and session/cancel. */
export const sessionRequestError = (body: Json): string | undefined => sessionRequest(body, '');

/** The same for wallet/balance. */
export const balanceRequestError = (body: Json): string | undefined => balanceRequest(body, '');
