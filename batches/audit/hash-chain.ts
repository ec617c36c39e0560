/**
 * The hash chain of a record's audit trail: HMAC-SHA-256 under a key derived from the ledger key, over the record id, the
 * whole hash of the entry before, and the text of this one. Of the 32 bytes, 16 are published and kept with the entry; the
 * other 16 are kept only in the head, and are needed to append.
 */
import { hkdfSync } from 'node:crypto';
import {
  publishedHash,
  readAuditEntry,
  type AuditDetail,
  type AuditEntry,
  type AuditHead,
  type AuditNote,
  type AuditStep,
} from './audit-entry.ts';
import { createKeyedHash } from './keyed-hash.ts';

/** A head that a result event of the record published. */
export interface PublishedHead {
  readonly number: number;
  /** 32 hex digits. */
  readonly hash: string;
}

/**
 * @property from the first entry that the ledger still has: the trail is verified from it on
 * @property number the first entry that is not as it was written
 */
export type TrailVerification =
  { readonly type: 'whole'; readonly from: number } | { readonly type: 'broken'; readonly number: number; readonly problem: string };

export interface AuditChain {
  /** @param at milliseconds since the epoch */
  append(head: AuditHead | null, recordId: string, note: AuditNote, at: number): AuditStep;
  /**
   * Begins again behind what is known only from results.
   *
   * @param published the newest head that a result shows; null when none does
   */
  restore(published: PublishedHead | null, recordId: string, at: number): AuditStep;
  /** Takes the place of all entries so far, whose details are purged. */
  retain(head: AuditHead, recordId: string, at: number): AuditStep;
  /** The same for a record that is packed: the entry follows from what is kept of it, and 16 bytes of its hash are its whole head. */
  pack(params: PackedStub & { readonly recordId: string }): AuditStep;
  verify(recordId: string, trail: Trail): TrailVerification;
}

export interface Trail {
  /** In their order. */
  readonly entries: readonly AuditEntry[];
  /** Null for a record of a version that kept no trail. */
  readonly head: AuditHead | null;
  readonly published: readonly PublishedHead[];
}

/** The half of a hash that results do not show. */
const unknownHalf = '0'.repeat(32);

/**
 * @property dropped how many entries the trail had
 * @property kept what is known of the record from then on
 */
export interface PackedStub {
  readonly dropped: number;
  readonly at: number;
  readonly kept: AuditDetail;
}

/** The only entry of the trail of a packed record, made again without the ledger key. @param hash 32 hex digits */
export const packedEntry = ({ dropped, at, kept }: PackedStub, hash: string): AuditEntry => {
  const number = dropped + 1;
  return { number, text: JSON.stringify({ number, at, event: 'retention', detail: { dropped, ...kept } }), hash };
};

export const packedHead = (number: number, hash: string): AuditHead => ({ number, chain: hash + unknownHalf });

/** @param ledgerKey the 32 bytes of the ledger's key */
export function createAuditChain(ledgerKey: Buffer): AuditChain {
  const keyedHash = createKeyedHash(Buffer.from(hkdfSync('sha256', ledgerKey, '', 'disburse:v1:audit', 32)));
  const chainOf = (before: string, recordId: string, text: string): string => keyedHash([before, '\n', recordId, '\n', text], 'hex');

  function entryOf(before: AuditHead | null, recordId: string, { event, by, detail }: AuditNote, at: number): AuditStep {
    const number = (before?.number ?? 0) + 1;
    const text = JSON.stringify({ number, at: Math.round(at), event, by, detail });
    const head = { number, chain: chainOf(before?.chain ?? '', recordId, text) };
    return { head, entries: [{ number, text, hash: publishedHash(head) }] };
  }

  function restore(published: PublishedHead | null, recordId: string, at: number): AuditStep {
    const before = published === null ? null : { number: published.number, chain: published.hash + unknownHalf };
    const detail = { after: published?.number ?? 0, head: published?.hash ?? '' };
    return entryOf(before, recordId, { event: 'restored', detail }, at);
  }

  return {
    append(head, recordId, note, at) {
      if (head !== null || note.event === 'admitted') return entryOf(head, recordId, note, at);
      // A record of a version that kept no trail: what was before is not known.
      const restored = restore(null, recordId, at);
      const step = entryOf(restored.head, recordId, note, at);
      return { head: step.head, entries: [...restored.entries, ...step.entries] };
    },
    restore,
    retain: (head, recordId, at) => entryOf(head, recordId, { event: 'retention', detail: { dropped: head.number, base: head.chain } }, at),
    pack({ recordId, ...stub }) {
      const { number, text } = packedEntry(stub, '');
      const hash = chainOf('', recordId, text).slice(0, unknownHalf.length);
      return { head: packedHead(number, hash), entries: [{ number, text, hash }] };
    },
    verify: (recordId, trail) => verifyTrail(recordId, trail, chainOf),
  };
}

/** What the first kept entry is chained on; undefined when entries before it are missing. */
function baseOf({ text }: AuditEntry): AuditHead | null | undefined {
  const entry = readAuditEntry(text);
  if (entry === undefined) return undefined;
  const { number, event, detail } = entry;
  if (event === 'restored') {
    const after = Number(detail['after']);
    return after === 0 ? null : { number: after, chain: String(detail['head']) + unknownHalf };
  }
  // That of a packed record is chained on nothing.
  if (event === 'retention') return { number: Number(detail['dropped']), chain: isPackedStub(detail) ? '' : String(detail['base']) };
  return number === 1 ? null : undefined;
}

const isPackedStub = (detail: AuditDetail): boolean => detail['base'] === undefined;

function verifyTrail(
  recordId: string,
  { entries, head, published }: Trail,
  chainOf: (before: string, recordId: string, text: string) => string,
): TrailVerification {
  const broken = (number: number, problem: string): TrailVerification => ({ type: 'broken', number, problem });
  const [first] = entries;
  if (first === undefined) {
    if (head === null && published.length === 0) return { type: 'whole', from: 1 };
    return broken(head?.number ?? published[0]?.number ?? 1, 'is missing: the ledger has no entry of this record');
  }
  const base = baseOf(first);
  if (base === undefined) return broken(first.number - 1, 'is missing');
  const hashes = new Map<number, string>();
  let before = base;
  for (const { number, text, hash } of entries) {
    const expected = (before?.number ?? 0) + 1;
    const read = readAuditEntry(text);
    if (number !== expected) return broken(expected, 'is missing');
    const chain = chainOf(before?.chain ?? '', recordId, text);
    if (read?.number !== number || chain.slice(0, 32) !== hash) return broken(number, 'is not as it was written');
    before = read.event === 'retention' && isPackedStub(read.detail) ? packedHead(number, hash) : { number, chain };
    hashes.set(number, hash);
  }
  const last = before?.number ?? 0;
  if (head === null || head.number > last) return broken(last + 1, 'is missing: the end of the trail was cut');
  if (head.number !== last || head.chain !== before?.chain) return broken(last, 'is not the one that the record ends with');
  for (const { number, hash } of published) {
    if (number > last) return broken(number, 'is missing: a result event published it');
    if (number >= first.number && hashes.get(number) !== hash) return broken(number, 'differs from what a result event published');
  }
  return { type: 'whole', from: first.number };
}
