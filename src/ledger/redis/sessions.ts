/**
 * Which record a session of the gateway belongs to. A session is claimed in the shard of its id before the record
 * advances, because no script can write to two shards: a claim without a change is harmless, as it is the record's own.
 */
import { hash } from 'node:crypto';
import { hexOfSession, isPacked, isPackedSession, packSession } from '../../../batches/record/packed.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import type { KeyNames } from './key-names.ts';
import type { ScriptClient } from './script-client.ts';
import { scripts } from './scripts.ts';

export interface Sessions {
  /** Claims every session that the record names. @returns the first one that belongs to another record */
  claim(record: LedgerRecord): Promise<{ readonly sessionId: string; readonly takenBy: string } | undefined>;
}

/**
 * The packed claim of a session: a field of 8 bytes of the SHA-1 of its id, and before the record id two bytes more, or a mark
 * where only 8 are known. Both are in base64.
 */
export interface PackedClaim {
  readonly hex: string;
  readonly field: string;
  readonly rest: string;
}

const fieldDigits = 16;
export const unknownRest = '---';

export function packedClaim(sessionId: string): PackedClaim {
  const hex = hexOfSession(packSession(sessionId));
  const base64 = (digits: string): string => Buffer.from(digits, 'hex').toString('base64url');
  const rest = hex.slice(fieldDigits);
  return { hex, field: base64(hex.slice(0, fieldDigits)), rest: rest === '' ? unknownRest : base64(rest) };
}

/** Longer ids would not fit in the compact form: a packed claim names them by 12 bytes of their SHA-1, in base64 behind this mark. */
const mostOfId = 40;
const hashMark = '#';
const hashBytes = 12;

/** Of a short record id `''`. */
export const longIdHash = (recordId: string): string =>
  recordId.length <= mostOfId ? '' : `${hashMark}${hash('sha1', recordId, 'buffer').toString('base64url', 0, hashBytes)}`;

/** How the packed claims of a packed record name it. */
export const claimNameOf = (recordId: string): string => longIdHash(recordId) || recordId;

const isHolder = (holder: string, recordId: string): boolean => holder === recordId || holder === claimNameOf(recordId);

type Reads = { readonly calls: Pick<ScriptClient, 'read'>; readonly names: KeyNames };

/** The record id that has the session; undefined when it is free. */
export async function sessionHolder(reads: Reads, sessionId: string): Promise<string | undefined> {
  const { calls, names } = reads;
  const shard = names.shardOf(sessionId);
  const holder = await calls.read(shard, 'hget', names.sessions(shard, sessionId), sessionId);
  if (typeof holder === 'string') return holder;
  // A claim is packed once, and never unpacked.
  const { hex, field, rest } = packedClaim(sessionId);
  const packed = await Promise.all(names.packedSessions(shard, hex).map((bucket) => calls.read(shard, 'hget', bucket, field)));
  const claim = packed.find((found) => typeof found === 'string');
  if (claim === undefined || ![rest, unknownRest].includes(claim.slice(0, rest.length))) return undefined;
  return recordIdOf(reads, claim.slice(rest.length));
}

/** The record id that a packed claim means. */
export async function recordIdOf({ calls, names }: Reads, holder: string): Promise<string> {
  if (!holder.startsWith(hashMark)) return holder;
  const hex = Buffer.from(holder.slice(hashMark.length), 'base64url').toString('hex');
  const shard = names.shardOfHex(hex);
  const unpacked = calls.read(shard, 'hget', names.longIds(shard), holder);
  const lists = await Promise.all(names.packedByHash(shard, hex).map((bucket) => calls.read(shard, 'hkeys', bucket)));
  const packed = (lists as string[][]).flat().find((recordId) => longIdHash(recordId) === holder);
  return ((await unpacked) as string | null) ?? packed ?? holder;
}

/**
 * Packs the claim of a session.
 *
 * @param sessionId the id, or what is known of it
 * @param holder.name how the claim names the record: its id, or `claimNameOf` of one that is packed right behind
 */
export async function packClaim(
  { calls, names }: { readonly calls: Pick<ScriptClient, 'run'>; readonly names: KeyNames },
  sessionId: string,
  { recordId, name = recordId }: { readonly recordId: string; readonly name?: string },
): Promise<void> {
  const { hex, field, rest } = packedClaim(sessionId);
  const shard = names.shardOfHex(hex);
  const keys = [names.sessions(shard, sessionId), ...names.packedSessions(shard, hex)];
  await calls.run(shard, scripts.packSession, keys, [isPackedSession(sessionId) ? '' : sessionId, recordId, field, rest, name]);
}

/** Claims known to this instance; a claim never changes, so that the others are simply asked for again. */
const knownLimit = 20_000;

export function createSessions({ calls, names }: { readonly calls: ScriptClient; readonly names: KeyNames }): Sessions {
  const known = new Map<string, string>();

  const holderOf = async (sessionId: string, recordId: string): Promise<string> => {
    const claimed = known.get(sessionId);
    if (claimed !== undefined) return claimed;
    const shard = names.shardOf(sessionId);
    const { hex, field, rest } = packedClaim(sessionId);
    const { answer, values } = await calls.run(
      shard,
      scripts.claimSession,
      [names.sessions(shard, sessionId), ...names.packedSessions(shard, hex)],
      [sessionId, recordId, field, rest],
    );
    const holder = answer === 'written' ? recordId : (values[0] ?? '');
    if (known.size >= knownLimit) known.clear();
    known.set(sessionId, holder);
    return holder;
  };

  return {
    async claim(record) {
      const { recordId, sessionId, confirmSession, cancelSession } = record;
      for (const named of [sessionId, confirmSession, cancelSession]) {
        // What a packed record names by its hash was claimed before.
        if (named === null || (isPacked(record) && isPackedSession(named))) continue;
        const takenBy = await holderOf(named, recordId);
        if (!isHolder(takenBy, recordId)) return { sessionId: named, takenBy: await recordIdOf({ calls, names }, takenBy) };
      }
      return undefined;
    },
  };
}
