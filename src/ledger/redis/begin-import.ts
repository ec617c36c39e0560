/** Starts and ends an import into Redis. In between the ledger is in state `importing`, which no instance pays from. */
import { sendByKey, timesOf } from '../../redis/by-key.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import { LedgerIncompleteError, LedgerMissingError, type Binding } from '../errors.ts';
import { boundFields, checkBound, createShard, generationsTakenIn, readMark, readShards, setState, type Shard } from './bootstrap.ts';
import { placeText, type LedgerPlace } from './errors.ts';
import type { KeyNames } from './key-names.ts';
import { removeAllBut } from './rebuild.ts';
import type { ShardCount } from './sharding.ts';

interface ImportParams {
  readonly connection: RedisConnection;
  readonly prefix: string;
}

export interface BeginImport extends ImportParams {
  readonly binding: Binding;
  readonly ledgerKey: Buffer;
  /** Of a new ledger. */
  readonly shardCount?: ShardCount | undefined;
  /** Makes ids that were never made before. */
  readonly ids: () => string;
  /** False: where there is no ledger, none is made. */
  readonly mayCreate: boolean;
  /** Generations of the shared ledgers that the imported one came from. */
  readonly lineage: readonly string[];
  /** The newest time of the imported ledger, and the time until which none of its sends is resent; milliseconds since the epoch. */
  readonly newest: number;
  readonly barrier: number;
  /** `ledger_mark`s of published results. */
  readonly marksSeen: readonly string[];
}

/**
 * Makes an empty ledger, or empties one whose import did not end.
 *
 * @returns its generation
 * @throws LedgerIncompleteError where there is a ledger with something in it; also where results of another one
 *   were published
 */
export async function beginImport(params: BeginImport): Promise<string> {
  const { connection, prefix, binding, ledgerKey, ids, lineage, newest } = params;
  const { address } = connection;
  const place = { address, prefix };
  const { names, found } = await readShards(connection, prefix, params.shardCount);
  checkBound({ place, binding, ledgerKey }, found);
  await checkEmpty(params, place, names, found);
  const former = found.map((shard) => shard['generation']).filter((generation) => generation !== undefined);
  const takenIn = new Set([...lineage, ...generationsTakenIn(found), ...former]);
  checkMarks(params, place, takenIn);

  const generation = ids();
  const behindMs = newest - Math.min(...(await timesOf(connection)));
  // As every script does it when it finds its clock behind what is written: how long it really was is not known then.
  const offset = behindMs > 0 ? ['offset', behindMs.toFixed(3)] : [];
  const barrier = Math.max(params.barrier, behindMs > clockToleranceMs ? newest : 0);
  const times = [...offset, ...(barrier > 0 ? ['barrier', barrier.toFixed(3)] : [])];
  for (const shard of names.shards) {
    const fields = [...boundFields(binding, ledgerKey, names), 'taken_in', [...takenIn].join(' '), ...times];
    await createShard(connection, names, shard, [generation, String(shard), 'importing', 'over', ...fields]);
  }
  await removeAllBut(connection, names, new Set(names.shards.map(names.meta)));
  return generation;
}

/** As in `begin.lua`. */
const clockToleranceMs = 2_000;

async function checkEmpty(
  { connection, mayCreate }: BeginImport,
  place: LedgerPlace,
  names: KeyNames,
  found: readonly Shard[],
): Promise<void> {
  if (found.every((shard) => shard['generation'] === undefined)) {
    if (mayCreate) return;
    throw new LedgerMissingError(
      `${placeText(place)} is empty. Allow a new ledger there with --new-ledger, or correct REDIS_URL and REDIS_PREFIX.`,
    );
  }
  const isStarted = found.every(({ generation, state }) => generation === undefined || state === 'importing');
  const lists = names.shards.map(names.batches);
  const counts = await sendByKey(
    connection,
    lists.map((key) => ({ key, command: ['zcard', key] })),
  );
  const isLive = found.every(({ state }) => state === 'live');
  if (isStarted || (isLive && counts.every((count) => count === 0))) return;
  throw new LedgerIncompleteError(
    `${placeText(place)} is not empty: a ledger is only imported into an empty one, and what is there stays as it is. Name another REDIS_PREFIX.`,
  );
}

function checkMarks({ marksSeen }: BeginImport, place: LedgerPlace, takenIn: ReadonlySet<string>): void {
  if (marksSeen.every((mark) => takenIn.has(readMark(mark).generation))) return;
  throw new LedgerIncompleteError(
    `${placeText(place)} cannot take the import: the results topic holds results of another ledger, and what that one paid is not in the file. Nothing is imported. Name another KAFKA_TOPIC_PREFIX, or import the newest export of that ledger.`,
  );
}

/** From now on the ledger may be paid from. Idempotent. */
export async function finishImport({ connection, prefix }: ImportParams): Promise<void> {
  const { address } = connection;
  const { names, found } = await readShards(connection, prefix);
  const generation = found[0]?.['generation'] ?? '';
  const takenIn = [...generationsTakenIn(found)].join(' ');
  // The first shard is live last.
  for (const shard of names.shards.toReversed()) {
    if (!(await setState(connection, names, shard, generation, 'live', takenIn)))
      throw new TypeError(`${placeText({ address, prefix })} is not being imported`);
  }
}
