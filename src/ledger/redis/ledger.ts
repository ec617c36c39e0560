/**
 * The ledger of the distributed profile: Redis, shared by any number of instances.
 *
 * Each transition is one script on the keys of one shard, which checks everything before its first write. What two
 * instances decide on the same record at once, one of them writes.
 */
import { hash } from 'node:crypto';
import type { KeyDerivation } from '../../../batches/record/idempotency-key.ts';
import type { SharedLedger } from '../../../batches/ports/ledger.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import { LedgerError, LedgerReadError, type Binding } from '../errors.ts';
import { createSeal } from '../seal.ts';
import { eachOf } from '../each-of.ts';
import { CommandError } from '../../exit.ts';
import { admit } from './admission.ts';
import { advance } from './advance.ts';
import { createBatchStore } from './batches.ts';
import { createScriptClient } from './script-client.ts';
import { placeText, type LedgerDataLossError, type LedgerPlace } from './errors.ts';
import { openOrCreate } from './bootstrap.ts';
import { createKeyNames, shardOfPlace } from './key-names.ts';
import { createStringTable } from './string-table.ts';
import { createOutbox } from './outbox.ts';
import { createRecordReader, type LedgerContext } from './context.ts';
import { createQueries } from './queries.ts';
import { createRecordList } from './record-list.ts';
import { createRestore } from './restore.ts';
import { assertDurable } from './durability-check.ts';
import { scripts } from './scripts.ts';
import { purgeDetails } from './retention.ts';

export { beginRebuild, finishRebuild } from './rebuild.ts';

export interface RedisLedgerParams {
  /** Stays the caller's: closed by him, after the ledger. */
  readonly connection: RedisConnection;
  readonly prefix: string;
  readonly binding: Binding;
  /** 32 bytes. */
  readonly ledgerKey: Buffer;
  readonly keys: KeyDerivation;
  /** Makes ids that were never made before. */
  readonly ids: () => string;
  /** False: an empty Redis is an error. */
  readonly mayCreate: boolean;
  /** `ledger_mark`s of published results, such as the newest of each partition: the ledger must know as much. */
  readonly marksSeen: readonly string[];
  /** Results were published before: an empty Redis is then no beginning, but a loss. */
  readonly hasResults: boolean;
  /** `unsafe`: also a Redis that may forget what it acknowledged. */
  readonly allow: { readonly unsafe: boolean };
  readonly onWarning: (message: string) => void;
  /** Told once when Redis turns out to have lost something: every call rejects with this error from then on. */
  readonly onBroken?: (error: LedgerDataLossError) => void;
  /** Opens a ledger between `beginRebuild` and `finishRebuild`, and no other. */
  readonly rebuilding?: boolean;
}

export interface RedisLedger extends SharedLedger {
  /** Rejects when Redis turns out to have lost something; otherwise it stays open. */
  readonly broken: Promise<never>;
}

/**
 * While Redis is away, calls wait until it is back. They reject when the ledger is closed, and when Redis has lost
 * something.
 *
 * @throws UnsafeRedisError | LedgerBehindError | RedisLedgerBindingError | LedgerKeyError | LedgerSchemaError |
 *   LedgerReadError
 */
export async function openRedisLedger(params: RedisLedgerParams): Promise<RedisLedger> {
  const { connection, prefix, keys, ids, onBroken } = params;
  const { client, address } = connection;
  const place: LedgerPlace = { address, prefix };
  const names = createKeyNames(prefix);
  try {
    await assertDurable({ connection, allowUnsafe: params.allow.unsafe, onWarning: params.onWarning });
    const found = await openOrCreate({ ...params, client, place, names, rebuilding: params.rebuilding ?? false });
    const broken = Promise.withResolvers<never>();
    // Whoever awaits it gets it; until then it is not an unhandled one.
    broken.promise.catch(() => undefined);
    const owner = ownerOf(ids());
    const calls = createScriptClient({
      connection,
      place,
      names,
      ...found,
      writer: owner,
      onBroken(error) {
        broken.reject(error);
        onBroken?.(error);
      },
    });
    // Waits until the ledger was looked at on this very connection.
    await calls.read(0, 'time');
    return createLedger({
      calls,
      place,
      names,
      generation: found.generation,
      keys,
      owner,
      ledgerKey: params.ledgerKey,
      broken: broken.promise,
    });
  } catch (cause) {
    if (cause instanceof LedgerError || cause instanceof CommandError || cause instanceof TypeError) throw cause;
    throw new LedgerReadError(
      `${placeText(place)} could not be opened (${cause instanceof Error ? cause.message : String(cause)}). See that Redis runs and is reached, and run again.`,
      { cause },
    );
  }
}

/** Short, because every record carries it. */
const ownerOf = (id: string): string => hash('sha256', id, 'base64url').slice(0, 9);

function createLedger(
  deps: Pick<LedgerContext, 'calls' | 'place' | 'names' | 'keys'> & {
    readonly generation: string;
    readonly owner: string;
    readonly ledgerKey: Buffer;
    readonly broken: Promise<never>;
  },
): RedisLedger {
  const { calls, place, names, keys, generation, owner } = deps;
  const texts = createStringTable(calls, names, place);
  const outbox = createOutbox({ calls, names, owner, generation });
  let tokens = 0;
  const nextToken = (): string => `${owner}${(tokens++).toString(36)}`;
  const batches = createBatchStore({ calls, names, nextToken });
  const parts: LedgerContext = {
    calls,
    names,
    texts,
    outbox,
    keys,
    place,
    seal: createSeal(deps.ledgerKey),
    nextToken,
    requireBatch: batches.requireBatch,
    readRecord: createRecordReader(texts, keys),
  };
  const queries = createQueries(parts);
  const restore = createRestore(parts);

  const asOperation =
    <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) =>
    (...args: Args): Promise<Result> =>
      calls.operation(() => work(...args));

  return {
    broken: deps.broken,
    openBatch: asOperation(batches.openBatch),
    batch: asOperation(batches.batch),
    batches: asOperation(batches.batches),
    updateBatch: asOperation(batches.updateBatch),
    tallies: asOperation(batches.tallies),
    enqueueProgress: asOperation(batches.enqueueProgress),
    saveEnqueueProgress: asOperation(batches.saveEnqueueProgress),
    admit: asOperation((admissions) => eachOf(admissions, (admission) => admit(parts, admission))),
    advance: asOperation((changes) => eachOf(changes, (change) => advance(parts, change))),
    record: asOperation(queries.record),
    body: asOperation(queries.body),
    due: asOperation(queries.due),
    list: asOperation(queries.list),
    records: asOperation(createRecordList({ calls, names, readRecord: parts.readRecord, batchIds: batches.ids })),
    countUnsettledDuplicates: asOperation(queries.countUnsettledDuplicates),
    claimDue: asOperation(queries.claimDue),
    overview: asOperation(queries.overview),
    outbox: asOperation(outbox.outbox),
    published: asOperation(outbox.published),
    takeOverOutbox: asOperation(outbox.takeOverOutbox),
    // The topic itself tells how far it is.
    publishedMark: asOperation(async () => null),
    countDeadLetter: asOperation(async (dead) => {
      const shard = shardOfPlace(dead);
      await calls.run(shard, scripts.countDeadLetter, [names.deadLetters(shard, dead.stream)], [String(dead.position)]);
    }),
    restore: asOperation(restore.restore),
    restoreSettled: asOperation(restore.restoreSettled),
    purgeDetails: asOperation(async (which) => purgeDetails(parts, await batches.ids(), which)),
    close: calls.close,
  };
}
