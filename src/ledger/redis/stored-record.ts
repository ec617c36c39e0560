/** Where a record is: under a key of its own, or packed in a bucket with others. */
import type { LedgerContext } from './context.ts';
import type { ScriptClient } from './script-client.ts';
import type { KeyNames } from './key-names.ts';
import { encodeMutable, encodePermanent, statusCodeText, type StoredRecord } from './record-codec.ts';
import { codeOfPacked, templateOfPacked } from './packed-record.ts';
import { scripts } from './scripts.ts';
import { longIdHash } from './sessions.ts';
import { encodeEntry } from './trails.ts';

export interface RecordReads {
  readonly calls: Pick<ScriptClient, 'read' | 'readBytes'>;
  readonly names: KeyNames;
}

/** What a record is stored as: its text, or the bytes of a packed one. */
export type Stored = string | Buffer;

/** How a script answers a packed record. */
const packedMark = 'packed:';

/** What a script answers; undefined for none. */
export const storedOf = (reply: string): Stored | undefined =>
  reply.startsWith(packedMark) ? Buffer.from(reply.slice(packedMark.length), 'hex') : reply === '' ? undefined : reply;

export async function fetchRecord({ calls, names }: RecordReads, shard: number, recordId: string): Promise<Stored | undefined> {
  const key = names.record(shard, recordId);
  const text = await calls.read(shard, 'get', key);
  if (typeof text === 'string') return text;
  const packed = await Promise.all(names.packed(shard, recordId).map((bucket) => calls.readBytes(shard, 'hget', bucket, recordId)));
  const bytes = packed.find((found) => found !== null);
  if (bytes !== undefined && bytes !== null) return bytes;
  // It may have been unpacked between the two reads.
  const again = await calls.read(shard, 'get', key);
  return typeof again === 'string' ? again : undefined;
}

/** Longer than the first line of a record. */
const headBytes = '255';

/** Status and order of a record; of a packed one no order. Undefined for none. */
export async function headOfRecord(
  reads: RecordReads,
  shard: number,
  recordId: string,
): Promise<{ readonly code: string; readonly order: string } | undefined> {
  const head = await reads.calls.read(shard, 'getrange', reads.names.record(shard, recordId), '0', headBytes);
  const stored = head === '' ? await fetchRecord(reads, shard, recordId) : String(head);
  if (stored === undefined) return undefined;
  if (Buffer.isBuffer(stored)) return { code: String(codeOfPacked(stored)), order: '' };
  const [, code = '', , , , , , order = ''] = stored.split('\n', 1)[0]?.split(' ') ?? [];
  return { code, order };
}

/** The record as it is stored now. */
export async function readStored(
  reads: RecordReads & Pick<LedgerContext, 'readRecord'>,
  shard: number,
  recordId: string,
): Promise<StoredRecord | undefined> {
  const stored = await fetchRecord(reads, shard, recordId);
  return stored === undefined ? undefined : reads.readRecord(shard, recordId, stored);
}

/** Makes a packed record an ordinary one again, so that something can be written to it. @returns whether it was packed */
export async function unpack(context: LedgerContext, recordId: string): Promise<boolean> {
  const { calls, names, keys } = context;
  const shard = names.shardOf(recordId);
  const stored = await fetchRecord(context, shard, recordId);
  if (!Buffer.isBuffer(stored)) return stored !== undefined;
  const { record, trail = [] } = await context.readRecord(shard, recordId, stored);
  await calls.run(
    shard,
    scripts.unpackRecord,
    [
      names.record(shard, recordId),
      names.index(shard, record.batchId, record.status),
      names.trail(shard, recordId),
      names.ends(shard),
      ...names.packed(shard, recordId),
      names.longIds(shard),
    ],
    [
      recordId,
      stored,
      String(record.version),
      statusCodeText(record),
      String(record.sequence),
      record.hasCardNumber ? '1' : '0',
      String(record.amountMinor),
      record.currency,
      String(templateOfPacked(stored)),
      context.nextToken(),
      `${encodeMutable(record, keys)}\n${encodePermanent(record)}`,
      record.batchId,
      longIdHash(recordId),
      ...trail.map(encodeEntry),
    ],
  );
  return true;
}
