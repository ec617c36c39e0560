/**
 * The members of an instruction that have rules: how a CSV column calls them and where they stand in the gateway's body.
 *
 * This is the one table behind CSV and JSON. Rules work on a list of texts, one place for each member of this table
 * (its *slot*), so that a row and an event meet the very same rules, and a row of a million costs no object for them.
 */
import type { Kind } from './instruction.ts';

/**
 * The methods of a body, as bits, so that "which methods does this row fill" is one number.
 * Bank account, wallet, encrypted and tokenized card are payouts, recurrent is a payment, card is both.
 */
export const method = { bankAccount: 1, wallet: 2, card: 4, encryptedCard: 8, tokenizedCard: 16, recurrent: 32 } as const;
type Method = (typeof method)[keyof typeof method];

/** How the value of a member is shown in problems and results. */
export type Mask = 'verbatim' | 'tail' | 'iban' | 'card' | 'nothing';

/**
 * Where a member is in the body. A `method` narrows the place to bodies that use it, a `kind` to bodies of that kind.
 */
export interface BodyPath {
  readonly path: string;
  readonly kind?: Kind;
  readonly method?: Method;
}

/**
 * @property name the short name of the column
 * @property places its paths; none for what is not in the body
 * @property method the method that is in use where this member is filled
 */
export interface Member {
  readonly name: string;
  readonly places: readonly BodyPath[];
  readonly method?: Method;
  readonly mask: Mask;
}

const bank = 'payment_method.bank_account.global';
const payoutCard = 'payment_method.card';
const paymentCard = 'payment_details.card.bank_card';

const inBank = <N extends string>(name: N, mask: Mask = 'tail') => ({
  name,
  places: [{ path: `${bank}.${name}`, kind: 'payout' as const, method: method.bankAccount }],
  method: method.bankAccount,
  mask,
});

const inWallet = <N extends string>(name: N, last: string) => ({
  name,
  places: [{ path: `payment_method.wallet.global.${last}`, kind: 'payout' as const, method: method.wallet }],
  method: method.wallet,
  mask: 'tail' as Mask,
});

const inPaymentCard = <N extends string>(name: N, last: string) => ({
  name,
  places: [{ path: `${paymentCard}.${last}`, kind: 'payment' as const, method: method.card }],
  method: method.card,
  mask: 'nothing' as Mask,
});

const inRecurrent = <N extends string>(name: N, last: string) => ({
  name,
  places: [{ path: `payment_details.recurrent.${last}`, kind: 'payment' as const, method: method.recurrent }],
  method: method.recurrent,
  mask: 'tail' as Mask,
});

const bodyPath = <N extends string>(name: N, path: string, mask: Mask = 'tail') => ({ name, places: [{ path }], mask });
const recipient = <N extends string>(last: N, mask: Mask = 'tail') =>
  bodyPath(`recipient_${last}`, `participant_details.recipient.${last}`, mask);
const sender = <N extends string>(last: N, mask: Mask = 'tail') => bodyPath(`sender_${last}`, `participant_details.sender.${last}`, mask);

const table = [
  { name: 'record_id', places: [], mask: 'verbatim' },
  { name: 'kind', places: [], mask: 'verbatim' },
  { name: 'amount', places: [], mask: 'verbatim' },
  bodyPath('amount_minor', 'amount_details.amount', 'verbatim'),
  bodyPath('currency', 'amount_details.currency', 'verbatim'),
  inBank('iban', 'iban'),
  inBank('bank_account_number'),
  inBank('account_number'),
  inBank('account_type'),
  inBank('routing_code'),
  inBank('swift_bic_code'),
  inBank('sort_code'),
  inBank('branch_number'),
  inBank('bsb_number'),
  {
    name: 'description',
    places: [
      { path: `${bank}.description`, kind: 'payout', method: method.bankAccount },
      { path: 'payment_method.wallet.global.description', kind: 'payout', method: method.wallet },
    ],
    mask: 'tail',
  },
  inWallet('wallet_name', 'name'),
  inWallet('wallet_msisdn', 'msisdn'),
  {
    name: 'card_number',
    places: [
      { path: `${payoutCard}.bank_card.number`, kind: 'payout', method: method.card },
      { path: `${paymentCard}.number`, kind: 'payment', method: method.card },
    ],
    method: method.card,
    mask: 'card',
  },
  {
    name: 'card_number_hash',
    places: [{ path: `${payoutCard}.encrypted_card.number_hash`, kind: 'payout', method: method.encryptedCard }],
    method: method.encryptedCard,
    mask: 'tail',
  },
  {
    name: 'card_token',
    places: [{ path: `${payoutCard}.tokenized_card.token`, kind: 'payout', method: method.tokenizedCard }],
    method: method.tokenizedCard,
    mask: 'tail',
  },
  inPaymentCard('card_expiration_month', 'expiration_month'),
  inPaymentCard('card_expiration_year', 'expiration_year'),
  inPaymentCard('card_security_code', 'security_code'),
  inRecurrent('recurrent_token', 'token'),
  inRecurrent('recurrent_initiator', 'initiator'),
  { name: 'return_url', places: [{ path: 'payment_options.return_url', kind: 'payment' }], mask: 'tail' },
  { name: 'recurrent', places: [{ path: 'payment_options.recurrent', kind: 'payment' }], mask: 'tail' },
  recipient('bank_name'),
  recipient('currency', 'verbatim'),
  recipient('country_iso3', 'verbatim'),
  recipient('first_name'),
  recipient('last_name'),
  recipient('full_name'),
  recipient('address_line'),
  recipient('city'),
  recipient('postal_code'),
  recipient('state'),
  recipient('swift_bic_code'),
  recipient('msisdn'),
  recipient('email'),
  bodyPath('recipient_id_number', 'participant_details.recipient.identity_document.id_number'),
  sender('company_name'),
  sender('registration_number'),
  sender('country_iso3', 'verbatim'),
  sender('code'),
  sender('address_line'),
  sender('city'),
  sender('postal_code'),
  sender('state'),
  sender('date_of_incorporation'),
  sender('msisdn'),
  bodyPath('customer_reference', 'customer.reference'),
  bodyPath('customer_email', 'customer.contacts.0.email'),
] as const satisfies readonly Member[];

export type MemberName = (typeof table)[number]['name'];

export const members: readonly Member[] = table;
export const slotCount: number = members.length;

const slotByName: ReadonlyMap<string, number> = new Map(members.map(({ name }, slot) => [name, slot] as const));

/** The place of a member in the list of texts that the rules work on. */
export const slotOf = (name: MemberName): number => slotByName.get(name) as number;

/** A name that a CSV header may use: the short name of a member (`place` undefined) or one of its paths. */
export interface ColumnName {
  readonly slot: number;
  readonly place: BodyPath | undefined;
}

/** Every name a header may use, in lower case, except `metadata.<key>` and `error`. */
export const columnNames: ReadonlyMap<string, ColumnName> = new Map(
  members.flatMap((member, slot): [string, ColumnName][] => [
    [member.name, { slot, place: undefined }],
    ...member.places.map((place): [string, ColumnName] => [place.path, { slot, place }]),
  ]),
);

/** The path of a member in a body of this kind and these methods (bits); the first place that fits, else its short name. */
export const pathOf = (slot: number, kind: Kind | undefined, methods: number): string => {
  const member = members[slot] as Member;
  const fits = (place: BodyPath): boolean =>
    (place.kind === undefined || kind === undefined || place.kind === kind) &&
    (place.method === undefined || methods === 0 || (place.method & methods) !== 0);
  return (member.places.find(fits) ?? member.places[0])?.path ?? member.name;
};

/** Whether a member has a place in bodies of this kind; what is outside the body belongs to both. */
export const belongsTo = (slot: number, kind: Kind): boolean => {
  const places = (members[slot] as Member).places;
  return places.length === 0 || places.some((place) => place.kind === undefined || place.kind === kind);
};
