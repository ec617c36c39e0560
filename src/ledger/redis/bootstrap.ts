/**
 * How a ledger in Redis begins, and how it is known again. Every shard holds the generation that it was made with, and
 * how many writes it has seen: so a Redis that was emptied, replaced or taken back to an older copy is noticed.
 */
import { evaluateByKey, sendByKey } from '../../redis/by-key.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import { LedgerMissingError, type Binding } from '../errors.ts';
import { keyCheck } from '../ledger-key.ts';
import { whyNotBound, whyNotLive, whyNotRead, type LedgerState } from '../may-pay.ts';
import { LedgerDataLossError, nameOf, placeText, type LedgerPlace } from './errors.ts';
import { createKeyNames, type KeyNames } from './key-names.ts';
import { formerGeneration, migrate, needsMigration } from './migration.ts';
import { findPrefix } from './find-ledger.ts';
import { schemaOf } from './schema.ts';
import { scripts } from './scripts.ts';
import { defaultShardCount, mostShards, type ShardCount } from './sharding.ts';

/**
 * `founding`: not all shards are made yet; `rebuilding`, `importing`: it does not know everything yet; `moved`: another ledger
 * pays what it knew; `migrating`: see `migration.ts`.
 */
export type State = 'founding' | 'live' | 'rebuilding' | 'importing' | 'moved' | 'migrating';

export type Shard = Readonly<Record<string, string>>;

export interface BootstrapParams {
  readonly connection: RedisConnection;
  readonly place: LedgerPlace;
  /** Of a new ledger. */
  readonly shardCount?: ShardCount | undefined;
  readonly binding: Binding;
  readonly ledgerKey: Buffer;
  /** Makes ids that were never made before. */
  readonly ids: () => string;
  readonly mayCreate: boolean;
  /** `ledger_mark`s of published results. */
  readonly marksSeen: readonly string[];
  readonly hasResults: boolean;
  /** True: only a ledger that is being rebuilt is opened. */
  readonly rebuilding: boolean;
  /** True: only a ledger that is being imported is opened. */
  readonly importing: boolean;
  /** Rejects while programs of an older version work on the ledger. */
  readonly beforeMigration: () => Promise<void>;
  readonly onWarning: (message: string) => void;
}

export interface ShardsRead {
  readonly names: KeyNames;
  readonly generation: string;
  /** How many writes each shard has seen. */
  readonly counters: readonly number[];
}

/** @throws LedgerMissingError | LedgerBehindError | LedgerBindingError | LedgerKeyError | LedgerSchemaError */
export async function openOrCreate(params: BootstrapParams): Promise<ShardsRead> {
  const { names, found } = await readOrCreate(params);
  const { place } = params;
  checkBound(params, found);
  checkLive(params, found);
  const [first] = found;
  const [generation, former] = [first?.['generation'] ?? '', formerGeneration(first)];
  const isOfLedger = (shard: Shard): boolean =>
    [generation, former].includes(shard['generation'] ?? '') && shardCountOf(shard) === names.shards.length;
  const lost = found.flatMap((shard, index) => (isOfLedger(shard) ? [] : [index]));
  if (lost.length > 0)
    throw new LedgerDataLossError(place, `has lost part of its data (shards ${lost.join(', ')} of ${names.shards.length})`);
  const rebuilding = found.some((shard) => shard['state'] === ('rebuilding' satisfies State));
  if (rebuilding && !params.rebuilding) throw new LedgerDataLossError(place, 'is being rebuilt and is not complete yet');
  if (!rebuilding && params.rebuilding) throw new TypeError(`${placeText(place)} is not being rebuilt`);
  const counters = found.map((shard) => Number(shard['counter'] ?? 0));
  if (!rebuilding && !params.importing) {
    const takenIn = [...generationsTakenIn(found)].filter((its) => its !== former);
    await checkMarks(params, former, counters, new Set(takenIn));
  }
  if (!needsMigration(found)) return { names, generation, counters };
  await migrate({ ...params, names, idempotencyHeader: params.binding.idempotencyHeader }, found);
  return openOrCreate(params);
}

/** How far it is that was or is being moved; by all shards, since an export may have ended between two of them. */
export function moveStateOf(found: readonly Shard[]): LedgerState {
  const isIn = (state: State): boolean => found.some((shard) => shard['state'] === state);
  if (isIn('importing')) return { state: 'importing' };
  return isIn('moved') ? readMoved(found.find((shard) => shard['moved'] !== undefined)?.['moved']) : { state: 'live' };
}

export const readMoved = (text = '{}'): Extract<LedgerState, { state: 'moved' }> => {
  const { exportId = '', to = '', at = 0 } = JSON.parse(text) as { exportId?: string; to?: string; at?: number };
  return { state: 'moved', exportId, to, at };
};

/** @throws LedgerMovedError | LedgerIncompleteError */
function checkLive({ place, importing }: BootstrapParams, found: readonly Shard[]): void {
  const state = moveStateOf(found);
  if (importing && state.state === 'importing') return;
  const refusal = whyNotLive(nameOf(place), state);
  if (refusal !== null) throw refusal;
  if (importing) throw new TypeError(`${placeText(place)} is not being imported`);
}

async function readOrCreate(params: BootstrapParams): Promise<LedgerFound> {
  const { connection, shardCount, place } = params;
  const ledger = await readShards(connection, place.prefix, shardCount);
  const [first] = ledger.found;
  if (ledger.found.every((shard) => shard['generation'] === undefined)) {
    await assertMayCreate(params);
    await createShards(params, ledger.names, params.ids());
  } else if (first?.['state'] === ('founding' satisfies State)) {
    await createShards(params, ledger.names, first['generation'] ?? '');
  } else return ledger;
  return readShards(connection, place.prefix);
}

/** @property found by shard */
export interface LedgerFound {
  readonly names: KeyNames;
  readonly found: readonly Shard[];
}

/**
 * What the shards under the prefix hold. There are as many as they say themselves: of a ledger that has lost some, the others do.
 *
 * @param wanted how many there are where there is no ledger
 */
export async function readShards(
  connection: RedisConnection,
  prefix: string,
  wanted: ShardCount = defaultShardCount,
): Promise<LedgerFound> {
  const all = createKeyNames(prefix, mostShards);
  const read = (await sendByKey(
    connection,
    all.shards.map(all.meta).map((key) => ({ key, command: ['hgetall', key] })),
  )) as Shard[];
  const known = read.filter((shard) => shard['generation'] !== undefined).map(shardCountOf);
  const count = known.length === 0 ? wanted : (Math.max(...known) as ShardCount);
  return { names: createKeyNames(prefix, count), found: read.slice(0, count) };
}

/** How many shards the ledger has that this one belongs to. */
const shardCountOf = (shard: Shard): ShardCount => Number(shard['shards'] ?? defaultShardCount) as ShardCount;

async function assertMayCreate({ connection, place, mayCreate, hasResults, marksSeen }: BootstrapParams): Promise<void> {
  if (hasResults || marksSeen.length > 0)
    throw new LedgerDataLossError(place, 'is empty, although results were published before', await whereElse(connection, marksSeen));
  if (mayCreate) return;
  throw new LedgerMissingError(
    `${placeText(place)} is empty, and a new ledger would not know what was paid before. If nothing was, allow one with --new-ledger; otherwise correct REDIS_URL and REDIS_PREFIX.`,
  );
}

/** What a shard is made with, beside its number and state. */
export function boundFields(
  { gateway, project, submerchant, idempotencyHeader }: Binding,
  ledgerKey: Buffer,
  { shards }: Pick<KeyNames, 'shards'>,
): string[] {
  const fields = {
    schema: String(schemaOf(shards.length)),
    // A ledger that does not say it has 16, as every one had before there was a choice.
    ...(shards.length === defaultShardCount ? {} : { shards: String(shards.length) }),
    gateway,
    project,
    ...(submerchant === undefined ? {} : { submerchant }),
    idempotency_header: idempotencyHeader,
    key_check: keyCheck(ledgerKey),
    // Its batches with open records are in a set from the first one on.
    active: '1',
  };
  return Object.entries(fields).flat();
}

/** Makes what is missing. The first shard is made first and is live last; of two makers the first wins. */
async function createShards({ connection, place, binding, ledgerKey }: BootstrapParams, wanted: KeyNames, id: string): Promise<void> {
  const first = [id, '0', 'founding', '', ...boundFields(binding, ledgerKey, wanted)];
  const [generation, , count] = await createShard(connection, wanted, 0, first);
  // Also of how many there are.
  const names = createKeyNames(place.prefix, Number(count) as ShardCount);
  const fields = boundFields(binding, ledgerKey, names);
  for (const shard of names.shards.slice(1)) {
    const [its] = await createShard(connection, names, shard, [generation, String(shard), 'live', '', ...fields]);
    if (its !== generation) throw new LedgerDataLossError(place, `has lost part of its data (shard ${shard} belongs to another ledger)`);
  }
  await setState(connection, names, 0, generation, 'live', '');
}

/** @param args as `create-shard.lua` takes them */
export async function createShard(
  connection: RedisConnection,
  names: KeyNames,
  shard: number,
  args: readonly string[],
): Promise<[generation: string, state: string, shards: string]> {
  return (await evaluateByKey(connection, scripts.createShard.text, [names.meta(shard)], args)) as [string, string, string];
}

export async function setState(
  connection: RedisConnection,
  names: KeyNames,
  shard: number,
  generation: string,
  state: State,
  takenIn: string,
): Promise<boolean> {
  const args = [generation, state, takenIn];
  const [answer] = (await evaluateByKey(connection, scripts.setState.text, [names.meta(shard)], args)) as string[];
  return answer === 'written';
}

/** @throws LedgerSchemaError for a ledger of a newer version; one of an older version is read as it is, and migrated to be paid from */
export function checkSchema(place: LedgerPlace, shard: Shard): void {
  const refusal = whyNotRead(nameOf(place), shard['schema'] ?? '1', [1, schemaOf(shardCountOf(shard))]);
  if (refusal !== null) throw refusal;
}

/** @throws LedgerBindingError | LedgerKeyError | LedgerSchemaError */
export function checkBound(
  { place, binding, ledgerKey }: Pick<BootstrapParams, 'place' | 'binding' | 'ledgerKey'>,
  found: readonly Shard[],
): void {
  const name = nameOf(place);
  for (const shard of found) {
    const { schema, gateway, project, submerchant, idempotency_header: header, key_check: check } = shard;
    if (schema === undefined || gateway === undefined || project === undefined) continue;
    checkSchema(place, shard);
    // A ledger that is not migrated yet has no header: the migration binds it.
    const idempotencyHeader = header ?? binding.idempotencyHeader;
    const bound: Binding = { gateway, project, idempotencyHeader, ...(submerchant === undefined ? {} : { submerchant }) };
    const refusal = whyNotBound({ name, bound, keyCheck: check ?? '' }, { binding, ledgerKey });
    if (refusal !== null) throw refusal;
  }
}

/** Former generations whose results a rebuild has read. */
export const generationsTakenIn = (found: readonly Shard[]): ReadonlySet<string> =>
  new Set(found.flatMap((shard) => (shard['taken_in'] ?? '').split(' ')).filter((generation) => generation !== ''));

/** What published results tell must be in the ledger. */
async function checkMarks(
  { connection, place, marksSeen }: BootstrapParams,
  generation: string,
  counters: readonly number[],
  takenIn: ReadonlySet<string>,
): Promise<void> {
  for (const mark of marksSeen) {
    const { generation: its, shard, counter } = readMark(mark);
    if (takenIn.has(its)) continue;
    if (its !== generation)
      throw new LedgerDataLossError(place, 'is not the one that results were published from', await whereElse(connection, [mark]));
    if (counter > (counters[shard] ?? 0))
      throw new LedgerDataLossError(place, 'is an older copy: it does not contain all results that were published');
  }
}

async function whereElse(connection: RedisConnection, marksSeen: readonly string[]): Promise<'unsure' | { readonly otherPrefix: string }> {
  // A user of the prefix alone may not search.
  const otherPrefix = await findPrefix(connection, new Set(marksSeen.map((mark) => readMark(mark).generation))).catch(() => undefined);
  return otherPrefix === undefined ? 'unsure' : { otherPrefix };
}

/** `<generation>.<shard>.<counter>`. */
export function readMark(mark: string): { readonly generation: string; readonly shard: number; readonly counter: number } {
  const [, generation, shard, counter] = /^([^.]+)\.(\d+)\.(\d+)$/.exec(mark) ?? [];
  if (generation === undefined) throw new TypeError(`not a ledger's mark: ${mark}`);
  return { generation, shard: Number(shard), counter: Number(counter) };
}
