/**
 * The ledger of the distributed profile: Redis, shared by any number of instances.
 *
 * Each transition is one script on the keys of one shard, which checks everything before its first write. Of two
 * instances that decide on the same record at once, one writes.
 */
import { hash } from 'node:crypto';
import { createAuditChain } from '../../../batches/audit/hash-chain.ts';
import type { KeyDerivation } from '../../../batches/record/idempotency-key.ts';
import type { SharedLedger } from '../../../batches/ports/ledger.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import { LedgerError, LedgerReadError, type Binding } from '../errors.ts';
import type { MovedItem } from '../moved-items.ts';
import { createSeal } from '../seal.ts';
import { eachOf } from '../each-of.ts';
import { CommandError } from '../../exit.ts';
import { admit } from './admission.ts';
import { admitWithIntent } from './admit-with-intent.ts';
import { advance } from './advance.ts';
import { createBatchStore, type BatchStore } from './batches.ts';
import { createScriptClient, type ScriptClient, type ScriptClientParams } from './script-client.ts';
import { placeText, type LedgerDataLossError, type LedgerPlace } from './errors.ts';
import { openOrCreate } from './bootstrap.ts';
import type { KeyNames } from './key-names.ts';
import { createStringTable } from './string-table.ts';
import { noticeTime } from './notice-time.ts';
import { createOutbox } from './outbox.ts';
import { createRecordReader, type LedgerContext } from './context.ts';
import { createQueries } from './queries.ts';
import { createGates } from './gates.ts';
import { createPauses } from './pauses.ts';
import { createAlertedList, createRecordList } from './record-list.ts';
import { createRecount } from './recount.ts';
import { createImport } from './import.ts';
import { createRestore } from './restore.ts';
import { assertDurable } from './durability-check.ts';
import { scripts } from './scripts.ts';
import type { ShardCount } from './sharding.ts';
import { createRedisHealth, type RedisHealth } from './health.ts';
import { createPlaceClaims } from './places.ts';
import { createSessions } from './sessions.ts';
import { purgeDetails } from './retention.ts';
import { readTrail } from './read-trail.ts';

export { beginRebuild, finishRebuild } from './rebuild.ts';
export { beginImport, finishImport } from './begin-import.ts';

export interface RedisLedgerParams {
  /** Owned by the caller; close it after the ledger. */
  readonly connection: RedisConnection;
  readonly prefix: string;
  readonly binding: Binding;
  /** 32 bytes. */
  readonly ledgerKey: Buffer;
  readonly keys: KeyDerivation;
  /** Returns unique ids. */
  readonly ids: () => string;
  /** Of a new ledger; where there is one, a warning when it has another number. */
  readonly shardCount?: ShardCount | undefined;
  /** False: an empty Redis is an error. */
  readonly mayCreate: boolean;
  /** `ledger_mark`s of published results, such as the newest of each partition: the ledger must hold as much. */
  readonly marksSeen: readonly string[];
  /** Results were published before: an empty Redis is then a loss, not a new ledger. */
  readonly hasResults: boolean;
  /** `unsafe`: run even if Redis may forget what it acknowledged. */
  readonly allow: { readonly unsafe: boolean };
  readonly onWarning: (message: string) => void;
  /** Called before a ledger of an older version is migrated; rejects while programs of that version work on it. */
  readonly beforeMigration?: () => Promise<void>;
  /** Called once when Redis turns out to have lost data: every call rejects with this error from then on. */
  readonly onBroken?: (error: LedgerDataLossError) => void;
  /** Receives the ledger's time with every reply: `RedisClock.note`. */
  readonly onTime?: ScriptClientParams['onTime'];
  /** Opens a ledger between `beginRebuild` and `finishRebuild`, and no other. */
  readonly rebuilding?: boolean;
  /** Opens a ledger between `beginImport` and `finishImport`, and no other. */
  readonly importing?: boolean;
}

export interface RedisLedger extends SharedLedger {
  /** Rejects when Redis turns out to have lost data; otherwise it stays pending. */
  readonly broken: Promise<never>;
  /** Watches Redis and says when intents may be made; a process that sends runs its ticks. */
  readonly health: RedisHealth;
  /** Import: writes an item as another ledger had it; never overwrites anything. Idempotent. */
  importItem(item: MovedItem): Promise<void>;
}

/**
 * While Redis is away, calls wait until it is back. They reject when the ledger is closed, and when Redis has lost data.
 *
 * @throws UnsafeRedisError | LedgerDataLossError | LedgerBindingError | LedgerKeyError | LedgerSchemaError |
 *   LedgerReadError
 */
export async function openRedisLedger(params: RedisLedgerParams): Promise<RedisLedger> {
  const { connection, prefix, keys, ids, onBroken } = params;
  const place: LedgerPlace = { address: connection.address, prefix };
  try {
    const { allow, onWarning } = params;
    const durability = await assertDurable({ connection, allowUnsafe: allow.unsafe, onWarning });
    const health = createRedisHealth({ connection, allowUnsafe: allow.unsafe, found: durability, onWarning });
    const found = await openOrCreate({
      ...params,
      place,
      rebuilding: params.rebuilding ?? false,
      importing: params.importing ?? false,
      beforeMigration: params.beforeMigration ?? (() => Promise.resolve()),
    });
    const { names, generation } = found;
    warnOfOtherCount(params, place, names.shards.length);
    await noticeTime(connection, names, generation);
    const broken = Promise.withResolvers<never>();
    // Without a listener the rejection would end the process.
    broken.promise.catch(() => undefined);
    const owner = ownerOf(ids());
    const calls: ScriptClient = createScriptClient({
      connection,
      place,
      ...found,
      writer: owner,
      isSafe: health.isSafe,
      waits: health.waits,
      onReplica: health.noteReplica,
      onNoSlot: health.noteNoSlot,
      onFull: health.noteFull,
      onTime: timeKeeper(() => calls, names, params.onTime),
      onBroken(error) {
        broken.reject(error);
        onBroken?.(error);
      },
    });
    // Resolves once all of its connections are verified.
    await Promise.all(names.shards.map((shard) => calls.read(shard, 'exists', names.meta(shard))));
    return createLedger({ calls, place, names, generation, keys, owner, ledgerKey: params.ledgerKey, broken: broken.promise, health });
  } catch (cause) {
    if (cause instanceof LedgerError || cause instanceof CommandError || cause instanceof TypeError) throw cause;
    throw new LedgerReadError(
      `${placeText(place)} could not be opened (${cause instanceof Error ? cause.message : String(cause)}). Check that Redis is running and can be reached, then run again.`,
      { cause },
    );
  }
}

function warnOfOtherCount({ shardCount, onWarning }: RedisLedgerParams, place: LedgerPlace, count: number): void {
  if (shardCount === undefined || shardCount === count) return;
  onWarning(
    `LEDGER_SHARDS=${shardCount} has no effect: ${placeText(place)} was created with ${count} shards, and keeps them. Set LEDGER_SHARDS=${count}.`,
  );
}

/** A shard that noticed that Redis TIME went back is followed by all others: their sends are as old. */
function timeKeeper(
  calls: () => ScriptClient,
  { shards }: KeyNames,
  onTime: RedisLedgerParams['onTime'],
): NonNullable<RedisLedgerParams['onTime']> {
  let known = 0;
  return (seen) => {
    onTime?.(seen);
    if (seen.offsetMs <= known) return;
    known = seen.offsetMs;
    for (const shard of shards)
      calls()
        .run(shard, scripts.raiseOffset, [], [seen.offsetMs.toFixed(3), seen.nowMs.toFixed(3)])
        .catch(() => undefined);
  };
}

/** Short, because every record carries it. */
const ownerOf = (id: string): string => hash('sha256', id, 'base64url').slice(0, 9);

interface LedgerDeps {
  readonly calls: ScriptClient;
  readonly place: LedgerPlace;
  readonly names: KeyNames;
  readonly keys: KeyDerivation;
  readonly generation: string;
  readonly owner: string;
  readonly ledgerKey: Buffer;
  readonly broken: Promise<never>;
  readonly health: RedisHealth;
}

function createContext(deps: LedgerDeps): { readonly context: LedgerContext; readonly batches: BatchStore } {
  const { calls, place, names, keys, generation, owner } = deps;
  const strings = createStringTable(calls, names, place);
  let tokens = 0;
  const nextToken = (): string => `${owner}${(tokens++).toString(36)}`;
  const batches = createBatchStore({ calls, names, nextToken });
  const context: LedgerContext = {
    calls,
    names,
    strings,
    outbox: createOutbox({ calls, names, owner, generation }),
    sessions: createSessions({ calls, names }),
    places: createPlaceClaims({ calls, names }),
    health: deps.health,
    keys,
    audit: createAuditChain(deps.ledgerKey),
    place,
    seal: createSeal(deps.ledgerKey),
    nextToken,
    requireBatch: batches.requireBatch,
    readRecord: createRecordReader(strings, keys),
  };
  return { context, batches };
}

function createLedger(deps: LedgerDeps): RedisLedger {
  const { calls, names, broken } = deps;
  const { context, batches } = createContext(deps);
  const { outbox } = context;
  const queries = createQueries(context);
  const restore = createRestore(context);
  const pauses = createPauses(context);
  const gates = createGates(context);

  const tracked =
    <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) =>
    (...args: Args): Promise<Result> =>
      calls.tracked(() => work(...args));

  return {
    broken,
    health: deps.health,
    openBatch: tracked(batches.openBatch),
    batch: tracked(batches.batch),
    batches: tracked(batches.batches),
    unfinishedFiles: tracked(batches.unfinishedFiles),
    updateBatch: tracked(batches.updateBatch),
    tallies: tracked(batches.tallies),
    enqueueProgress: tracked(batches.enqueueProgress),
    saveEnqueueProgress: tracked(batches.saveEnqueueProgress),
    admit: tracked((admissions) => eachOf(admissions, (admission) => admit(context, admission))),
    admitWithIntent: tracked((admission, intent) => admitWithIntent(context, admission, intent)),
    advance: tracked((changes) => eachOf(changes, (change) => advance(context, change))),
    record: tracked(queries.record),
    recordOfSession: tracked(queries.recordOfSession),
    body: tracked(queries.body),
    due: tracked(queries.due),
    list: tracked(queries.list),
    records: tracked(createRecordList({ calls, names, readRecord: context.readRecord, batchIds: batches.ids })),
    countUnsettledDuplicates: tracked(queries.countUnsettledDuplicates),
    claimDue: tracked(queries.claimDue),
    overview: tracked(queries.overview),
    outbox: tracked(outbox.outbox),
    published: tracked(outbox.published),
    takeOverOutbox: tracked(outbox.takeOverOutbox),
    // The results topic itself holds how far it is.
    publishedMark: tracked(async () => null),
    trail: tracked((recordId) => readTrail(context, recordId)),
    alerted: tracked(createAlertedList(context)),
    gates: tracked(gates.gates),
    setGates: tracked(gates.setGates),
    terms: tracked(gates.terms),
    setTerms: tracked(gates.setTerms),
    pauses: tracked(pauses.pauses),
    setPause: tracked(pauses.setPause),
    recount: tracked(createRecount({ calls, names, readRecord: context.readRecord, batches })),
    countDeadLetter: tracked(async (letter) => {
      const shard = names.shardOfPlace(letter);
      await calls.run(shard, scripts.countDeadLetter, [names.deadLetters(shard, letter.stream)], [String(letter.position)]);
    }),
    restore: tracked(restore.restore),
    restoreSettled: tracked(restore.restoreSettled),
    importItem: tracked(createImport(context, batches)),
    purgeDetails: tracked((which) => purgeDetails(context, which)),
    close: calls.close,
  };
}
