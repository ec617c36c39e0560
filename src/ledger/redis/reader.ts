/** Reads the ledger in Redis without its key and its binding: for `status`, also while instances pay from it. */
import { createKeyDerivation } from '../../../batches/record/idempotency-key.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import { LedgerMissingError, LedgerReadError } from '../errors.ts';
import type { ReadLedger } from '../looks.ts';
import type { LedgerState } from '../may-pay.ts';
import { createBatchReads } from './batch-reads.ts';
import { createScriptClient } from './script-client.ts';
import { placeText } from './errors.ts';
import { checkSchema, moveStateOf, readShards } from './bootstrap.ts';
import { createRecordReader } from './context.ts';
import { createLooks } from './looks.ts';
import { overview } from './overview.ts';
import { readGates, readTerms } from './gates.ts';
import { readPauses } from './pauses.ts';
import { createAlertedList, createRecordList } from './record-list.ts';
import { createRecount } from './recount.ts';
import { readStored } from './stored-record.ts';
import { readTrail } from './read-trail.ts';
import { createStringTable } from './string-table.ts';

export type RedisLedgerReader = ReadLedger & { close(): Promise<void> };

/** @throws LedgerMissingError when there is none under this prefix; LedgerSchemaError | LedgerReadError when it cannot be read now */
export async function openRedisReader({
  connection,
  prefix,
}: {
  readonly connection: RedisConnection;
  readonly prefix: string;
}): Promise<RedisLedgerReader & { readonly moveState: LedgerState }> {
  const place = { address: connection.address, prefix };
  const { names, found } = await readShards(connection, prefix);
  const generation = found[0]?.['generation'];
  if (generation === undefined) {
    throw new LedgerMissingError(
      `${placeText(place)} is empty: nothing has been paid from it. Check that REDIS_URL and REDIS_PREFIX are correct.`,
    );
  }
  for (const shard of found) {
    checkSchema(place, shard);
    if (shard['state'] === 'migrating')
      throw new LedgerReadError(`${placeText(place)} is being migrated by a newer start of disburse. Run again when it has ended.`);
  }
  const calls = createScriptClient({
    connection,
    place,
    names,
    generation,
    writer: '',
    counters: found.map(() => 0),
    onBroken: () => undefined,
  });
  const { batch, batches, tallies, ids } = createBatchReads(calls, names);
  const readRecord = createRecordReader(createStringTable(calls, names, place), createKeyDerivation(found[0]?.['project'] ?? ''));
  return {
    batch,
    batches,
    tallies,
    record: async (recordId) => (await readStored({ calls, names, readRecord }, names.shardOf(recordId), recordId))?.record,
    records: createRecordList({ calls, names, readRecord, batchIds: ids }),
    ...createLooks({ calls, names, readRecord, batchIds: ids, tallies }),
    overview: () => overview({ calls, names }),
    keyCheck: () => Promise.resolve(found[0]?.['key_check'] ?? ''),
    trail: (recordId) => readTrail({ calls, names, readRecord }, recordId),
    alerted: createAlertedList({ calls, names, readRecord }),
    pauses: () => readPauses({ calls, names }),
    gates: () => readGates({ calls, names }),
    terms: (batchId) => readTerms({ calls, names }, batchId),
    recount: createRecount({ calls, names, readRecord, batches: { ids, tallies } }),
    moveState: moveStateOf(found),
    close: calls.close,
  };
}
