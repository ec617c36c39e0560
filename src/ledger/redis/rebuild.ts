/**
 * Starts and ends a rebuild: a ledger that has lost data is recreated from results and instructions. In between it is in
 * state `rebuilding`, which no instance pays from.
 */
import type { SharedLedger } from '../../../batches/ports/ledger.ts';
import type { Pause } from '../../../batches/record/pause.ts';
import { scanKeys, sendByKey } from '../../redis/by-key.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import type { Binding } from '../errors.ts';
import { placeText } from './errors.ts';
import { boundFields, checkBound, createShard, generationsTakenIn, readMark, readShards, setState, type Shard } from './bootstrap.ts';
import type { KeyNames } from './key-names.ts';
import type { ShardCount } from './sharding.ts';

const scanCount = 1_000;

/**
 * Replaces the ledger by an empty one. A process that works on the former one gets a `LedgerDataLossError` from its next
 * call on, before the first record is removed. What is paused stays so, as far as it is still known. May be called again
 * after an interruption.
 *
 * @param params.ids makes ids that were never made before
 * @throws LedgerBindingError | LedgerKeyError when the prefix holds a ledger of another account: it is left alone
 */
export async function beginRebuild(params: {
  readonly connection: RedisConnection;
  readonly prefix: string;
  readonly binding: Binding;
  readonly ledgerKey: Buffer;
  readonly ids: () => string;
  /** Where nothing is left of the former ledger; else it has as many as before. */
  readonly shardCount?: ShardCount | undefined;
}): Promise<void> {
  const { connection, prefix, binding, ledgerKey, ids, shardCount } = params;
  const { address } = connection;
  const { names, found } = await readShards(connection, prefix, shardCount);
  checkBound({ place: { address, prefix }, binding, ledgerKey }, found);

  const former = found.map((shard) => shard['generation']).filter((generation) => generation !== undefined);
  const takenIn = [...new Set([...generationsTakenIn(found), ...former])].join(' ');
  const generation = ids();
  const gates = newestGates(found);
  for (const shard of names.shards) {
    const fields = [...boundFields(binding, ledgerKey, names), 'taken_in', takenIn, ...(gates === undefined ? [] : ['gates', gates])];
    await createShard(connection, names, shard, [generation, String(shard), 'rebuilding', 'over', ...fields]);
  }

  await removeAllBut(connection, names, new Set([...names.shards.map(names.meta), ...names.shards.map(names.pauses)]));
}

/** What must hold before money moves stays, as far as it is still known. */
const newestGates = (found: readonly Shard[]): string | undefined => {
  const known = found.map(({ gates }) => gates).filter((text) => text !== undefined);
  return known.toSorted((one, other) => Number.parseInt(other, 10) - Number.parseInt(one, 10))[0];
};

export async function removeAllBut(connection: RedisConnection, names: KeyNames, kept: ReadonlySet<string>): Promise<void> {
  for await (const keys of scanKeys(connection, names.pattern, scanCount)) {
    const removed = keys.filter((key) => !kept.has(key));
    await sendByKey(
      connection,
      removed.map((key) => ({ key, command: ['unlink', key] })),
    );
  }
}

/**
 * Pauses everything in a ledger that is being rebuilt, and each batch that was paused or cancelled before, in every shard.
 *
 * @param pause of everything, unless a person had paused that
 */
export async function pauseRebuilt(ledger: Pick<SharedLedger, 'pauses' | 'setPause'>, pause: Pause): Promise<void> {
  for (const { batchId, ...kept } of await ledger.pauses()) await ledger.setPause({ batchId, pause: kept });
  await ledger.setPause({ batchId: null, pause });
}

/**
 * Ends a rebuild: from now on the ledger may be paid from. Idempotent.
 *
 * @param params.marksSeen the `ledger_mark`s of all results that were read; what was published under their generations is in
 *   the ledger now
 */
export async function finishRebuild(params: {
  readonly connection: RedisConnection;
  readonly prefix: string;
  readonly marksSeen: readonly string[];
}): Promise<void> {
  const { connection, prefix, marksSeen } = params;
  const { address } = connection;
  const { names, found } = await readShards(connection, prefix);
  const generation = found[0]?.['generation'];
  const interrupted = (): TypeError => new TypeError(`${placeText({ address, prefix })} is not being rebuilt`);
  if (generation === undefined || found.some((shard) => shard['generation'] !== generation || shard['state'] === 'founding'))
    throw interrupted();
  const read = marksSeen.map((mark) => readMark(mark).generation).filter((its) => its !== generation);
  const takenIn = [...new Set([...generationsTakenIn(found), ...read])].join(' ');
  for (const shard of names.shards) {
    if (!(await setState(connection, names, shard, generation, 'live', takenIn))) throw interrupted();
  }
}
