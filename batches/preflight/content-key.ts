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

const joined = (object: JsonObject | undefined, names: readonly string[]): string => {
  let text = '';
  if (object === undefined) return text;
  for (const name of names) {
    const value = object[name];
    text += typeof value === 'string' ? `${value.toLowerCase()}\u001f` : '\u001f';
  }
  return text;
};

const destinationOf = (body: JsonObject): string => {
  const bank = inside(body, 'payment_method', 'bank_account', 'global') ?? inside(body, 'payment_method', 'wallet', 'global');
  if (bank !== undefined) return joined(bank, accountMembers);
  return JSON.stringify(body['payment_method'] ?? body['payment_details']);
};

/**
 * Equal when two drafts look alike to a person: kind, amount, currency, destination and recipient. Not proof of
 * anything: twins under different record ids are different payouts.
 */
export const similarityKey = (draft: ValidInstruction): string => {
  const { body } = draft;
  const recipient = joined(inside(body, 'participant_details', 'recipient'), peopleMembers);
  const customer = joined(inside(body, 'customer'), ['reference']);
  return `${draft.kind}\n${draft.amountMinor}\n${draft.currency}\n${destinationOf(body)}\n${recipient}\n${customer}`;
};
