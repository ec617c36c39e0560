/** What becomes of a ledger when its Redis stops, hangs, forgets, or comes back older. Each on a server of its own. */
import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isBalanced } from '../../../../batches/record/tally.ts';
import { LedgerClosedError } from '../../../../src/ledger/errors.ts';
import { LedgerDataLossError } from '../../../../src/ledger/redis/errors.ts';
import { createKeyNames, shardOf } from '../../../support/ledger-names.ts';
import { createKeyNames as namesOf } from '../../../../src/ledger/redis/key-names.ts';
import { beginRebuild, finishRebuild } from '../../../../src/ledger/redis/ledger.ts';
import { admission, batchA, batchB, instructionOf, lineOf, manifest, refused, valid } from '../../../support/builders.ts';
import { admitted, intent, moved, step } from '../../../support/ledger-steps.ts';
import { patience } from '../../../support/patience.ts';
import { startRedis, type RedisServer } from '../../../support/redis-server.ts';
import { asAdmin, binding, clientOf, keysOf, openInstance, rebuildParams, type Instance } from './harness.ts';
import { admitOne, advanceOne } from '../../../../batches/ports/single.ts';

let server: RedisServer;
let opened: Instance[];
const prefix = 'disburse';
const names = createKeyNames(prefix);

beforeEach(async () => {
  server = await startRedis();
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((instance) => instance.close()));
  await server.stop();
});

const open = async (patch: Parameters<typeof openInstance>[2] = {}): Promise<Instance> => {
  const instance = await openInstance(server.url, prefix, patch);
  opened.push(instance);
  return instance;
};
const openWithBatch = async (patch: Parameters<typeof openInstance>[2] = {}): Promise<Instance> => {
  const instance = await open(patch);
  await instance.ledger.openBatch(manifest(batchA));
  return instance;
};
const admin = <T>(work: Parameters<typeof asAdmin<T>>[1]): Promise<T> => asAdmin(server.url, work);
const newestMark = async ({ ledger }: Instance): Promise<string> => {
  const entry = (await ledger.outbox({ limit: 1_000 })).at(-1);
  return (JSON.parse(entry?.json ?? '{}') as { ledger_mark: string }).ledger_mark;
};

describe('a Redis that is unavailable', () => {
  it('for 5 s delays calls, and all of them complete', async () => {
    const { ledger, warnings } = await openWithBatch();
    const queued = await admitted(ledger, 'inv-0', 2);
    await server.stop('SIGKILL');
    const waiting = Promise.all([
      moved(ledger, intent(queued)),
      ...Array.from({ length: 20 }, (_, index) => admitted(ledger, `inv-${index + 1}`, index + 3)),
      admitOne(ledger, admission(lineOf(batchA, 100), refused({ recordId: 'inv-100' }))),
    ]);
    await sleep(5_000);
    await server.restart();
    await waiting;
    expect(isBalanced(await ledger.tallies(batchA))).toBe(true);
    expect((await ledger.tallies(batchA)).find(({ status }) => status === 'received')?.count).toBe(22);
    expect(await ledger.outbox({ limit: 9 })).toHaveLength(1);
    await expect.poll(() => warnings.length, patience).toBe(2);
  });

  it('because it hangs loses its connection, and a new connection serves the calls', async () => {
    const { ledger } = await openWithBatch();
    server.pause();
    const waiting = admitted(ledger, 'inv-1', 2);
    const changing = ledger.updateBatch({ batchId: batchA, state: 'paused', at: 1 });
    await sleep(7_000);
    server.resume();
    expect(await waiting).toMatchObject({ version: 1 });
    await changing;
    // What it was asked for before it hung, it does late and to no effect.
    await ledger.updateBatch({ batchId: batchA, state: 'cancelled', at: 2 });
    await sleep(200);
    expect(await ledger.batch(batchA)).toMatchObject({ state: 'cancelled' });
    expect((await ledger.tallies(batchA)).find(({ status }) => status === 'received')?.count).toBe(1);
  });

  it('does not delay the closing of the ledger', async () => {
    const { ledger } = await openWithBatch();
    await server.stop();
    const waiting = expect(admitted(ledger, 'inv-1', 2)).rejects.toThrow(LedgerClosedError);
    await sleep(100);
    await ledger.close();
    await waiting;
  });

  it('or has lost its scripts gets them again', async () => {
    const { ledger } = await openWithBatch();
    await admitted(ledger, 'inv-1', 2);
    await admin((client) => client.script('FLUSH'));
    const records = await Promise.all(Array.from({ length: 50 }, (_, index) => admitted(ledger, `more-${index}`, index + 3)));
    expect(records).toHaveLength(50);
    expect((await ledger.tallies(batchA)).find(({ status }) => status === 'queued')?.count).toBe(51);
  });
});

describe('a Redis that was emptied', () => {
  const asks: readonly (readonly [string, (ledger: Instance['ledger']) => Promise<unknown>])[] = [
    ['admits', (ledger) => admitOne(ledger, admission(lineOf(batchA, 9), valid(instructionOf('inv-9'))))],
    ['writes', async (ledger) => advanceOne(ledger, intent({ ...(await queuedSample), version: 1 }))],
    ['reads a record', (ledger) => ledger.record('inv-1')],
    ['reads the tallies', (ledger) => ledger.tallies()],
    ['claims', (ledger) => ledger.claimDue({ limit: 9, leaseMs: 1_000 })],
    ['publishes', (ledger) => ledger.published({ numbers: [16], mark: null })],
  ];
  let queuedSample: Promise<Awaited<ReturnType<typeof admitted>>>;

  it.each(asks)('is noticed by the next caller that %s, without a new connection', async (_, ask) => {
    const told: LedgerDataLossError[] = [];
    const { ledger } = await openWithBatch({ onBroken: (error) => told.push(error) });
    queuedSample = admitted(ledger, 'inv-1', 2);
    await queuedSample;
    await admin((client) => client.flushall());
    await expect(ask(ledger)).rejects.toThrow(LedgerDataLossError);
    await expect(ledger.broken).rejects.toThrow('Nothing is paid until `disburse rebuild` has run');
    // Everything after it as well, and nothing was written.
    await expect(ledger.batches()).rejects.toThrow(LedgerDataLossError);
    expect(told).toHaveLength(1);
    expect(await admin((client) => client.dbsize())).toBe(0);
    await expect(open({ hasResults: true })).rejects.toThrow(LedgerDataLossError);
  });
});

describe.each([16, 64] as const)('a Redis with %i shards that came back with an older state', (shardCount) => {
  const names = namesOf(prefix, shardCount);
  /** Where its writes are kept: a file before Redis 7, a folder since. */
  const appendOnly = async (): Promise<string> => {
    const name = (await readdir(server.dir)).find((each) => each === 'appendonlydir' || each === 'appendonly.aof');
    return join(server.dir, name ?? 'appendonlydir');
  };
  const withOldCopy = async (): Promise<Instance> => {
    const instance = await openWithBatch({ shardCount });
    await admitted(instance.ledger, 'inv-1', 2);
    await server.stop();
    await cp(await appendOnly(), join(server.dir, 'copy'), { recursive: true });
    await server.restart();
    await moved(instance.ledger, intent((await instance.ledger.record('inv-1')) ?? (await Promise.reject(new Error('inv-1 is gone')))));
    await admitOne(instance.ledger, admission(lineOf(batchA, 3), refused({ recordId: 'inv-1' })));
    return instance;
  };
  const takeBack = async (): Promise<void> => {
    await server.stop();
    const kept = await appendOnly();
    await rm(kept, { recursive: true });
    await cp(join(server.dir, 'copy'), kept, { recursive: true });
    await server.restart();
  };

  it('is detected at the new connection, and waiting and later calls are refused', async () => {
    const { ledger } = await withOldCopy();
    await server.stop();
    const waiting = expect(ledger.record('inv-1')).rejects.toThrow(/was restored from an older copy/);
    await takeBack();
    await waiting;
    await expect(ledger.claimDue({ limit: 9, leaseMs: 1_000 })).rejects.toThrow(LedgerDataLossError);
    // It was not asked for anything: the old queued record is not shown as one to be sent.
    await expect(admitOne(ledger, admission(lineOf(batchA, 2), valid(instructionOf('inv-1'))))).rejects.toThrow(LedgerDataLossError);
  });

  it.each([
    ['had written before', 'inv-1'],
    ['had not written before', 'inv-2'],
  ])('is detected although another instance has written past it, by the instance that %s', async (_, recordId) => {
    const { ledger, connection } = await withOldCopy();
    await admitOne(ledger, admission(lineOf(batchA, 4), refused({ recordId })));
    const counterOf = async (id: string): Promise<number> =>
      Number(await admin((client) => client.hget(names.meta(names.shardOf(id)), 'counter')));
    const written = ['inv-1', recordId];
    const lastSeen = await Promise.all(written.map(counterOf));
    clientOf(connection).disconnect();
    await takeBack();
    const other = await open();
    for (const [index, id] of written.entries()) {
      for (let line = 100; (await counterOf(id)) <= (lastSeen[index] ?? 0); line += 1) {
        await admitOne(other.ledger, admission(lineOf(batchA, line), refused({ recordId: id })));
      }
    }
    const waiting = expect(ledger.record('inv-1')).rejects.toThrow(/was restored from an older copy, and other processes have written/);
    await clientOf(connection).connect();
    await waiting;
    await expect(ledger.broken).rejects.toThrow(LedgerDataLossError);
    expect(await other.ledger.record('inv-1')).toMatchObject({ status: 'queued' });
  });

  it('is detected at the start by the marks of the newest results', async () => {
    const instance = await withOldCopy();
    const mark = await newestMark(instance);
    await instance.close();
    await takeBack();
    await expect(open({ hasResults: true, marksSeen: [mark] })).rejects.toThrow(/is an older copy:/);
  });
});

describe('the write counters of a shard', () => {
  const meta = names.meta(shardOf('inv-1'));
  const writers = async (): Promise<string[]> =>
    Object.keys(await admin((client) => client.hgetall(meta))).filter((field) => field.startsWith('w:'));
  const write = async ({ ledger }: Instance, line: number): Promise<unknown> =>
    admitOne(ledger, admission(lineOf(batchA, line), refused({ recordId: 'inv-1' })));
  const note = (count: number, of: string, at: number): Promise<unknown> =>
    admin((client) =>
      client.hset(meta, Object.fromEntries(Array.from({ length: count }, (_, index) => [`w:${of}-${index}`, `${index + 1} ${at}`]))),
    );
  const now = (): number => Math.floor(Date.now() / 1000);
  const day = 86_400;

  it('are removed when their process closes', async () => {
    const [one, other] = [await openWithBatch(), await open()];
    await write(one, 2);
    await write(other, 3);
    expect(await writers()).toHaveLength(2);
    await one.close();
    expect(await writers()).toHaveLength(1);
    await other.close();
    expect(await writers()).toEqual([]);
  });

  it('are dropped for the processes that wrote longest ago, when there are many', async () => {
    const one = await openWithBatch();
    await note(30, 'fresh', now() - day + 600);
    await note(70, 'old', now() - day - 600);
    await write(one, 2);
    const kept = await writers();
    expect(kept).toHaveLength(64);
    expect(kept.filter((field) => field.startsWith('w:fresh'))).toHaveLength(30);
    expect(kept.filter((field) => field.startsWith('w:old'))).toHaveLength(33);
  });

  it('are kept for every process that wrote within a day, however many there are', async () => {
    const one = await openWithBatch();
    await note(100, 'fresh', now() - day + 600);
    await write(one, 2);
    expect(await writers()).toHaveLength(101);
  });

  it('are limited when a process crashes and restarts all day, and a dropped process can continue', async () => {
    const [one, other] = [await openWithBatch(), await open()];
    await write(one, 2);
    await note(400, 'fresh', now() + 5);
    await write(other, 3);
    expect(await writers()).toHaveLength(256);
    const [own] = (await admin((client) => client.hmget(meta, 'forgotten'))) as [string];
    expect(Number(own)).toBeGreaterThan(0);
    await server.restart();
    await write(one, 4);
    expect(await writers()).toHaveLength(256);
  });

  it('are dropped for a process that was silent for long, and that process continues when it reconnects', async () => {
    const [one, other] = [await openWithBatch(), await open()];
    await write(one, 2);
    const [field = ''] = await writers();
    const standing = await admin((client) => client.hget(meta, field));
    const long = `${standing?.split(' ')[0] ?? ''} ${now() - 2 * day}`;
    await admin((client) => client.hset(meta, field, long));
    await note(64, 'fresh', now());
    await write(other, 3);
    expect(await writers()).not.toContain(field);
    await server.restart();
    expect(await one.ledger.record('inv-1')).toBeUndefined();
    await write(one, 4);
    expect(await writers()).toContain(field);
    // What it writes from now on is looked for again.
    clientOf(one.connection).disconnect();
    await admin((client) => client.hdel(meta, field));
    await clientOf(one.connection).connect();
    await expect(one.ledger.record('inv-1')).rejects.toThrow(LedgerDataLossError);
  });
});

describe('a rebuild', () => {
  it('takes the ledger from all instances, writes it again, and releases it', async () => {
    const before = await openWithBatch();
    const sent = await moved(before.ledger, intent(await admitted(before.ledger, 'inv-1', 2), Buffer.from('bytes')));
    const record = await moved(before.ledger, step(sent, { status: 'in_progress', sessionId: 'ps_1', dueAt: 1 }));
    await admitOne(before.ledger, admission(lineOf(batchA, 3), refused({ recordId: 'inv-2' })));
    const mark = await newestMark(before);
    await admin((client) => client.set('somebody:else', 'kept'));

    await beginRebuild(rebuildParams(before.connection, prefix));
    await expect(before.ledger.record('inv-1')).rejects.toThrow(LedgerDataLossError);
    await expect(open()).rejects.toThrow(/is being rebuilt/);
    const rebuilding = await open({ rebuilding: true });
    const { ledger } = rebuilding;
    expect(await ledger.batches()).toEqual([]);
    await ledger.openBatch({ ...manifest(batchA), bytes: 0, blockDigests: [] });
    const content = valid(instructionOf('inv-1'));
    const fields = content.type === 'valid' ? content.fields : undefined;
    if (fields === undefined) throw new Error('no fields');
    const settled = {
      occurrence: lineOf(batchA, 3),
      batchId: batchA,
      recordId: 'inv-2',
      status: 'rejected',
      amountMinor: 1230n,
      currency: 'EUR',
      sequence: 1,
    } as const;
    const duplicate = { ...settled, occurrence: lineOf(batchA, 4), recordId: 'inv-1', status: 'duplicate', sequence: 7 } as const;
    // Twice, as when it was interrupted between.
    for (const _ of [1, 2]) {
      await ledger.restoreSettled(settled);
      await ledger.restore({ record, fields, body: Buffer.from('bytes') });
      await ledger.restoreSettled(duplicate);
    }
    expect(await ledger.record('inv-1')).toEqual({ ...record, sequence: 7 });
    expect(Buffer.from((await ledger.body('inv-1')) ?? []).toString()).toBe('bytes');
    expect(await ledger.countUnsettledDuplicates({ batchId: batchA, exceptInProgress: false })).toBe(1);
    expect(await ledger.countUnsettledDuplicates({ batchId: batchA, exceptInProgress: true })).toBe(0);
    expect(await ledger.batch(batchA)).toMatchObject({ sent: 1, firstSentAt: record.firstSentAt });
    const tallies = await ledger.tallies();
    expect(isBalanced(tallies)).toBe(true);
    expect(tallies.find(({ status }) => status === 'received')).toMatchObject({ count: 3, amountMinor: 3690n });

    await finishRebuild({ connection: before.connection, prefix, marksSeen: [mark] });
    await finishRebuild({ connection: before.connection, prefix, marksSeen: [mark] });
    await expect(open({ rebuilding: true })).rejects.toThrow(/is not being rebuilt/);
    // What was published from the former ledger is in this one, and from then on its own marks count as well.
    const after = await open({ hasResults: true, marksSeen: [mark] });
    expect((await after.ledger.claimDue({ limit: 9, leaseMs: 1_000 })).records).toEqual([{ ...record, sequence: 7 }]);
    expect(await admitOne(after.ledger, admission(lineOf(batchA, 2), valid(instructionOf('inv-1'))))).toMatchObject({ type: 'open' });
    expect(await admitOne(after.ledger, admission(lineOf(batchA, 3), refused({ recordId: 'inv-2' })))).toMatchObject({ fresh: false });
    expect(await admitted(after.ledger, 'inv-2', 9)).toMatchObject({ sequence: 1 });
    expect(await admin((client) => client.get('somebody:else'))).toBe('kept');
  });

  it('publishes the restored events with marks of the new generation', async () => {
    const { connection } = await open();
    await beginRebuild(rebuildParams(connection, prefix));
    const { ledger } = await open({ rebuilding: true });
    await ledger.openBatch(manifest(batchB));
    const former = await admittedElsewhere();
    const change = step(former, { status: 'unknown' });
    if (change.event === undefined) throw new Error('no event');
    const event = { ...change.event, ledger_mark: 'former.1.1' };
    await ledger.restore({ record: change.after, fields: { paths: '', digests: Buffer.alloc(0) }, event });
    const [entry] = await ledger.outbox({ limit: 9 });
    expect(entry?.eventId).toBe(event.event_id);
    expect(entry?.json.match(/ledger_mark/g)).toHaveLength(1);
    expect(entry?.json).not.toContain('former.1.1');
  });

  /** A record of `batchB` as another ledger made it. */
  async function admittedElsewhere(): Promise<Awaited<ReturnType<typeof admitted>>> {
    const elsewhere = await openInstance(server.url, 'elsewhere');
    await elsewhere.ledger.openBatch(manifest(batchB));
    const record = await admitted(elsewhere.ledger, 'inv-1', 2, {}, batchB);
    await elsewhere.close();
    return record;
  }

  it('does not change a ledger of another account', async () => {
    const { connection } = await openWithBatch();
    const other = { ...rebuildParams(connection, prefix), binding: { ...binding, gateway: 'https://other.example' } };
    const before = await admin((client) => keysOf(client, prefix));
    await expect(beginRebuild(other)).rejects.toThrow(/belongs to gateway/);
    expect((await admin((client) => keysOf(client, prefix))).toSorted()).toEqual(before.toSorted());
  });
});
