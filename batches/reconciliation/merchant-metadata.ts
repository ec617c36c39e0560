/** What `paymentSessionMerchantMetadata` says: whole metadata proves whose a row is, cut metadata only hints at it. */
import { hasRecordIdGrammar } from '../fields/identifiers.ts';
import { depthOf } from '../fields/json-depth.ts';
import { DuplicateMemberError, parseStrictJson } from '../fields/strict-json.ts';
import { maxSessionDepth, toMap, toText } from '../gateway/session.ts';

/**
 * - `whole`: JSON with a record id; `metadata` is its value
 * - `cut`: the beginning of a record id, or all of it (`isWholeId`), in a text that is no whole JSON
 * - `ambiguous`: JSON with a member twice, so that two readers can see two things in it, or nested deeper than any of ours
 * - `none`: nothing of our form
 */
export type MerchantMetadata =
  | {
      readonly type: 'whole';
      readonly metadata: unknown;
      readonly recordId: string;
      /** Null when it is absent or no attempt. */
      readonly attempt: number | null;
      readonly idempotencyKey: string | null;
    }
  | { readonly type: 'cut'; readonly idPrefix: string; readonly isWholeId: boolean }
  | { readonly type: 'ambiguous' }
  | { readonly type: 'none' };

const none: MerchantMetadata = { type: 'none' };

export function readMerchantMetadata(raw: string): MerchantMetadata {
  const text = raw.trim();
  if (text === '') return none;
  // As of every session: what is read of it is read with recursion.
  if (depthOf(text) > maxSessionDepth) return { type: 'ambiguous' };
  try {
    return wholeMetadata(parseStrictJson(text), text);
  } catch (error) {
    if (error instanceof DuplicateMemberError) return { type: 'ambiguous' };
    if (!(error instanceof SyntaxError)) throw error;
    return cutMetadata(text);
  }
}

function wholeMetadata(metadata: unknown, text: string): MerchantMetadata {
  // A text or a number is the whole metadata of somebody else, or the cut form of ours.
  if (typeof metadata === 'string') return plainText(metadata);
  const map = toMap(metadata);
  if (map === undefined) return plainText(text);
  const recordId = toText(map['record_id']);
  if (recordId === undefined) return none;
  const shown = map['attempt'];
  // A number that is no plain integer is read as its literal, which is an object.
  const attempt = typeof shown === 'number' || typeof shown === 'string' ? Number(shown) : Number.NaN;
  return {
    type: 'whole',
    metadata,
    recordId,
    attempt: Number.isSafeInteger(attempt) && attempt >= 1 ? attempt : null,
    idempotencyKey: toText(map['idempotency_key']) ?? null,
  };
}

/** At the top: a record id in a member of the caller is not ours. */
const recordIdMember = /^\{(?:[^{}[\]]*,)?\s*"record_id"\s*:\s*"(?<id>[A-Za-z0-9._:-]+)(?<end>"?)/;

function cutMetadata(text: string): MerchantMetadata {
  const member = recordIdMember.exec(text)?.groups;
  if (member?.['id'] === undefined) return plainText(text);
  return { type: 'cut', idPrefix: member['id'], isWholeId: member['end'] === '"' };
}

/** The grammar of record ids has no brace and no quote, so that the beginning of JSON is none. */
const plainText = (text: string): MerchantMetadata => (hasRecordIdGrammar(text) ? { type: 'cut', idPrefix: text, isWholeId: false } : none);

/** Whether cut metadata may be the beginning of this record's. */
export const mayBe = (cut: Extract<MerchantMetadata, { type: 'cut' }>, recordId: string): boolean =>
  cut.isWholeId ? recordId === cut.idPrefix : recordId.startsWith(cut.idPrefix);
