/**
 * When two instructions are the same, and when they only look alike to a person. Both are texts to be hashed by
 * the caller that keeps them: they carry account and card numbers.
 */
import type { ValidInstruction, JsonObject } from '../instruction/instruction.ts';
import { isObject } from '../instruction/metadata.ts';

/**
 * Equal exactly when two drafts of one file ask for the same: kind, body, metadata.
 *
 * The members of a draft that was read from a row stand in the order of the member table, whatever the order of the
 * columns, so that plain JSON is good enough within one file. Across files and events it is the fingerprint that counts.
 */
export const contentKey = (draft: ValidInstruction): string =>
  draft.metadata === undefined
    ? `${draft.kind}\n${JSON.stringify(draft.body)}`
    : `${draft.kind}\n${JSON.stringify(draft.body)}\n${JSON.stringify(draft.metadata)}`;

const inside = (object: unknown, ...path: readonly string[]): JsonObject | undefined => {
  let found: unknown = object;
  for (const key of path) {
    if (!isObject(found)) return undefined;
    found = found[key];
  }
  return isObject(found) ? found : undefined;
};

/** What names an account, in one method or another; a description may differ between twins. */
const accountMembers = [
  'iban',
  'bank_account_number',
  'account_number',
  'routing_code',
  'sort_code',
  'bsb_number',
  'branch_number',
  'name',
  'msisdn',
] as const;
const peopleMembers = ['first_name', 'last_name', 'full_name'] as const;

const addNames = (object: JsonObject | undefined, names: readonly string[], add: (piece: string) => void): void => {
  if (object === undefined) return;
  for (const name of names) {
    const value = object[name];
    if (typeof value === 'string') add(value.toLowerCase());
    add('\u001f');
  }
};

function addDestination(body: JsonObject, add: (piece: string) => void): void {
  const bank = inside(body, 'payment_method', 'bank_account', 'global') ?? inside(body, 'payment_method', 'wallet', 'global');
  if (bank !== undefined) addNames(bank, accountMembers, add);
  else add(JSON.stringify(body['payment_method'] ?? body['payment_details']));
}

/** What a person compares when two drafts look alike. */
export type Comparable = Pick<ValidInstruction, 'kind' | 'amountMinor' | 'currency' | 'body'>;

/** The pieces of `similarityKey`, one after the other. */
export function eachSimilarityPiece({ kind, amountMinor, currency, body }: Comparable, add: (piece: string) => void): void {
  add(kind);
  add('\n');
  add(String(amountMinor));
  add('\n');
  add(currency);
  add('\n');
  addDestination(body, add);
  add('\n');
  addNames(inside(body, 'participant_details', 'recipient'), peopleMembers, add);
  add('\n');
  addNames(inside(body, 'customer'), ['reference'], add);
}

/**
 * Equal when two drafts look alike to a person: kind, amount, currency, destination and recipient. Not proof of
 * anything: twins under different record ids are different payouts.
 */
export function similarityKey(draft: Comparable): string {
  let key = '';
  eachSimilarityPiece(draft, (piece) => (key += piece));
  return key;
}
