/**
 * Between the JSON of an event and the list of texts that the rules work on; and back, to the body as it is sent.
 */
import { members, method, slotCount, slotOf } from '../instruction/members.ts';
import { normalizeIban } from '../fields/iban.ts';
import type { Json, JsonObject, Kind } from '../instruction/instruction.ts';
import { isObject } from '../instruction/metadata.ts';
import type { Values } from '../instruction/validation.ts';

const recordIdSlot = slotOf('record_id');
const currencySlot = slotOf('currency');
const ibanSlot = slotOf('iban');
const recipientCurrencySlot = slotOf('recipient_currency');
const recurrentSlot = slotOf('recurrent');
const envelopeMembers = new Set(['record_id', 'kind', 'batch_id', 'metadata']);

interface KnownPath {
  readonly slot: number;
  readonly path: string;
  readonly keys: readonly string[];
}

const knownPaths: { readonly [K in Kind]: readonly KnownPath[] } = {
  payout: members.flatMap(({ places }, slot) => pathsOf(places, slot, 'payout')),
  payment: members.flatMap(({ places }, slot) => pathsOf(places, slot, 'payment')),
};

function pathsOf(places: (typeof members)[number]['places'], slot: number, kind: Kind): KnownPath[] {
  return places
    .filter((place) => place.kind === undefined || place.kind === kind)
    .map(({ path }) => ({ slot, path, keys: path.split('.') }));
}

const known: { readonly [K in Kind]: ReadonlySet<string> } = {
  payout: new Set(knownPaths.payout.map(({ path }) => path)),
  payment: new Set(knownPaths.payment.map(({ path }) => path)),
};

/** The known members of one object, which is looked for once. */
interface KnownObject {
  readonly keys: readonly string[];
  readonly names: readonly { readonly slot: number; readonly name: string }[];
}

/** In the order of their first paths. Where a slot has several places, the last one that is filled counts. */
function objectsOf(paths: readonly KnownPath[]): readonly KnownObject[] {
  const parentOf = ({ path }: KnownPath): string => path.slice(0, Math.max(path.lastIndexOf('.'), 0));
  return [...Map.groupBy(paths, parentOf)].map(([, group]) => ({
    keys: group[0]?.keys.slice(0, -1) ?? [],
    names: group.map(({ slot, keys }) => ({ slot, name: keys.at(-1) ?? '' })),
  }));
}

const knownObjects: { readonly [K in Kind]: readonly KnownObject[] } = {
  payout: objectsOf(knownPaths.payout),
  payment: objectsOf(knownPaths.payment),
};

/** Whether a path of this kind is one that the rules know. */
export const isKnownPath = (kind: Kind, path: string): boolean => known[kind].has(path);

/** The value at a path; undefined where the path ends before. */
export const find = (value: unknown, keys: readonly string[]): unknown => {
  let found = value;
  for (const key of keys) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
};

/** The texts of an event by slot, as the rules want them. */
export const valuesOf = (event: JsonObject, kind: Kind): (string | undefined)[] => {
  const values: (string | undefined)[] = Array<string | undefined>(slotCount).fill(undefined);
  for (const { keys, names } of knownObjects[kind]) {
    const object = find(event, keys);
    if (typeof object !== 'object' || object === null) continue;
    for (const { slot, name } of names) {
      const value = Object.hasOwn(object, name) ? (object as JsonObject)[name] : undefined;
      if (typeof value === 'string' && value !== '') values[slot] = value;
      else if (typeof value === 'boolean' && slot === recurrentSlot) values[slot] = String(value);
    }
  }
  const { record_id: recordId } = event;
  if (typeof recordId === 'string' && recordId !== '') values[recordIdSlot] = recordId;
  const iban = values[ibanSlot];
  if (iban !== undefined) values[ibanSlot] = normalizeIban(iban);
  return values;
};

/** The methods that the body names by its types and by the objects that are there (bits). */
export const declaredMethods = (event: JsonObject): number => {
  const { payment_method: payout, payment_details: payment } = event;
  let bits = 0;
  const typed = (object: Json | undefined, types: Readonly<Record<string, number>>): void => {
    if (!isObject(object)) return;
    for (const [type, bit] of Object.entries(types)) if (object['type'] === type || isObject(object[type])) bits |= bit;
  };
  typed(payout, { bank_account: method.bankAccount, wallet: method.wallet });
  typed(payment, { recurrent: method.recurrent });
  const card = isObject(payout) ? payout['card'] : undefined;
  typed(card, { bank_card: method.card, encrypted_card: method.encryptedCard, tokenized_card: method.tokenizedCard });
  if (isObject(payout) && payout['type'] === 'card' && !isObject(card)) bits |= method.card;
  typed(payment, { card: method.card });
  return bits;
};

/** The body as it is sent: codes in lower case, the IBAN without blanks, everything else as it came. */
export const normalisedBody = (event: JsonObject, values: Values): JsonObject => {
  const body: Record<string, Json> = Object.fromEntries(Object.entries(event).filter(([key]) => !envelopeMembers.has(key)));
  const replace = (object: Json | undefined, [key, ...rest]: readonly string[], value: string): Json => {
    if (key === undefined) return value;
    return isObject(object) ? { ...object, [key]: replace(object[key], rest, value) } : (object ?? null);
  };
  const put = (path: string, value: string | undefined): void => {
    const [first = '', ...rest] = path.split('.');
    if (value !== undefined) body[first] = replace(body[first], rest, value);
  };
  put('amount_details.currency', values[currencySlot]?.toLowerCase());
  put('participant_details.recipient.currency', values[recipientCurrencySlot]?.toLowerCase());
  put('payment_method.bank_account.global.iban', values[ibanSlot]);
  return body;
};
