/**
 * The fingerprint: what must not change under a record id. Keyed, because a plain hash of a body would give card
 * numbers away to anybody who tries them all; the key is derived from the ledger key and never leaves this file.
 *
 * Beside it one short keyed digest for each field, so that a conflict can name the fields that differ without the
 * ledger ever holding a value.
 */
import { createHmac, createSecretKey, hash, hkdfSync } from 'node:crypto';
import { canonicalJson } from './canonical.ts';
import type { Draft, Json, JsonObject } from './instruction.ts';
import { isObject } from './metadata.ts';

/**
 * The digests of the fields of one instruction.
 *
 * @property paths dotted, sorted, joined by line breaks: the same for all rows of a file that fill the same columns,
 *   so that a store can keep each list once
 * @property digests 8 bytes for each path, in that order
 */
export interface FieldDigests {
  readonly paths: string;
  readonly digests: Buffer;
}

export interface FingerprintMaker {
  /**
   * HMAC-SHA-256 over the canonical form of kind, normalised body and the caller's metadata, in base64url (43 characters).
   * What we add to the metadata is not in it.
   */
  fingerprint(draft: Draft): string;
  fields(draft: Draft): FieldDigests;
}

const digestBytes = 8;
const keyBytes = 32;

/**
 * A card is digested as one field. The security code alone has a thousand values and is not to be kept in any form:
 * whoever has the ledger and its key must still guess number, expiry and code together.
 */
const cardObject = 'bank_card';

const whole = (draft: Draft): JsonObject => (draft.metadata === undefined ? draft.body : { ...draft.body, metadata: draft.metadata });

const collectFields = (value: Json, path: string, fields: (readonly [path: string, text: string])[]): void => {
  const isCard = path.endsWith(`.${cardObject}`);
  if (!isCard && Array.isArray(value) && value.length > 0) {
    value.forEach((item: Json, index) => collectFields(item, `${path}.${index}`, fields));
    return;
  }
  if (isCard || !isObject(value)) {
    fields.push([path, canonicalJson(value)]);
    return;
  }
  const keys = Object.keys(value);
  if (keys.length === 0) fields.push([path, '{}']);
  for (const key of keys) {
    // a line break would end the path in the list of paths
    const name = key.includes('\n') ? JSON.stringify(key) : key;
    collectFields(value[key] as Json, path === '' ? name : `${path}.${name}`, fields);
  }
};

const derive = (ledgerKey: Buffer, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', ledgerKey, '', `disburse:v1:${purpose}`, keyBytes));

/** @param ledgerKey the 32 bytes of the ledger's key, which never changes for a ledger */
export const createFingerprints = (ledgerKey: Buffer): FingerprintMaker => {
  const key = createSecretKey(derive(ledgerKey, 'fingerprint'));
  // Hashing key and text together is a sound keyed hash here, at a fifth of an HMAC's cost: the key has a fixed length, and
  // only 8 of the 32 bytes are kept, so that no digest can be extended.
  const fieldKey = derive(ledgerKey, 'fields').toString('hex');
  return {
    fingerprint: (draft) =>
      createHmac('sha256', key)
        .update(`{"body":${canonicalJson(whole(draft))},"kind":"${draft.kind}"}`)
        .digest('base64url'),
    fields: (draft) => {
      const fields: (readonly [string, string])[] = [];
      collectFields(whole(draft), '', fields);
      fields.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      let paths = '';
      let digests = '';
      for (const [path, text] of fields) {
        paths += paths === '' ? path : `\n${path}`;
        digests += hash('sha256', `${fieldKey}${path}=${text}`, 'hex').slice(0, digestBytes * 2);
      }
      return { paths, digests: Buffer.from(digests, 'hex') };
    },
  };
};

const byPath = ({ paths, digests }: FieldDigests): ReadonlyMap<string, string> =>
  new Map(
    paths === ''
      ? []
      : paths.split('\n').map((path, index) => [path, digests.toString('hex', index * digestBytes, (index + 1) * digestBytes)] as const),
  );

/**
 * The paths that one of two instructions has and the other has not, or has otherwise; sorted.
 * Both must have been made under the same ledger key.
 */
export const differingFields = (a: FieldDigests, b: FieldDigests): string[] => {
  const known = byPath(a);
  const other = byPath(b);
  return [...new Set([...known.keys(), ...other.keys()])].filter((path) => known.get(path) !== other.get(path)).sort();
};
