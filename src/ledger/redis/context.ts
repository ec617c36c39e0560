/** What the operations of the Redis ledger share. */
import type { AuditChain } from '../../../batches/audit/hash-chain.ts';
import type { KeyDerivation } from '../../../batches/record/idempotency-key.ts';
import type { Seal } from '../seal.ts';
import type { ScriptClient } from './script-client.ts';
import type { LedgerPlace } from './errors.ts';
import { templateNumberOf, readTemplate, readRecord, type RecordTemplate, type StoredRecord } from './record-codec.ts';
import type { KeyNames } from './key-names.ts';
import { templateOfPacked, unpackRecord } from './packed-record.ts';
import type { StringTable } from './string-table.ts';
import type { Outbox } from './outbox.ts';
import type { RedisHealth } from './health.ts';
import type { PlaceClaims } from './places.ts';
import type { Sessions } from './sessions.ts';

export interface LedgerContext {
  readonly calls: ScriptClient;
  readonly names: KeyNames;
  readonly strings: StringTable;
  readonly outbox: Outbox;
  readonly sessions: Sessions;
  readonly places: PlaceClaims;
  readonly health: Pick<RedisHealth, 'untilThereIsMemory'>;
  readonly keys: KeyDerivation;
  readonly audit: AuditChain;
  readonly seal: Seal;
  readonly place: LedgerPlace;
  /** Unique over all instances: identifies a call that has to be made again. */
  nextToken(): string;
  /** @throws TypeError when the batch was never opened */
  requireBatch(batchId: string): Promise<void>;
  /** @param stored its text, or the bytes of a packed record */
  readRecord(shard: number, recordId: string, stored: string | Buffer): Promise<StoredRecord>;
}

const templateLimit = 4_096;

/** Reads records, with the templates that many of them share. */
export function createRecordReader(strings: StringTable, keys: KeyDerivation): LedgerContext['readRecord'] {
  const templates = new Map<string, RecordTemplate>();
  return async (shard, recordId, stored) => {
    const number = typeof stored === 'string' ? templateNumberOf(stored) : String(templateOfPacked(stored));
    const templateText = await strings.textOf(shard, number);
    let template = templates.get(templateText);
    if (template === undefined) {
      if (templates.size >= templateLimit) templates.clear();
      template = readTemplate(templateText);
      templates.set(templateText, template);
    }
    return typeof stored === 'string' ? readRecord(stored, recordId, template, keys) : unpackRecord(stored, recordId, template, keys);
  };
}
