/** What the operations of the Redis ledger share. */
import type { KeyDerivation } from '../../../batches/record/idempotency-key.ts';
import type { Seal } from '../seal.ts';
import type { ScriptClient } from './script-client.ts';
import type { LedgerPlace } from './errors.ts';
import { templateNumberOf, readTemplate, readRecord, type RecordTemplate, type StoredRecord } from './record-codec.ts';
import type { KeyNames } from './key-names.ts';
import type { StringTable } from './string-table.ts';
import type { Outbox } from './outbox.ts';

export interface LedgerContext {
  readonly calls: ScriptClient;
  readonly names: KeyNames;
  readonly texts: StringTable;
  readonly outbox: Outbox;
  readonly keys: KeyDerivation;
  readonly seal: Seal;
  readonly place: LedgerPlace;
  /** Never the same twice, in any instance: what a call is known by when it is made again. */
  nextToken(): string;
  /** @throws TypeError when the batch was never opened */
  requireBatch(batchId: string): Promise<void>;
  readRecord(shard: number, recordId: string, text: string): Promise<StoredRecord>;
}

const frameLimit = 4_096;

/** Reads records, with the frames that many of them share. */
export function createRecordReader(texts: StringTable, keys: KeyDerivation): LedgerContext['readRecord'] {
  const frames = new Map<string, RecordTemplate>();
  return async (shard, recordId, text) => {
    const frameText = await texts.textOf(shard, templateNumberOf(text));
    let frame = frames.get(frameText);
    if (frame === undefined) {
      if (frames.size >= frameLimit) frames.clear();
      frame = readTemplate(frameText);
      frames.set(frameText, frame);
    }
    return readRecord(text, recordId, frame, keys);
  };
}
