/**
 * The fingerprint: what must not change under a record id. Keyed, because a plain hash of a body would give card
 * numbers away to anybody who tries them all; the key is derived from the ledger key and never leaves this file.
 *
 * Beside it one short keyed digest for each field, so that a conflict can name the fields that differ without the
 * ledger ever holding a value.
 */
import { hash, hkdfSync } from 'node:crypto';
import { createKeyedHash } from '../audit/keyed-hash.ts';
import { canonicalJson, orderedKeys } from './canonical-json.ts';
import type { ValidInstruction, Json, JsonObject } from '../instruction/instruction.ts';
import { isObject } from '../instruction/metadata.ts';

/**
 * The digests of the fields of one instruction.
 *
 * @property paths dotted, in canonical order, joined by line breaks: the same for all rows of a file that fill the same columns,
 *   so that a store can keep each list once
 * @property digests 8 bytes for each path, in that order
 */
export interface FieldDigests {
  readonly paths: string;
  readonly digests: Uint8Array;
}

export interface Fingerprints {
  /**
   * HMAC-SHA-256 over the canonical form of kind, normalised body and the caller's metadata, in base64url (43 characters).
   * What we add to the metadata is not in it.
   */
  fingerprint(draft: ValidInstruction): string;
  fields(draft: ValidInstruction): FieldDigests;
}

const digestBytes = 8;
const keyBytes = 32;

/**
 * A card is digested as one field. The security code alone has a thousand values and is not to be kept in any form:
 * with the ledger and its key one must still guess number, expiry and code together.
 */
const cardObject = 'bank_card';

const whole = (draft: ValidInstruction): JsonObject =>
  draft.metadata === undefined ? draft.body : { ...draft.body, metadata: draft.metadata };

/** A place in a body. Kept and used again, because all rows of a file have the same ones. */
interface PathNode {
  readonly path: string;
  /** What is hashed before a value, so that the digest is of this place and keyed. */
  readonly prefix: string;
  readonly below: Map<string, PathNode>;
  readonly isCard: boolean;
  /** A text that was here in a former draft, and its digest: many columns have the same one in every row. */
  text: string | undefined;
  digest: string;
}

const placeOf = (path: string, fieldKey: string): PathNode => ({
  path,
  prefix: `${fieldKey}${path}=`,
  below: new Map(),
  isCard: path.endsWith(`.${cardObject}`),
  text: undefined,
  digest: '',
});

/** Metadata may bring any names; beyond this many places, new ones are not kept. */
const maxPlaces = 10_000;
/** The longest text that is kept. */
const mostKept = 128;

const createPathTree = (fieldKey: string) => {
  let count = 0;
  const root = placeOf('', fieldKey);
  return {
    root,
    below(place: PathNode, key: string): PathNode {
      const known = place.below.get(key);
      if (known !== undefined) return known;
      // a line break would end the path in the list of paths
      const name = key.includes('\n') ? JSON.stringify(key) : key;
      const made = placeOf(place.path === '' ? name : `${place.path}.${name}`, fieldKey);
      count += 1;
      if (count <= maxPlaces) place.below.set(key, made);
      return made;
    },
  };
};

/** Takes each leaf with its place, in the canonical order of the members. */
const walk = (
  places: ReturnType<typeof createPathTree>,
  value: Json,
  place: PathNode,
  take: (place: PathNode, value: Json) => void,
): void => {
  const { isCard } = place;
  if (!isCard && Array.isArray(value) && value.length > 0) {
    for (let index = 0; index < value.length; index += 1) walk(places, value[index] as Json, places.below(place, String(index)), take);
    return;
  }
  if (isCard || !isObject(value)) {
    take(place, value);
    return;
  }
  const keys = orderedKeys(value);
  if (keys.length === 0) take(place, value);
  for (const key of keys) walk(places, value[key] as Json, places.below(place, key), take);
};

const derive = (ledgerKey: Buffer, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', ledgerKey, '', `disburse:v1:${purpose}`, keyBytes));

/** @param ledgerKey the 32 bytes of the ledger's key, which never changes for a ledger */
export const createFingerprints = (ledgerKey: Buffer): Fingerprints => {
  const keyedHash = createKeyedHash(derive(ledgerKey, 'fingerprint'));
  // Hashing key and text together is a sound keyed hash here, at a fifth of an HMAC's cost: the key has a fixed length, and
  // only 8 of the 32 bytes are kept, so that no digest can be extended.
  const fieldKey = derive(ledgerKey, 'fields').toString('hex');
  const digestOf = (place: PathNode, value: Json, hasCardNumber: boolean): string => {
    if (typeof value === 'string' && place.text === value) return place.digest;
    const digest = hash('sha256', place.prefix + canonicalJson(value), 'binary').slice(0, digestBytes);
    if (typeof value === 'string' && !hasCardNumber && value.length <= mostKept) {
      place.text = value;
      place.digest = digest;
    }
    return digest;
  };
  const places = createPathTree(fieldKey);
  // The places of the former draft and their list: most drafts have the same ones.
  const found: PathNode[] = [];
  let paths: string | undefined;
  return {
    fingerprint: (draft) => keyedHash(['{"body":', canonicalJson(whole(draft)), `,"kind":"${draft.kind}"}`], 'base64url'),
    fields: (draft) => {
      let count = 0;
      let digests = '';
      walk(places, whole(draft), places.root, (place, value) => {
        if (found[count] !== place) {
          found.length = count;
          found.push(place);
          paths = undefined;
        }
        count += 1;
        digests += digestOf(place, value, draft.hasCardNumber);
      });
      if (found.length !== count) {
        found.length = count;
        paths = undefined;
      }
      paths ??= found.map((place) => place.path).join('\n');
      return { paths, digests: Buffer.from(digests, 'latin1') };
    },
  };
};

const byPath = ({ paths, digests }: FieldDigests): ReadonlyMap<string, string> => {
  const bytes = Buffer.from(digests);
  return new Map(
    paths === ''
      ? []
      : paths.split('\n').map((path, index) => [path, bytes.toString('hex', index * digestBytes, (index + 1) * digestBytes)] as const),
  );
};

/**
 * The paths that one of two instructions has and the other has not, or has otherwise; sorted.
 * Both must have been made under the same ledger key.
 */
export const differingFields = (a: FieldDigests, b: FieldDigests): string[] => {
  const known = byPath(a);
  const other = byPath(b);
  return [...new Set([...known.keys(), ...other.keys()])].filter((path) => known.get(path) !== other.get(path)).sort();
};
