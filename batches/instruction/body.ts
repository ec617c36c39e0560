/**
 * From the texts of a valid row to the gateway's own body, and what may be shown of where the money goes.
 */
import { members, method, slotOf, type MemberName } from './members.ts';
import type { JsonObject, Kind } from './instruction.ts';
import { maskCard, maskIban, maskTail } from './masks.ts';
import { methodsFilled, type Values } from './validation.ts';

type Fill = Record<string, string>;

/** Slots of one object of the body, with the name that each has there. */
interface Group {
  readonly slots: readonly number[];
  readonly names: readonly string[];
}

const groupOf = (slots: readonly number[], nameOf: (path: string) => string | undefined): Group => {
  const found = slots.flatMap((slot) => {
    const place = members[slot]?.places.find(({ path }) => nameOf(path) !== undefined);
    const name = place === undefined ? undefined : nameOf(place.path);
    return name === undefined ? [] : [{ slot, name }];
  });
  // Members stand in canonical order from the beginning, so that no fingerprint needs to sort them.
  found.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { slots: found.map(({ slot }) => slot), names: found.map(({ name }) => name) };
};

/** The members directly below a path. */
const below =
  (parent: string) =>
  (path: string): string | undefined =>
    path.startsWith(`${parent}.`) && !path.slice(parent.length + 1).includes('.') ? path.slice(parent.length + 1) : undefined;

const fill = (values: Values, { slots, names }: Group): Fill | undefined => {
  let filled: Fill | undefined;
  for (let index = 0; index < slots.length; index += 1) {
    const value = values[slots[index] as number];
    if (value === undefined) continue;
    filled ??= {};
    filled[names[index] as string] = value;
  }
  return filled;
};

const at = (name: MemberName): ((values: Values) => string) => {
  const slot = slotOf(name);
  return (values) => values[slot] as string;
};

const recurrentSlot = slotOf('recurrent');

const number = at('card_number');
const numberHash = at('card_number_hash');
const token = at('card_token');
const recurrent = at('recurrent');
const idNumber = at('recipient_id_number');
const customerReference = at('customer_reference');
const customerEmail = at('customer_email');

/** Builds bodies of rows that fill at most these slots. */
export interface BodyBuilder {
  /**
   * @param values of a valid instruction: IBANs normalised, `recipient_currency` in lower case
   * @param amount in minor units, at most 2^53 - 1
   * @param currency as it is sent, in lower case
   */
  build(values: Values, kind: Kind, amount: number, currency: string): JsonObject;
}

export const createBodyBuilder = (slots: readonly number[]): BodyBuilder => {
  const group = (parent: string): Group => groupOf(slots, below(parent));
  const bank = group('payment_method.bank_account.global');
  const wallet = group('payment_method.wallet.global');
  const card = group('payment_details.card.bank_card');
  const recurrentGroup = group('payment_details.recurrent');
  const recipientGroup = group('participant_details.recipient');
  const senderGroup = group('participant_details.sender');
  const returnUrl = groupOf(
    slots.filter((slot) => slot !== recurrentSlot),
    below('payment_options'),
  );

  const paymentMethod = (values: Values): JsonObject => {
    switch (methodsFilled(values, slots)) {
      case method.bankAccount:
        return { bank_account: { global: fill(values, bank) ?? {}, system_type: 'global' }, type: 'bank_account' };
      case method.wallet:
        return { type: 'wallet', wallet: { global: fill(values, wallet) ?? {}, type: 'global' } };
      case method.encryptedCard:
        return { card: { encrypted_card: { number_hash: numberHash(values) }, type: 'encrypted_card' }, type: 'card' };
      case method.tokenizedCard:
        return { card: { tokenized_card: { token: token(values) }, type: 'tokenized_card' }, type: 'card' };
      default:
        return { card: { bank_card: { number: number(values) }, type: 'bank_card' }, type: 'card' };
    }
  };

  const paymentDetails = (values: Values): JsonObject =>
    methodsFilled(values, slots) === method.recurrent
      ? { recurrent: fill(values, recurrentGroup) ?? {}, type: 'recurrent' }
      : { card: { bank_card: fill(values, card) ?? {}, type: 'bank_card' }, type: 'card' };

  const participants = (values: Values): JsonObject | undefined => {
    const recipient: JsonObject | undefined = fill(values, recipientGroup);
    const sender: JsonObject | undefined = fill(values, senderGroup);
    const id = idNumber(values) as string | undefined;
    const whole = id === undefined ? recipient : { ...recipient, identity_document: { id_number: id } };
    if (whole === undefined) return sender === undefined ? undefined : { sender };
    return sender === undefined ? { recipient: whole } : { recipient: whole, sender };
  };

  const customer = (values: Values): JsonObject | undefined => {
    const reference = customerReference(values) as string | undefined;
    const email = customerEmail(values) as string | undefined;
    if (email === undefined) return reference === undefined ? undefined : { reference };
    return reference === undefined ? { contacts: [{ email }] } : { contacts: [{ email }], reference };
  };

  const options = (values: Values): JsonObject | undefined => {
    const given = fill(values, returnUrl);
    const flag = recurrent(values) as string | undefined;
    return flag === undefined ? given : { ...given, recurrent: flag === 'true' };
  };

  return {
    build: (values, kind, amount, currency) => {
      const body: Record<string, JsonObject> = { amount_details: { amount, currency } };
      const known = customer(values);
      if (known !== undefined) body['customer'] = known;
      const people = participants(values);
      if (people !== undefined) body['participant_details'] = people;
      if (kind === 'payout') {
        body['payment_method'] = paymentMethod(values);
        return body;
      }
      body['payment_details'] = paymentDetails(values);
      const chosen = options(values);
      if (chosen !== undefined) body['payment_options'] = chosen;
      return body;
    },
  };
};

const destinations: readonly (readonly [number, (text: string) => string | undefined])[] = [
  [slotOf('iban'), maskIban],
  [slotOf('bank_account_number'), maskTail],
  [slotOf('account_number'), maskTail],
  [slotOf('card_number'), maskCard],
  [slotOf('card_number_hash'), maskTail],
  [slotOf('card_token'), maskTail],
  [slotOf('wallet_msisdn'), maskTail],
  [slotOf('recurrent_token'), maskTail],
];

/** Where the money goes to or comes from, masked; undefined when it is too short to show anything. */
export const maskedDestination = (values: Values): string | undefined => {
  for (const [slot, mask] of destinations) {
    const value = values[slot];
    if (value !== undefined) return mask(value);
  }
  return undefined;
};
