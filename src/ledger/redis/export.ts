/**
 * Everything that a ledger in Redis holds, for a move. All shards are marked as moved, under a generation of their own,
 * before the first of it is read: so nothing changes while it is read, and nothing is paid from it ever again.
 */
import { createKeyDerivation } from '../../../batches/record/idempotency-key.ts';
import { statuses, type RecordStatus } from '../../../batches/record/status.ts';
import { evaluateByKey, scanKeys } from '../../redis/by-key.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import { statusOf } from '../codes.ts';
import { LedgerIncompleteError, LedgerMissingError, type Binding } from '../errors.ts';
import type { MovedItem, MovedRecord, MoveSource } from '../moved-items.ts';
import { createBatchReads, type BatchReads } from './batch-reads.ts';
import { checkBound, generationsTakenIn, moveStateOf, readMoved, readShards, type Shard } from './bootstrap.ts';
import { createRecordReader, type LedgerContext } from './context.ts';
import { placeText } from './errors.ts';
import { packedRecords, packedSessionItem } from './export-packed.ts';
import { isKnownOrder } from './record-codec.ts';
import { headOfRecord } from './stored-record.ts';
import { timeOfMicroseconds, timeOfNumber } from './key-names.ts';
import { gateItems } from './gates.ts';
import { copyMark, movedToken } from './places.ts';
import { readPauses } from './pauses.ts';
import { createScriptClient } from './script-client.ts';
import { scripts } from './scripts.ts';
import { createStringTable } from './string-table.ts';
import { decodeEntry } from './trails.ts';

export interface RedisSourceParams {
  readonly connection: RedisConnection;
  readonly prefix: string;
  readonly ledgerKey: Buffer;
  /** The id of this export, unless an earlier one has moved the ledger already. */
  readonly exportId: string;
  /** The file of the export. */
  readonly to: string;
  readonly now: () => number;
  readonly ids: () => string;
}

/** @throws LedgerMissingError | LedgerIncompleteError | LedgerBindingError | LedgerKeyError: then nothing is changed */
export async function openRedisSource(params: RedisSourceParams): Promise<MoveSource> {
  const { connection, prefix, ledgerKey } = params;
  const place = { address: connection.address, prefix };
  const { found } = await readShards(connection, prefix);
  if (found[0]?.['generation'] === undefined) throw new LedgerMissingError(`${placeText(place)} is empty: there is nothing to export.`);
  const binding = boundTo(found);
  // Only the key is asked for: to whom it belongs, the file says.
  checkBound({ place, binding, ledgerKey }, found);
  const { state } = moveStateOf(found);
  if (state === 'importing' || found.some((shard) => shard['state'] !== 'live' && shard['state'] !== 'moved'))
    throw new LedgerIncompleteError(
      `${placeText(place)} is not complete, because its import, rebuild or migration did not end: end that first, then export it.`,
    );
  const note = JSON.stringify({ exportId: params.exportId, to: params.to, at: params.now() });
  const known = found.find((shard) => shard['state'] === 'moved');
  return {
    exportId: known === undefined ? params.exportId : readMoved(known['moved']).exportId,
    async *items() {
      const generation = await moveAway(params, note);
      yield* itemsOf(params, binding, generation);
    },
    markMoved: async () => void (await moveAway(params, note)),
    close: async () => undefined,
  };
}

function boundTo([first]: readonly Shard[]): Binding {
  const { gateway = '', project = '', submerchant, idempotency_header: idempotencyHeader = '' } = first ?? {};
  return { gateway, project, idempotencyHeader, ...(submerchant === undefined ? {} : { submerchant }) };
}

/** Of two exports, and of one that was interrupted, all shards get the note and the generation that the first one got. */
async function moveAway({ connection, prefix, ids }: RedisSourceParams, note: string): Promise<string> {
  const { names } = await readShards(connection, prefix);
  let args: readonly string[] = [ids(), note];
  for (const shard of names.shards) args = (await evaluateByKey(connection, scripts.moveAway.text, [names.meta(shard)], args)) as string[];
  return args[0] ?? '';
}

interface Reading extends Pick<LedgerContext, 'calls' | 'names' | 'strings' | 'readRecord'> {
  readonly connection: RedisConnection;
  /** Of a record whose admission is not known: each is before all that are. */
  readonly nextOrder: () => number;
  readonly batches: BatchReads;
}

async function* itemsOf({ connection, prefix }: RedisSourceParams, binding: Binding, generation: string): AsyncGenerator<MovedItem> {
  const place = { address: connection.address, prefix };
  const { names, found } = await readShards(connection, prefix);
  const calls = createScriptClient({
    connection,
    place,
    names,
    generation,
    writer: '',
    counters: found.map(() => 0),
    onBroken: () => undefined,
  });
  try {
    const strings = createStringTable(calls, names, place);
    const readRecord = createRecordReader(strings, createKeyDerivation(binding.project));
    let unknown = 0;
    const nextOrder = (): number => (unknown += 1);
    const reading: Reading = { connection, nextOrder, calls, names, strings, readRecord, batches: createBatchReads(calls, names) };
    yield ledgerItem(binding, found);
    yield* batchesOf(reading);
    yield* eventsOf(reading);
    for (const batchId of await reading.batches.ids()) {
      for (const status of recordStatuses) for (const shard of names.shards) yield* recordsOf(reading, { batchId, status, shard });
      yield* packedRecords(reading, batchId, nextOrder);
      for (const shard of names.shards) yield* duplicatesOf(reading, batchId, shard);
    }
    yield* placesOf(reading);
    yield* namedOf(reading);
    for (const pause of await readPauses(reading)) yield { type: 'pause', pause };
    yield* gateItems(reading, await reading.batches.ids());
    for (const batchId of await reading.batches.ids()) yield { type: 'tallies', batchId, rows: await reading.batches.tallies(batchId) };
  } finally {
    await calls.close();
  }
}

function ledgerItem(binding: Binding, found: readonly Shard[]): MovedItem {
  const highest = (field: string): number => Math.max(...found.map((shard) => Number(shard[field] ?? 0)));
  const newest = highest('last') > 0 ? timeOfMicroseconds(highest('last')) : 0;
  return { type: 'ledger', binding, newest, barrier: highest('barrier'), lineage: [...generationsTakenIn(found)] };
}

async function* batchesOf({ batches }: Reading): AsyncGenerator<MovedItem> {
  for (const batchId of await batches.ids()) {
    const batch = await batches.batch(batchId);
    if (batch !== undefined) yield { type: 'batch', batch };
  }
}

const recordStatuses = statuses.filter((status): status is RecordStatus => status !== 'conflict' && status !== 'duplicate');

/** Members of a set that are read at once. */
const pageSize = 250;

interface Index {
  readonly batchId: string;
  readonly status: RecordStatus;
  readonly shard: number;
}

async function* pagesOf(
  { calls }: Reading,
  shard: number,
  key: string,
): AsyncGenerator<readonly (readonly [member: string, score: number])[]> {
  for (let from = '-inf'; ;) {
    const found = await calls.read(shard, 'zrangebyscore', key, from, '+inf', 'WITHSCORES', 'LIMIT', '0', String(pageSize));
    const list = found as string[];
    if (list.length === 0) return;
    yield Array.from({ length: list.length / 2 }, (_, at) => [list[2 * at] ?? '', Number(list[2 * at + 1])] as const);
    if (list.length < 2 * pageSize) return;
    from = `(${list.at(-1)}`;
  }
}

async function* recordsOf(reading: Reading, { batchId, status, shard }: Index): AsyncGenerator<MovedItem> {
  const key = reading.names.index(shard, batchId, status);
  for await (const page of pagesOf(reading, shard, key)) {
    const found = await Promise.all(page.map(([recordId, since]) => recordOf(reading, shard, recordId, timeOfNumber(since))));
    for (const one of found) if (one !== undefined) yield one;
  }
}

async function recordOf(reading: Reading, shard: number, recordId: string, since: number): Promise<MovedRecord | undefined> {
  const { calls, names, strings, readRecord } = reading;
  const bodyKey = names.body(shard, recordId);
  const [text, entries, body, eraseAt] = await Promise.all([
    calls.read(shard, 'get', names.record(shard, recordId)),
    calls.readBytes(shard, 'lrange', names.trail(shard, recordId), '0', '-1'),
    calls.readBytes(shard, 'get', bodyKey),
    calls.read(shard, 'pttl', bodyKey),
  ]);
  if (typeof text !== 'string') return undefined;
  const { record, order, fields } = await readRecord(shard, recordId, text);
  const lineBreak = body?.indexOf(0x0a) ?? -1;
  const stored = (entries ?? []) as unknown as readonly Buffer[];
  return {
    type: 'record',
    record,
    order: order === '' ? reading.nextOrder() : Number(order),
    admittedAt: order === '' ? null : timeOfNumber(Number(order)),
    changedAt: since,
    endedAt: since,
    fields:
      fields === undefined
        ? null
        : { paths: await strings.textOf(shard, String(fields.paths)), digests: fields.digests.toString('base64') },
    trail: stored.map((entry, index) => decodeEntry(entry, index + 1)),
    body:
      body === null
        ? null
        : {
            attempt: Number(body.toString('latin1', 0, lineBreak)),
            sealed: body.subarray(lineBreak + 1).toString('base64'),
            eraseAt: await eraseTime(reading, shard, Number(eraseAt)),
          },
  };
}

/** @param leftMs as PTTL answers; below 0: kept until it is decided */
async function eraseTime({ calls }: Reading, shard: number, leftMs: number): Promise<number | null> {
  if (leftMs < 0) return null;
  const [seconds] = (await calls.read(shard, 'time')) as string[];
  return Number(seconds) * 1000 + leftMs;
}

/** One that met a record which has left its id since is a duplicate of none: it is in the totals. */
async function* duplicatesOf(reading: Reading, batchId: string, shard: number): AsyncGenerator<MovedItem> {
  for await (const page of pagesOf(reading, shard, reading.names.duplicates(shard, batchId))) {
    for (const [member] of page) {
      const [, recordId = '', order = ''] = /^(.*):(\d*):\d+$/.exec(member) ?? [];
      const head = recordId === '' ? undefined : await headOfRecord(reading, shard, recordId);
      if (head !== undefined && (order === '' || order === head.order || !isKnownOrder(head.order)))
        yield { type: 'duplicate', batchId, recordId };
    }
  }
}

interface FoundKey {
  readonly key: string;
  readonly shard: number;
  /** What follows the shard and `what` in its name. */
  readonly rest: string;
}

async function* keysOf({ connection, names }: Reading, what: string): AsyncGenerator<FoundKey> {
  const from = names.record(0, '').length - 'r:'.length;
  for await (const keys of scanKeys(connection, names.patternOf(what), 500))
    for (const key of keys) yield { key, shard: Number(key.slice(from - 4, from - 2)), rest: key.slice(from + what.length) };
}

async function* fieldsOf({ calls }: Reading, shard: number, key: string): AsyncGenerator<readonly [field: string, value: string]> {
  let cursor = '0';
  do {
    const [next, found] = (await calls.read(shard, 'hscan', key, cursor, 'COUNT', '500')) as [string, string[]];
    cursor = next;
    for (let at = 0; at < found.length; at += 2) yield [found[at] ?? '', found[at + 1] ?? ''];
  } while (cursor !== '0');
}

/** Places without a record of their own: their batches and amounts are in the totals alone. */
async function* placesOf(reading: Reading): AsyncGenerator<MovedItem> {
  for await (const { key, shard, rest } of keysOf(reading, 'p:')) {
    const stream = rest.slice(0, rest.lastIndexOf(':'));
    for await (const [position, outcome] of fieldsOf(reading, shard, key)) {
      if (outcome === '*') continue;
      const [code, token = ''] = outcome.split(':');
      const copyOf = token.startsWith(`${movedToken}${copyMark}`) ? Number(token.slice(movedToken.length + copyMark.length)) : undefined;
      if (copyOf !== undefined && reading.names.shardsOfExported(copyOf)[0] !== shard) continue;
      const exported = copyOf ?? reading.names.exported(shard);
      yield { type: 'occurrence', stream, position: Number(position), status: statusOf(Number(code)), shard: exported, counted: null };
    }
  }
}

/** What is kept by a name: sequences, sessions, dead letters. */
async function* namedOf(reading: Reading): AsyncGenerator<MovedItem> {
  const { names } = reading;
  for (const shard of names.shards) {
    for await (const [recordId, sequence] of fieldsOf(reading, shard, names.loose(shard)))
      yield { type: 'loose', recordId, sequence: Number(sequence) };
  }
  for await (const { key, shard } of keysOf(reading, 's:'))
    for await (const [sessionId, recordId] of fieldsOf(reading, shard, key)) yield { type: 'session', sessionId, recordId };
  for await (const { key, shard } of keysOf(reading, 'q:'))
    for await (const [field, claim] of fieldsOf(reading, shard, key)) yield packedSessionItem(reading, field, claim);
  for await (const { key, shard, rest: stream } of keysOf(reading, 'dead:')) {
    const positions = (await reading.calls.read(shard, 'smembers', key)) as string[];
    for (const position of positions) yield { type: 'dead_letters', count: 1, place: { stream, position: Number(position) } };
  }
}

/** In the order of each shard, and so of each record. */
async function* eventsOf({ calls, names }: Reading): AsyncGenerator<MovedItem> {
  for (const shard of names.shards) {
    for (let from = 0; ; from += pageSize) {
      const to = String(from + pageSize - 1);
      const numbers = (await calls.read(shard, 'zrange', names.outboxTimes(shard), String(from), to)) as string[];
      if (numbers.length === 0) break;
      const found = (await calls.read(shard, 'hmget', names.outboxEvents(shard), ...numbers)) as (string | null)[];
      for (const value of found) {
        const [, eventId = '', json = ''] = (value ?? '').split('\n');
        if (json !== '') yield { type: 'event', eventId, json };
      }
    }
  }
}
