/** What becomes of sends and outcomes when Redis runs out of memory or is set up unsafely while instances work. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Occurrence } from '../../../../batches/instruction/instruction.ts';
import { admitOne, advanceOne } from '../../../../batches/ports/single.ts';
import type { FirstIntent } from '../../../../batches/record/first-intent.ts';
import { admission, at, batchA, instructionOf, keys, lineOf, manifest, valid } from '../../../support/builders.ts';
import { admitted, intent, moved, step } from '../../../support/ledger-steps.ts';
import { patience } from '../../../support/patience.ts';
import { startRedis, type RedisServer } from '../../../support/redis-server.ts';
import { shardOf } from '../../../support/ledger-names.ts';
import { contentsOf } from './fixtures.ts';
import { asAdmin, openInstance, waitsForReplicas, type Instance } from './harness.ts';

let server: RedisServer;
let instance: Instance;

beforeEach(async () => {
  server = await startRedis();
  instance = await openInstance(server.url, 'disburse');
  await instance.ledger.openBatch(manifest(batchA));
});
afterEach(async () => {
  await instance.close();
  await server.stop();
});

const set = (name: string, value: string): Promise<unknown> => asAdmin(server.url, (client) => client.config('SET', name, value));
const warned = (text: string): number => instance.warnings.filter((warning) => warning.includes(text)).length;
const fillMemory = async (): Promise<void> => {
  const used = await asAdmin(server.url, async (client) => /^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1] ?? '');
  await set('maxmemory', used);
};

describe('a Redis whose memory is full', () => {
  it('keeps outcomes waiting and writes them when there is memory, and answers an intent with the record as it is then', async () => {
    const { ledger } = instance;
    const sent = await moved(ledger, intent(await admitted(ledger, 'inv-1', 2)));
    const queued = await admitted(ledger, 'inv-2', 3);
    expect(ledger.health.isOpen()).toBe(true);
    await set('maxmemory', '300kb');
    const outcome = moved(
      ledger,
      step(sent, { status: 'in_progress', sessionId: 'ps_1', isSessionProven: true, leaseOwner: null, leaseUntil: null }),
    );
    const intended = advanceOne(ledger, intent(queued));
    await expect.poll(() => warned('Nothing new is sent'), patience).toBe(1);
    expect(ledger.health.isOpen()).toBe(false);
    expect(await ledger.record('inv-1')).toMatchObject({ status: 'submitting' });
    await set('maxmemory', '0');
    expect(await outcome).toMatchObject({ status: 'in_progress' });
    expect(await ledger.record('inv-1')).toEqual(await outcome);
    expect(await intended).toEqual({ ok: false, why: 'moved', current: queued });
    expect((await advanceOne(ledger, intent(queued))).ok).toBe(true);
    expect(ledger.health.isOpen()).toBe(true);
    expect(warned('sending continues')).toBe(1);
  });

  const event = (stream: string, position: number): Occurrence => ({
    ...{ stream, position },
    source: { topic: stream, partition: 0, offset: String(position) },
  });
  const inOneShard = Array.from({ length: 200 }, (_, index) => `inv-${index}`).filter((id) => shardOf(id) === 3);
  const [first = '', second = ''] = inOneShard;

  it.each([
    ['itself', event('topic:pay:0', 3)],
    ['what it is the first to share with others', event('topic:other:0', 3)],
    ['its place in a file', lineOf(batchA, 3)],
  ])('answers an admission with an intent at once when there is no memory for %s, and nothing is written', async (_, occurrence) => {
    const { ledger } = instance;
    const its = (recordId: string): FirstIntent => ({
      ...{ idempotencyKey: keys.idempotencyKey('payout', recordId, 1), owner: 'me', at, leaseMs: 60_000, bytes: Buffer.from('{}') },
      clocks: { wallAt: at, uptimeMs: null },
      terms: { keyLifetimeMs: null, idempotencyHeader: 'X-PARTNER-IDEMPOTENCY-KEY', timeoutMs: 30_000 },
    });
    // What many records share has its number then.
    expect(await ledger.admitWithIntent(admission(event('topic:pay:0', 2), valid(instructionOf(first))), its(first))).toMatchObject({
      type: 'intended',
    });
    await set('maxmemory', '300kb');
    const one = admission(occurrence, valid(instructionOf(second)));
    expect(await ledger.admitWithIntent(one, its(second))).toBeNull();
    expect(warned('Nothing new is sent')).toBe(1);
    const taken = admitOne(ledger, one);
    expect(await ledger.record(second)).toBeUndefined();
    await set('maxmemory', '0');
    expect(await taken).toMatchObject({ type: 'admitted', record: { status: 'queued', sends: 0 } });
    expect(await ledger.batch(batchA)).toMatchObject({ sent: 1 });
  });

  it('writes nothing of the calls of a group, and all of them when there is memory', async () => {
    const { ledger } = instance;
    const shard = 3;
    const ids = Array.from({ length: 200 }, (_, index) => `inv-${index}`)
      .filter((id) => shardOf(id) === shard)
      .slice(0, 5);
    const sent = await Promise.all(ids.map(async (id, index) => moved(ledger, intent(await admitted(ledger, id, index + 2)))));
    const contents = (): Promise<Record<string, unknown>> => asAdmin(server.url, (client) => contentsOf(client, 'disburse'));
    const before = await contents();
    await set('maxmemory', '300kb');
    const failed = sent.map((record) => moved(ledger, step(record, { status: 'failed', leaseOwner: null, leaseUntil: null })));
    await expect.poll(() => warned('Nothing new is sent'), patience).toBe(1);
    expect(await contents()).toEqual(before);
    await set('maxmemory', '0');
    const records = await Promise.all(failed);
    expect(await Promise.all(ids.map((id) => ledger.record(id)))).toEqual(records);
    expect(await ledger.tallies(batchA)).toEqual(expect.arrayContaining([...(await ledger.recount(batchA))]));
    expect((await ledger.outbox({ limit: 10 })).map(({ eventId }) => eventId)).toHaveLength(ids.length);
  });

  it('makes no intents before it is full: above 95 % of maxmemory, reported once, until there is memory again', async () => {
    const { ledger } = instance;
    await fillMemory();
    for (let tick = 0; tick < 3; tick += 1) await ledger.health.tick();
    expect(ledger.health.isOpen()).toBe(false);
    expect(warned('maxmemory')).toBe(1);
    const waiting = ledger.health.waitUntilOpen(new AbortController().signal);
    await expect(ledger.health.waitUntilOpen(AbortSignal.abort(new Error('stopping')))).rejects.toThrow('stopping');
    await set('maxmemory', '0');
    await ledger.health.tick();
    await waiting;
    expect(ledger.health.isOpen()).toBe(true);
  });
});

describe('a Redis whose settings become unsafe', () => {
  it('gets no further intents, is reported once, and is used again when it is corrected', async () => {
    const { ledger } = instance;
    const sent = await moved(ledger, intent(await admitted(ledger, 'inv-1', 2)));
    await set('appendfsync', 'no');
    await set('maxmemory-policy', 'allkeys-lru');
    await ledger.health.tick();
    for (let tick = 0; tick < 60; tick += 1) await ledger.health.tick();
    expect(ledger.health.isOpen()).toBe(false);
    expect(warned('appendfsync is no')).toBe(1);
    expect(warned('maxmemory-policy is allkeys-lru')).toBe(1);
    // An outcome is written all the same.
    await moved(ledger, step(sent, { status: 'in_progress', sessionId: 'ps_1', isSessionProven: true }));
    await set('appendfsync', 'always');
    await set('maxmemory-policy', 'noeviction');
    for (let tick = 0; tick < 60; tick += 1) await ledger.health.tick();
    expect(ledger.health.isOpen()).toBe(true);
    expect(warned('keeps what it acknowledges again')).toBe(1);
  });

  it('is not used on a new connection until it is corrected', async () => {
    const { ledger } = instance;
    const queued = await admitted(ledger, 'inv-1', 2);
    await server.stop('SIGKILL');
    const other = await startRedis({ port: server.port, dir: server.dir, args: ['--appendfsync', 'no'] });
    let isAnswered = false;
    const asked = ledger.record('inv-1').finally(() => (isAnswered = true));
    await expect.poll(() => warned('appendfsync is no'), patience).toBe(1);
    expect(isAnswered).toBe(false);
    expect(ledger.health.isOpen()).toBe(false);
    await set('appendfsync', 'always');
    expect(await asked).toEqual(queued);
    expect(ledger.health.isOpen()).toBe(true);
    await other.stop();
  });

  it('is allowed by --allow-unsafe-redis, and each change is reported', async () => {
    const allowed = await openInstance(server.url, 'disburse', { allow: { unsafe: true } });
    await set('appendfsync', 'no');
    await allowed.ledger.health.tick();
    expect(allowed.ledger.health.isOpen()).toBe(true);
    expect(allowed.warnings).toEqual([expect.stringContaining('Allowed by --allow-unsafe-redis')]);
    await allowed.close();
  });

  it('is one with replicas too, unless it can wait for them, because a failover loses acknowledged writes', async () => {
    const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(server.port)] });
    const replicas = async (): Promise<string> => asAdmin(server.url, (client) => client.info('replication'));
    await expect.poll(replicas, patience).toContain('connected_slaves:1');
    const opening = openInstance(server.url, 'disburse');
    if (await waitsForReplicas(server.url)) await (await opening).close();
    else {
      await expect(opening).rejects.toThrow(/it has 1 replica, .* Redis \S+ cannot wait for them \(use Redis 7\.2 or later/);
      await instance.ledger.health.tick();
      expect(instance.ledger.health.isOpen()).toBe(false);
    }
    const allowed = await openInstance(server.url, 'disburse', { allow: { unsafe: true } });
    await allowed.close();
    // One that waits for its first copy does not end on SIGTERM.
    await replica.stop('SIGKILL');
  });
});
