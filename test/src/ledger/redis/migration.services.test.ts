/** A ledger of schema 1, with records in every status; how it was made: test/fixtures/README.md. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { advanceOne, admitOne } from '../../../../batches/ports/single.ts';
import type { Ledger } from '../../../../batches/ports/ledger.ts';
import { whyNotResend } from '../../../../batches/record/resend-rules.ts';
import { recordIntent } from '../../../../batches/record/transitions.ts';
import { isBalanced, isOpenTally, type TallyRow } from '../../../../batches/record/tally.ts';
import { LedgerBindingError, LedgerKeyError, LedgerReadError, LedgerSchemaError } from '../../../../src/ledger/errors.ts';
import { createKeyNames, shardOf, shards } from '../../../support/ledger-names.ts';
import { openRedisReader, type RedisLedgerReader } from '../../../../src/ledger/redis/reader.ts';
import { connectRedis } from '../../../../src/redis/connection.ts';
import { admission, at, batchA, instructionOf, lineOf, transitionSettings, valid } from '../../../support/builders.ts';
import { redisUrl, uniquePrefix } from '../../../support/services.ts';
import { contentsOf, writeFixture } from './fixtures.ts';
import { asAdmin, binding, openInstance, removeKeys, type Instance } from './harness.ts';

const schemaVersion = '4';
/** To schema 2. The migration to schema 3 has none, that to schema 4 has one. */
const steps = 5;

let prefix: string;
let names: ReturnType<typeof createKeyNames>;
const opened: { close(): Promise<void> }[] = [];
const open = async (patch: Parameters<typeof openInstance>[2] = {}): Promise<Instance> => {
  const instance = await openInstance(redisUrl(), prefix, patch);
  opened.push(instance);
  return instance;
};
const openReader = async (): Promise<RedisLedgerReader> => {
  const connection = await connectRedis({ url: redisUrl(), onWarning: () => undefined });
  opened.push(connection);
  return openRedisReader({ connection, prefix });
};
const admin = <T>(work: Parameters<typeof asAdmin<T>>[1]): Promise<T> => asAdmin(redisUrl(), work);
const metaOf = (shard: number): Promise<Record<string, string>> => admin((client) => client.hgetall(names.meta(shard)));
const holderOf = (sessionId: string): Promise<string | null> =>
  admin((client) => client.hget(names.sessions(shardOf(sessionId), sessionId), sessionId));
const contents = (): Promise<Record<string, unknown>> => admin((client) => contentsOf(client, prefix));
const load = (): Promise<void> => admin((client) => writeFixture(client, 1, prefix));

beforeEach(async () => {
  prefix = uniquePrefix();
  names = createKeyNames(prefix);
  await load();
});
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close();
  await removeKeys(redisUrl(), prefix);
});

describe('a ledger in Redis of schema 1', () => {
  it('is read by a reader as it is, without a migration', async () => {
    const reader = await openReader();
    expect(await reader.record('open')).toMatchObject({ status: 'unknown', sends: 1, keyLifetimeMs: null, sentClocks: null });
    expect(await reader.batches()).toHaveLength(3);
    expect(isBalanced(await reader.tallies())).toBe(true);
    expect((await metaOf(0))['schema']).toBe('1');
  });

  it('is migrated by the first process that pays, and keeps batches, tallies, records, outbox and bodies', async () => {
    const before = await openReader();
    const [batches, tallies, purged] = [await before.batches(), await before.tallies(), await before.record('purged')];
    const { ledger, warnings } = await open();
    for (const shard of shards) {
      const { schema, state, idempotency_header: header } = await metaOf(shard);
      expect({ schema, state, header }).toEqual({ schema: schemaVersion, state: 'live', header: binding.idempotencyHeader });
    }
    expect(warnings).toHaveLength(steps + 4);
    expect(await ledger.batches()).toEqual(batches);
    expect(await ledger.tallies()).toEqual(tallies);
    expect(await ledger.record('purged')).toEqual(purged);
    expect(await ledger.takeOverOutbox({ olderThanMs: 0, limit: 100 })).toBeGreaterThan(5);
    for (const recordId of ['submitting', 'open', 'resending', 'given-up'])
      expect(Buffer.from((await ledger.body(recordId)) ?? []).toString()).toBe(`{"metadata":{"record_id":"${recordId}","attempt":1}}`);
  });

  it.each(['submitting', 'card', 'open', 'resending', 'given-up'])(
    'never resends the send %s, which was open before the migration',
    async (recordId) => {
      const { ledger } = await open();
      const record = await ledger.record(recordId);
      if (record === undefined) throw new Error('the record is gone');
      expect(record).toMatchObject({ keyLifetimeMs: null, sentClocks: null });
      expect(whyNotResend(transitionSettings, record, at)).not.toBeNull();
      // Neither does the script that writes an intent let it.
      if (record.status !== 'unknown' || record.sends > 1) return;
      const now = Date.now();
      const terms = { ...transitionSettings, keyLifetimeMs: 1e12 };
      const clocks = { wallAt: now, uptimeMs: null };
      const again = recordIntent(record, { owner: 'me', at: now, clocks, leaseMs: 60_000, bytes: Buffer.from('{}'), terms });
      expect(await advanceOne(ledger, again)).toMatchObject({ ok: false, why: 'too_old' });
    },
  );

  it('keeps the reason of an open send, without why it was not resent', async () => {
    const { ledger } = await open();
    expect((await ledger.record('given-up'))?.reason).toEqual({ code: 'connection_lost', description: 'The connection was lost.' });
  });

  it('binds the idempotency header that is configured at the migration', async () => {
    await open({ binding: { ...binding, idempotencyHeader: 'X-Mine' } });
    await expect(open()).rejects.toThrow(LedgerBindingError);
    await open({ binding: { ...binding, idempotencyHeader: 'x-mine' } });
  });

  it('claims each session id for one record: of those that share one, for the oldest', async () => {
    await open();
    expect(await holderOf('ps_same')).toBe('twin-1');
    expect(await holderOf('ps_confirming')).toBe('confirming');
    expect(await holderOf('ps_purged')).toBe('purged');
  });

  it('claims the places of files for the shards that hold them, and keeps other record ids from them', async () => {
    const { ledger } = await open();
    for (const recordId of Array.from({ length: 16 }, (_, index) => `rival-${index}`))
      expect(await admitOne(ledger, admission(lineOf(batchA, 3), valid(instructionOf(recordId))))).toEqual({ type: 'place_taken' });
    expect(await admitOne(ledger, admission(lineOf(batchA, 3), valid(instructionOf('submitting'))))).toMatchObject({ type: 'open' });
    expect(await admitOne(ledger, admission(lineOf(batchA, 90), valid(instructionOf('succeeded'))))).toMatchObject({ status: 'duplicate' });
    expect(isBalanced(await ledger.tallies())).toBe(true);
  });

  it('finds what is open without reading all batches', async () => {
    const { ledger } = await open();
    const openNow = (await ledger.tallies()).filter(isOpenTally);
    const byName = (rows: readonly TallyRow[]): string[] => rows.map((row) => `${row.status} ${row.currency} ${row.count}`).toSorted();
    expect(openNow.length).toBeGreaterThan(1);
    expect(byName((await ledger.overview()).open)).toEqual(byName(openNow));
    for (const shard of shards) expect((await metaOf(shard))['active']).toBe('1');
    const noted = await admin(async (client) => (await Promise.all(shards.map((shard) => client.smembers(names.active(shard))))).flat());
    expect(new Set(noted.map((name) => name.slice(names.tally(0, '').length)))).toContain(batchA);
  });

  it('finds unfinished batches and details to purge without reading all batches', async () => {
    const { ledger } = await open();
    expect(await ledger.unfinishedFiles()).toEqual([batchA]);
    // succeeded, failed, cancelled, withdrawn, rejected, and the one whose details are purged already, which is packed.
    expect(await ledger.purgeDetails({ olderThanMs: 0, limit: 100 })).toBe(6);
    expect(await admin((client) => client.exists(...shards.map(names.dropped)))).toBe(0);
  });

  it('is left as it is when the process may not pay from it', async () => {
    const before = await contents();
    await expect(open({ binding: { ...binding, project: 'other' } })).rejects.toThrow(LedgerBindingError);
    await expect(open({ ledgerKey: Buffer.alloc(32, 8) })).rejects.toThrow(LedgerKeyError);
    await expect(open({ hasResults: true, marksSeen: ['id-0.0.7'] })).rejects.toThrow(/older copy/);
    const refusal = new Error('instances of the former version work');
    await expect(open({ beforeMigration: () => Promise.reject(refusal) })).rejects.toThrow(refusal.message);
    expect(await contents()).toEqual(before);
  });

  it('knows what was published before the migration, and notices a copy from before it', async () => {
    const { ledger } = await open({ hasResults: true, marksSeen: ['id-0.0.6'] });
    await open({ hasResults: true, marksSeen: ['id-0.0.6'] });
    await ledger.takeOverOutbox({ olderThanMs: 0, limit: 100 });
    const generation = (await metaOf(0))['generation'] ?? '';
    expect(generation).not.toBe('id-0');
    await admin(async (client) => {
      for (const shard of shards) await client.hset(names.meta(shard), { generation: 'id-0', schema: '1' });
      for (const shard of shards) await client.hdel(names.meta(shard), 'taken_in');
    });
    await expect(open({ hasResults: true, marksSeen: [`${generation}.0.7`] })).rejects.toThrow(
      /is not the one that results were published from/,
    );
  });

  it.each(Array.from({ length: steps + 2 }, (_, step) => step))(
    'whose migration was killed before message %i is used by no process, and the next start completes it',
    async (killedAt) => {
      let told = 0;
      const kill = (): void => {
        if (told++ === killedAt) throw new TypeError('killed');
      };
      await expect(open({ onWarning: kill })).rejects.toThrow('killed');
      if (killedAt < steps) await expect(openReader()).rejects.toThrow(LedgerReadError);
      await open();
      const migrated = await contents();
      await removeKeys(redisUrl(), prefix);
      await Promise.all(opened.splice(0).map((one) => one.close()));
      await load();
      await open();
      expect(migrated).toEqual(await contents());
    },
  );

  it('is migrated once by several processes that start together, and all of them may pay', async () => {
    const instances = await Promise.all([open(), open(), open()]);
    const ledgers: readonly Ledger[] = instances.map(({ ledger }) => ledger);
    for (const ledger of ledgers) expect(isBalanced(await ledger.tallies())).toBe(true);
    expect(await holderOf('ps_same')).toBe('twin-1');
    expect(new Set(await Promise.all(shards.map(async (shard) => (await metaOf(shard))['generation']))).size).toBe(1);
  });

  it('stops a process of the former version that works on it, at its next call', async () => {
    const former = await open();
    // As the former version left it: its process knows the generation, and nothing of the migration.
    await admin(async (client) => {
      for (const shard of shards) await client.hset(names.meta(shard), 'schema', '1');
    });
    await open();
    await expect(former.ledger.record('open')).rejects.toThrow(/replaced while it was in use/);
  });

  it('is refused by a program that knows only older schemas', async () => {
    await open();
    await admin((client) => client.hset(names.meta(0), 'schema', '5'));
    await expect(open()).rejects.toThrow(LedgerSchemaError);
    await expect(openReader()).rejects.toThrow(LedgerSchemaError);
  });
});
