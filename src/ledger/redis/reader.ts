/** Reads the ledger in Redis without its key and its binding: for `status`, also while instances pay from it. */
import type { Ledger } from '../../../batches/ports/ledger.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import { LedgerMissingError } from '../errors.ts';
import { createBatchReads } from './batch-reads.ts';
import { createScriptClient } from './script-client.ts';
import { placeText } from './errors.ts';
import { readShards } from './bootstrap.ts';
import { createKeyNames } from './key-names.ts';

export type RedisLedgerReader = Pick<Ledger, 'batch' | 'batches' | 'tallies' | 'close'>;

/** @throws LedgerMissingError when there is none under this prefix */
export async function openRedisReader({
  connection,
  prefix,
}: {
  readonly connection: RedisConnection;
  readonly prefix: string;
}): Promise<RedisLedgerReader> {
  const names = createKeyNames(prefix);
  const place = { address: connection.address, prefix };
  const found = await readShards(connection.client, names);
  const generation = found[0]?.['generation'];
  if (generation === undefined) {
    throw new LedgerMissingError(
      `${placeText(place)} is empty: nothing was paid from there yet. Are REDIS_URL and REDIS_PREFIX the ones that were used?`,
    );
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
  const { batch, batches, tallies } = createBatchReads(calls, names);
  return { batch, batches, tallies, close: calls.close };
}
