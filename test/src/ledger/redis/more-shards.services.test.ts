/** Ledgers with more than 16 shards: how the number is chosen and kept, and how one moves to another number. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { admitOne } from '../../../../batches/ports/single.ts';
import { isBalanced } from '../../../../batches/record/tally.ts';
import { LedgerSchemaError } from '../../../../src/ledger/errors.ts';
import { openRedisSource } from '../../../../src/ledger/redis/export.ts';
import { createKeyNames } from '../../../../src/ledger/redis/key-names.ts';
import { beginImport, beginRebuild, finishRebuild } from '../../../../src/ledger/redis/ledger.ts';
import { openRedisReader } from '../../../../src/ledger/redis/reader.ts';
import type { ShardCount } from '../../../../src/ledger/redis/sharding.ts';
import { redisTarget } from '../../../../src/profiles/distributed/move-target.ts';
import { connectRedis, type RedisConnection } from '../../../../src/redis/connection.ts';
import { admission, at, batchA, instructionOf, lineOf, manifest, refused, valid } from '../../../support/builders.ts';
import { admitted, intent, moved } from '../../../support/ledger-steps.ts';
import { redisUrl, uniquePrefix } from '../../../support/services.ts';
import { ledgerKey, makeDir, openIn, removeDir } from '../data-dir.ts';
import { createSqliteTarget, everyRecord, exportedFrom, fill, importedFrom, sourceIn } from '../moving.ts';
import { asAdmin, binding, keysOf, openInstance, rebuildParams, removeKeys, type Instance } from './harness.ts';

const url = redisUrl();
let prefix: string;
let opened: Instance[];
let connection: RedisConnection;
beforeEach(async () => {
  prefix = uniquePrefix();
  opened = [];
  connection = await connectRedis({ url, onWarning: () => undefined });
});
afterEach(async () => {
  await Promise.all(opened.map((instance) => instance.close()));
  await connection.close();
  await removeKeys(url, prefix);
});

const open = async (patch: Parameters<typeof openInstance>[2] = {}, wanted = prefix): Promise<Instance> => {
  const instance = await openInstance(url, wanted, patch);
  opened.push(instance);
  return instance;
};
const admin = <T>(work: Parameters<typeof asAdmin<T>>[1]): Promise<T> => asAdmin(url, work);
/** How many shards hold something. */
const shardsIn = async (wanted = prefix): Promise<number> =>
  new Set((await admin((client) => keysOf(client, wanted))).map((key) => key.slice(wanted.length, wanted.length + 6))).size;

describe('the number of shards', () => {
  it('of a ledger that was created without a choice is 16, and its shards do not say it', async () => {
    await open();
    expect(await shardsIn()).toBe(16);
    const meta = await admin((client) => client.hgetall(createKeyNames(prefix, 16).meta(3)));
    expect(meta['shards']).toBeUndefined();
    expect(meta['schema']).toBe('4');
  });

  it.each([32, 64] as const)(
    'is %i where that was chosen, and every shard says it under a schema that older programs refuse',
    async (shardCount) => {
      await open({ shardCount });
      const names = createKeyNames(prefix, shardCount);
      expect(await shardsIn()).toBe(shardCount);
      for (const shard of names.shards)
        expect(await admin((client) => client.hgetall(names.meta(shard)))).toMatchObject({
          shards: String(shardCount),
          schema: '5',
          shard: String(shard),
        });
    },
  );

  it.each([
    [64, undefined, 0],
    [64, 64, 0],
    [64, 16, 1],
    [16, undefined, 0],
    [undefined, 64, 1],
  ] as const)('%s of the ledger counts for a process with LEDGER_SHARDS=%s, which warns %i times', async (created, setting, count) => {
    const first = await open({ shardCount: created });
    await first.ledger.openBatch(manifest(batchA));
    await admitted(first.ledger, 'inv-1', 2);
    const second = await open({ shardCount: setting });
    expect(await second.ledger.record('inv-1')).toMatchObject({ status: 'queued' });
    const told = second.warnings.filter((text) => text.includes('LEDGER_SHARDS'));
    expect(told).toHaveLength(count);
    if (count > 0) expect(told[0]).toMatch(new RegExp(`^LEDGER_SHARDS=${setting} has no effect: .* with ${created ?? 16} shards`));
    expect(await shardsIn()).toBe(created ?? 16);
  });

  it('is one for all when processes with different settings create the ledger at the same time', async () => {
    const settings = [64, 16, 32, 64, 16, 32, undefined, 64] as const;
    const made = await Promise.all(settings.map((shardCount) => open({ shardCount })));
    await made[0]?.ledger.openBatch(manifest(batchA));
    await Promise.all(made.map(({ ledger }, index) => admitted(ledger, `inv-${index}`, index + 2)));
    for (const { ledger } of made) for (const index of settings.keys()) expect(await ledger.record(`inv-${index}`)).toBeDefined();
    const count = Number((await admin((client) => client.hget(createKeyNames(prefix, 64).meta(0), 'shards'))) ?? 16);
    expect(await shardsIn()).toBe(count);
  });

  it('is that of the first shard when its maker died over the others', async () => {
    await open({ shardCount: 64 });
    const { meta } = createKeyNames(prefix, 64);
    await admin(async (client) => {
      await client.hset(meta(0), 'state', 'founding');
      await client.del(meta(7), meta(21), meta(63));
    });
    const { ledger } = await open({ mayCreate: false, shardCount: 16 });
    await ledger.openBatch(manifest(batchA));
    await Promise.all(Array.from({ length: 100 }, (_, index) => admitted(ledger, `inv-${index}`, index + 2)));
    expect(await admin((client) => client.hget(meta(63), 'shards'))).toBe('64');
  });

  it('is known to a reader', async () => {
    const { ledger } = await open({ shardCount: 64 });
    await ledger.openBatch(manifest(batchA));
    await Promise.all(Array.from({ length: 40 }, (_, index) => admitted(ledger, `inv-${index}`, index + 2)));
    const reader = await openRedisReader({ connection, prefix });
    for (const index of Array(40).keys()) expect(await reader.record(`inv-${index}`)).toBeDefined();
    expect((await reader.overview()).open).toMatchObject([{ status: 'queued', count: 40 }]);
    await reader.close();
  });
});

describe('a ledger of 64 shards', () => {
  it.each([0, 5, 40])('is not the same with shard %i gone', async (shard) => {
    await open({ shardCount: 64 });
    await admin((client) => client.del(createKeyNames(prefix, 64).meta(shard)));
    await expect(open()).rejects.toThrow(/has lost part of its data \(shards .*of 64\)/);
  });

  it('of a newer schema is refused', async () => {
    await open({ shardCount: 64 });
    await admin((client) => client.hset(createKeyNames(prefix, 64).meta(0), 'schema', '6'));
    await expect(open()).rejects.toThrow(LedgerSchemaError);
    await expect(openRedisReader({ connection, prefix })).rejects.toThrow(LedgerSchemaError);
  });

  it('is not the same when a program that knows only 16 shards made some of them', async () => {
    await open({ shardCount: 64 });
    const key = createKeyNames(prefix, 64).meta(7);
    await admin((client) => Promise.all([client.hdel(key, 'shards'), client.hset(key, 'schema', '4')]));
    await expect(open()).rejects.toThrow('has lost part of its data (shards 7 of 64)');
  });

  it('is compared with the marks of all shards', async () => {
    const { ledger } = await open({ shardCount: 64 });
    await ledger.openBatch(manifest(batchA));
    const { shardOf } = createKeyNames(prefix, 64);
    const recordId = Array.from({ length: 1_000 }, (_, index) => `inv-${index}`).find((id) => shardOf(id) === 57) ?? '';
    await admitOne(ledger, admission(lineOf(batchA, 2), refused({ recordId })));
    const [entry] = await ledger.outbox({ limit: 1 });
    const { ledger_mark: mark } = JSON.parse(entry?.json ?? '{}') as { ledger_mark: string };
    expect(mark).toMatch(/^[^.]+\.57\.\d+$/);
    await open({ marksSeen: [mark], hasResults: true });
    const later = mark.replace(/\d+$/, (counter) => String(Number(counter) + 1));
    await expect(open({ marksSeen: [later], hasResults: true })).rejects.toThrow('is an older copy');
  });

  it('is noticed to be replaced by a call of any shard', async () => {
    const { ledger } = await open({ shardCount: 64 });
    await admin((client) => client.hset(createKeyNames(prefix, 64).meta(63), 'generation', 'another'));
    await expect(ledger.overview()).rejects.toMatchObject({ code: 'ledger_behind' });
  });

  it('gives each write of its shards a number of its own, which leads back to the shard and rises', async () => {
    const { ledger } = await open({ shardCount: 64 });
    await ledger.openBatch(manifest(batchA));
    const names = createKeyNames(prefix, 64);
    const ids = Array.from({ length: 300 }, (_, index) => `inv-${index}`);
    const before = Date.now();
    await Promise.all(ids.map((recordId, index) => admitOne(ledger, admission(lineOf(batchA, index + 2), refused({ recordId })))));
    const entries = await ledger.outbox({ limit: 1_000 });
    expect(new Set(entries.map(({ number }) => number)).size).toBe(ids.length);
    for (const { number, json } of entries) {
      const { record_id: recordId } = JSON.parse(json) as { record_id: string };
      expect(names.shardOfNumber(number)).toBe(names.shardOf(recordId));
    }
    await ledger.published({ numbers: entries.map(({ number }) => number), mark: null });
    expect(await admin((client) => client.exists(...names.shards.map(names.outboxEvents)))).toBe(0);
    const lasts = await admin((client) => Promise.all(names.shards.map((shard) => client.hget(names.meta(shard), 'last'))));
    for (const last of lasts) expect(Number(last) % 4).toBe(0);
    expect(Math.max(...lasts.map(Number)) / 1000 + Date.UTC(2025, 0, 1)).toBeGreaterThanOrEqual(before);
  });

  it('is rebuilt with as many shards, whatever the setting; where nothing is left of it, with as many as the setting says', async () => {
    const { ledger, close } = await open({ shardCount: 64 });
    await ledger.setPause({ batchId: null, pause: { code: 'paused', by: 'alice', reason: 'month end', at } });
    await close();
    opened = [];
    const rebuild = async (shardCount: ShardCount): Promise<void> => {
      await beginRebuild({ ...rebuildParams(connection, prefix), shardCount });
      const { ledger: rebuilt } = await open({ rebuilding: true, shardCount });
      await rebuilt.openBatch(manifest(batchA));
      await rebuilt.close();
      await finishRebuild({ connection, prefix, marksSeen: [] });
    };
    await rebuild(16);
    const names = createKeyNames(prefix, 64);
    expect(await shardsIn()).toBe(64);
    expect(await admin((client) => client.exists(...names.shards.map(names.pauses)))).toBe(64);
    await removeKeys(url, prefix);
    await rebuild(32);
    expect(await shardsIn()).toBe(32);
    const { ledger: whole } = await open({ mayCreate: false });
    await admitted(whole, 'inv-1', 2);
  });
});

describe('a ledger that moves', () => {
  let dir: string;
  beforeEach(() => void (dir = makeDir()));
  afterEach(() => removeDir(dir));

  const topic = (position: number) => ({
    stream: 'topic:pay:0',
    position,
    source: { topic: 'pay', partition: 0, offset: String(position) },
  });
  const named = Array.from({ length: 40 }, (_, index) => `rejected-${index}`);
  const importInto = async (path: string, wanted: string, shardCount: ShardCount) =>
    importedFrom(path, async (sink, { lineage, newest, barrier }) => {
      const common = { connection, prefix: wanted, binding, ledgerKey, ids: randomUUID, shardCount };
      const generation = await beginImport({ ...common, mayCreate: true, lineage, newest, barrier, marksSeen: [] });
      const { ledger } = await openInstance(url, wanted, { importing: true, mayCreate: false });
      return { target: redisTarget(ledger, common), sink, ledgerMark: `${generation}.0.0`, close: () => ledger.close() };
    });
  const sourceOf = (wanted: string) =>
    openRedisSource({ connection, prefix: wanted, ledgerKey, exportId: randomUUID(), to: 'moved.ledger', now: () => at, ids: randomUUID });
  const stateOf = async ({ ledger }: Instance) => ({
    records: await Promise.all(everyRecord.map(async (id) => ({ record: await ledger.record(id), trail: await ledger.trail(id) }))),
    listed: (await ledger.records({ statuses: ['succeeded', 'queued'], limit: 50 }))
      .map(({ record, admittedAt, changedAt }) => [record.recordId, admittedAt, changedAt])
      .sort(),
  });
  /** That a message which was rejected is not paid when it is read once more, now that its instruction is allowed. */
  const knowsEveryMessage = async ({ ledger }: Instance): Promise<void> => {
    for (const [index, recordId] of named.entries())
      expect(await admitOne(ledger, admission(topic(index), valid(instructionOf(recordId))))).toMatchObject({
        status: 'rejected',
        fresh: false,
      });
    expect(await admitOne(ledger, admission(lineOf(batchA, 31), valid(instructionOf('r-free'))))).toMatchObject({ status: 'rejected' });
  };

  it.each([
    [16, 64, 16],
    [16, 64, 32],
    [64, 16, 64],
    [32, 64, 32],
  ] as const)('from %i shards to %i, to SQLite, and to %i keeps every record, total and occurrence', async (one, two, three) => {
    const first = await open({ shardCount: one });
    await fill(first.ledger);
    for (const [index, recordId] of named.entries()) await admitOne(first.ledger, admission(topic(index), refused({ recordId })));
    const seen = await stateOf(first);
    const clean = ({ record, ...rest }: (typeof seen.records)[number]) => ({
      ...rest,
      record: { ...record, sentClocks: record?.sentClocks ? { ...record.sentClocks, uptimeMs: null } : null },
    });
    const compare = async (instance: Instance): Promise<void> => {
      const state = await stateOf(instance);
      expect(state.records.map(clean)).toEqual(seen.records.map(clean));
      expect(state.listed).toEqual(seen.listed);
      expect(isBalanced(await instance.ledger.tallies())).toBe(true);
    };

    const [second, third, home] = [`${prefix}-2`, `${prefix}-3`, makeDir()];
    try {
      await importInto(await exportedFrom(await sourceOf(prefix), join(dir, 'one')), second, two);
      expect(await shardsIn(second)).toBe(two);
      const middle = await open({ mayCreate: false }, second);
      await compare(middle);
      expect(middle.warnings).toEqual([]);
      await knowsEveryMessage(middle);

      await createSqliteTarget(home, await exportedFrom(await sourceOf(second), join(dir, 'two')));
      const alone = await openIn(home);
      expect((await alone.tallies()).length).toBeGreaterThan(0);
      await alone.close();
      await importInto(await exportedFrom(await sourceIn(home), join(dir, 'three')), third, three);
      const last = await open({ mayCreate: false }, third);
      await compare(last);
      await knowsEveryMessage(last);
      await last.ledger.setPause({ batchId: null, pause: null });
      const queued = await last.ledger.record('r-queued');
      if (queued === undefined) throw new Error('it is not there');
      await moved(last.ledger, intent(queued, Buffer.from('{}'), Date.now()));
    } finally {
      removeDir(home);
      await Promise.all(opened.splice(0).map((instance) => instance.close()));
      for (const used of [second, third]) await removeKeys(url, used);
    }
  });
});
