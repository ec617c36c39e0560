/**
 * The chunks of a file that a ledger is moved in: sealed with AES-256-GCM under a key of the file's own, which is derived from
 * the ledger key, a salt and the id of the export. Number and end are authenticated with each chunk, so that a file that was
 * cut, changed, or put together from two is recognised.
 *
 * Layout of a chunk: length of what follows (4 bytes), ciphertext, tag (16 bytes). The nonce is the number of the chunk: no
 * two files have one key.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { sumTallies, type TallyRow } from '../../batches/record/tally.ts';
import { keyCheck } from './ledger-key.ts';
import type { MovedItem } from './moved-items.ts';

export const format = 'disburse-ledger';
export const version = 1;
export const tagBytes = 16;
export interface Head {
  readonly format: typeof format;
  readonly version: typeof version;
  readonly export_id: string;
  readonly salt: string;
  readonly key_check: string;
}

/** What a whole file says of itself. */
export interface MovedSummary {
  readonly exportId: string;
  /** Items by type. */
  readonly counts: Readonly<Record<string, number>>;
  readonly tallies: readonly TallyRow[];
}

interface Trailer {
  readonly counts: Readonly<Record<string, number>>;
  readonly tallies: readonly [status: string, currency: string, count: number, amount: string][];
  readonly mac: string;
}

interface Sealing {
  readonly key: Buffer;
  readonly head: Buffer;
}

export const sealingOf = (head: Buffer, { export_id: id, salt }: Head, ledgerKey: Buffer): Sealing => ({
  key: Buffer.from(hkdfSync('sha256', ledgerKey, Buffer.from(salt, 'base64'), `disburse:v1:export:${id}`, 64)),
  head,
});

const nonceOf = (number: number): Buffer => {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(number, 6, 6);
  return nonce;
};

/** What is authenticated beside the content: the head, the number, and whether it is the last. */
const contextOf = ({ head }: Sealing, number: number, isLast: boolean): Buffer =>
  Buffer.concat([head, nonceOf(number), Buffer.from([isLast ? 1 : 0])]);

export function closeChunk(sealing: Sealing, number: number, isLast: boolean, content: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', sealing.key.subarray(0, 32), nonceOf(number));
  cipher.setAAD(contextOf(sealing, number, isLast));
  const sealed = Buffer.concat([cipher.update(content), cipher.final(), cipher.getAuthTag()]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(sealed.length);
  return Buffer.concat([length, sealed]);
}

/** @returns undefined when it is not as it was written */
export function openChunk(sealing: Sealing, number: number, isLast: boolean, sealed: Buffer): Buffer | undefined {
  const decipher = createDecipheriv('aes-256-gcm', sealing.key.subarray(0, 32), nonceOf(number), { authTagLength: tagBytes });
  decipher.setAAD(contextOf(sealing, number, isLast));
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, sealed.length - tagBytes)), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** Counts what goes through, on both sides. */
export function createCounts(sealing: Sealing) {
  const counts: Record<string, number> = {};
  const mac = createHmac('sha256', sealing.key.subarray(32));
  let tallies: readonly TallyRow[] = [];
  return {
    note(item: MovedItem, line: string): void {
      counts[item.type] = (counts[item.type] ?? 0) + 1;
      if (item.type === 'tallies') tallies = sumTallies([...tallies, ...item.rows]);
      mac.update(line).update('\n');
    },
    trailer: (): Trailer => ({
      counts,
      tallies: tallies.map(({ status, currency, count, amountMinor }) => [status, currency, count, String(amountMinor)]),
      mac: mac.digest('base64'),
    }),
    tallies: () => tallies,
  };
}

export function headFor(exportId: string, salt: Buffer, ledgerKey: Buffer): { readonly head: Buffer; readonly said: Head } {
  const said: Head = { format, version, export_id: exportId, salt: salt.toString('base64'), key_check: keyCheck(ledgerKey) };
  return { head: Buffer.from(`${JSON.stringify(said)}\n`), said };
}
