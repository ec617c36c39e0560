/** What becomes of a ledger on a Redis Cluster when a node dies, forgets, is set up unsafely, or gives its slots away. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LedgerRecord } from '../../../../batches/record/record.ts';
import { isBalanced } from '../../../../batches/record/tally.ts';
import { createKeyNames, shardOf, shards } from '../../../support/ledger-names.ts';
import { createRedisLimiter } from '../../../../src/limiter/redis/limiter.ts';
import { connectRedis } from '../../../../src/redis/connection.ts';
import { scriptRunner } from '../../../../src/redis/by-key-scripts.ts';
import { scanKeys, sendByKey } from '../../../../src/redis/by-key.ts';
import { slotOf } from '../../../../src/redis/slots.ts';
import { batchA, manifest } from '../../../support/builders.ts';
import { admitted, intent, moved, step } from '../../../support/ledger-steps.ts';
import { freePort } from '../../../support/free-port.ts';
import { patience } from '../../../support/patience.ts';
import { startRedisCluster, type ClusterNode, type RedisCluster } from '../../../support/redis-cluster.ts';
import { redisUrl, uniquePrefix } from '../../../support/services.ts';
import { monotonicClock } from '../../../../src/clock.ts';
import { openInstance, type Instance } from './harness.ts';

let cluster: RedisCluster;
let opened: Instance[] = [];

beforeAll(async () => {
  cluster = await startRedisCluster({ masters: 3 });
});
afterEach(async () => {
  await Promise.all(opened.map((instance) => instance.close()));
  opened = [];
});
afterAll(() => cluster.stop());

async function open(patch: Parameters<typeof openInstance>[2] = {}, prefix = uniquePrefix()): Promise<Instance & { prefix: string }> {
  const instance = await openInstance(cluster.url, prefix, patch);
  opened.push(instance);
  await instance.ledger.openBatch(manifest(batchA));
  return { ...instance, prefix };
}

const warned = ({ warnings }: Instance, text: string): number => warnings.filter((warning) => warning.includes(text)).length;
/** Record ids whose shard this node holds, or not. */
async function idsAt(prefix: string, node: ClusterNode, isThere: boolean, count: number): Promise<readonly string[]> {
  const names = createKeyNames(prefix);
  const holders = await Promise.all(shards.map((shard) => cluster.holder(names.meta(shard))));
  return Array.from({ length: 500 }, (_, index) => `inv-${index}`)
    .filter((id) => (holders[shardOf(id)]?.port === node.port) === isThere)
    .slice(0, count);
}
const lineOfId = (id: string): number => Number(id.slice(4)) + 2;

const pay = async (instance: Instance, id: string): Promise<LedgerRecord> =>
  send(instance, await admitted(instance.ledger, id, lineOfId(id)));

async function send({ ledger }: Instance, queued: LedgerRecord): Promise<LedgerRecord> {
  const id = queued.recordId;
  const sent = await moved(ledger, intent(queued, Buffer.from(id)));
  const open = await moved(ledger, step(sent, { status: 'in_progress', sessionId: `ps_${id}`, isSessionProven: true, dueAt: 1 }));
  return moved(ledger, step(open, { status: 'succeeded', dueAt: null }, { body: { eraseAt: 0 } }));
}

describe('a master that is killed', () => {
  it('stops its shards and no others, with one sentence, and what waited is written once when it is back', async () => {
    const one = await open();
    const names = createKeyNames(one.prefix);
    const dead = cluster.nodes[1] as ClusterNode;
    const others: string[] = [];
    // Those whose sessions are claimed at another node too.
    for (const id of await idsAt(one.prefix, dead, false, 40))
      if ((await cluster.holder(names.meta(shardOf(`ps_${id}`)))).port !== dead.port) others.push(id);
    const theirs = await idsAt(one.prefix, dead, true, 12);
    // Admitted before, since the place of a row is claimed in a shard of its own.
    const queued = new Map(
      await Promise.all([...theirs, ...others].map(async (id) => [id, await admitted(one.ledger, id, lineOfId(id))] as const)),
    );
    const sendAll = (ids: readonly string[]) => Promise.all(ids.map((id) => send(one, queued.get(id) as LedgerRecord)));

    await dead.stop('SIGKILL');
    let isAnswered = false;
    const waiting = sendAll(theirs).finally(() => (isAnswered = true));
    await sendAll(others);
    expect(others.length).toBeGreaterThan(3);
    expect(isAnswered).toBe(false);
    await expect.poll(() => warned(one, `Redis at ${dead.url} is lost`), patience).toBe(1);
    expect(warned(one, 'work on the slots that it holds is paused')).toBe(1);

    await dead.restart();
    await waiting;
    const tallies = await one.ledger.tallies(batchA);
    expect(isBalanced(tallies)).toBe(true);
    expect(tallies.find(({ status }) => status === 'succeeded')?.count).toBe(theirs.length + others.length);
    await expect.poll(() => warned(one, `Redis at ${dead.url} answers again`), patience).toBe(1);
  });
});

describe('a slot that moves to another node', () => {
  it('while instances write loses and doubles nothing, and both find it there', async () => {
    const one = await open();
    const two = await openInstance(cluster.url, one.prefix);
    opened.push(two);
    const key = createKeyNames(one.prefix).meta(shardOf('inv-0'));
    const from = await cluster.holder(key);
    const to = cluster.nodes.find((node) => node.port !== from.port) as ClusterNode;
    let over = false;
    const writing = [one, two].map(async (instance, index) => {
      const paid: string[] = [];
      for (let next = index; !over || paid.length < 20; next += 2) {
        await pay(instance, `inv-${next}`);
        paid.push(`inv-${next}`);
      }
      return paid;
    });
    await cluster.move(key, to);
    over = true;
    const paid = (await Promise.all(writing)).flat();
    expect((await cluster.holder(key)).port).toBe(to.port);
    for (const id of paid) expect((await one.ledger.record(id))?.status).toBe('succeeded');
    const tallies = await two.ledger.tallies(batchA);
    expect(tallies.find(({ status }) => status === 'succeeded')?.count).toBe(paid.length);
    expect((await one.ledger.outbox({ limit: 9_999 })).length + (await two.ledger.outbox({ limit: 9_999 })).length).toBe(2 * paid.length);
    await cluster.move(key, from);
    await pay(one, 'inv-999');
  });

  it('lets what it holds wait until it has arrived, with one sentence', async () => {
    const one = await open();
    const key = createKeyNames(one.prefix).meta(shardOf('inv-0'));
    const from = await cluster.holder(key);
    const to = cluster.nodes.find((node) => node.port !== from.port) as ClusterNode;
    const queued = await admitted(one.ledger, 'inv-0', 2);
    const [fromId, toId] = [await idOf(from), await idOf(to)];
    const slot = slotOf(key);
    await to.admin((client) => client.call('cluster', 'SETSLOT', slot, 'IMPORTING', fromId));
    await from.admin((client) => client.call('cluster', 'SETSLOT', slot, 'MIGRATING', toId));
    let isWritten = false;
    // Its body is not there yet, so that the node cannot know whether it is at the other one.
    const writing = moved(one.ledger, intent(queued, Buffer.from('bytes'))).finally(() => (isWritten = true));
    await expect.poll(() => warned(one, 'is on its way to another node'), patience).toBe(1);
    expect(isWritten).toBe(false);
    const reading = (async () => {
      for await (const keys of scanKeys(one.connection, `${one.prefix}:*`, 1_000)) void keys;
    })();
    await expect(reading).rejects.toThrow(/moved to another node meanwhile: run again/);
    await from.admin((client) => client.call('cluster', 'SETSLOT', slot, 'STABLE'));
    await to.admin((client) => client.call('cluster', 'SETSLOT', slot, 'STABLE'));
    await writing;
    expect(await one.ledger.record('inv-0')).toMatchObject({ status: 'submitting' });
  });
});

const idOf = (node: ClusterNode): Promise<string> => node.admin((client) => client.call('cluster', 'MYID') as Promise<string>);

it('a user with no more than the commands of the ledger and the two that read the cluster is enough', async () => {
  const commands = ['-@all', '+@connection', '+@read', '+@write', '+@scripting', '-@dangerous', '+info', '+config|get', '+time'];
  const allow = (more: readonly string[]) =>
    Promise.all(
      cluster.nodes.map((node) =>
        node.admin((client) => client.call('acl', 'SETUSER', 'payer', 'reset', 'on', '>s3cret', '~*', ...commands, ...more)),
      ),
    );
  const url = cluster.url.replaceAll('redis://', 'redis://payer:s3cret@');
  await allow([]);
  const opening = openInstance(url, uniquePrefix());
  await expect(opening).rejects.toThrow(/denies its user a permission .* Permit CLUSTER SLOTS and CLUSTER NODES/);
  await expect(opening).rejects.toMatchObject({ exitCode: 1 });
  await allow(['+cluster|slots', '+cluster|nodes']);
  const one = await openInstance(url, uniquePrefix());
  opened.push(one);
  await one.ledger.openBatch(manifest(batchA));
  expect(await pay(one, 'inv-0')).toMatchObject({ status: 'succeeded' });
  expect(one.connection.address).not.toContain('s3cret');
  await one.ledger.health.tick();
  expect(one.ledger.health.isOpen()).toBe(true);
});

describe('a node of a cluster', () => {
  it('that was emptied is noticed by an instance and by a start, and pays nothing', async () => {
    const one = await open();
    await pay(one, 'inv-0');
    const key = createKeyNames(one.prefix).meta(shardOf('inv-0'));
    const node = await cluster.holder(key);
    await node.admin((client) => client.flushall());
    await expect(admitted(one.ledger, 'inv-0', 3)).rejects.toThrow(/was emptied or replaced/);
    await expect(one.ledger.broken).rejects.toThrow('disburse rebuild');
    await expect(openInstance(cluster.url, one.prefix)).rejects.toThrow(/has lost part of its data \(shards \d/);
  });

  it('with other settings than a ledger needs is named and refused at the start, and stops intents later', async () => {
    const one = await open();
    const node = cluster.nodes[1] as ClusterNode;
    const set = (value: string): Promise<unknown> => node.admin((client) => client.config('SET', 'appendfsync', value));
    await set('everysec');
    const opening = openInstance(cluster.url, uniquePrefix());
    await expect(opening).rejects.toThrow(`${node.url}: appendfsync is everysec`);
    await expect(opening).rejects.toMatchObject({ exitCode: 1 });
    await one.ledger.health.tick();
    expect(one.ledger.health.isOpen()).toBe(false);
    expect(warned(one, `${node.url}: appendfsync is everysec`)).toBe(1);
    await set('always');
    for (let tick = 0; tick < 60; tick += 1) await one.ledger.health.tick();
    expect(one.ledger.health.isOpen()).toBe(true);
    expect(warned(one, 'keeps what it acknowledges again')).toBe(1);
  });

  it('that does not answer is no obstacle at the start where another one that is named does', async () => {
    const connection = await connectRedis({
      url: `redis://127.0.0.1:${await freePort()},${cluster.nodes[2]?.url}`,
      onWarning: () => undefined,
      waitMs: 5_000,
    });
    expect(connection.nodes()).toHaveLength(3);
    const keys = Array.from({ length: 30 }, (_, index) => `disburse-test:{${index}}`);
    expect(
      await sendByKey(
        connection,
        keys.map((key) => ({ key, command: ['exists', key] })),
      ),
    ).toEqual(keys.map(() => 0));
    for (const key of keys) expect(connection.nodeOf(key).address).toBe((await cluster.holder(key)).url);
    await connection.close();
  });

  it('that does not answer holds no process that has what it needs from another one', async () => {
    const module = new URL('../../../../src/redis/connection.ts', import.meta.url).href;
    const script = `const { connectRedis } = await import('${module}');
      const url = 'redis://127.0.0.1:${await freePort()},${cluster.nodes[0]?.url}';
      const connection = await connectRedis({ url, onWarning: () => undefined, waitMs: 3_600_000 });
      await connection.close();`;
    const { stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { timeout: 120_000 });
    expect(stderr).toBe('');
  });

  it('is expected where several servers are named', async () => {
    const connecting = connectRedis({ url: `${redisUrl()},${redisUrl()}`, onWarning: () => undefined });
    await expect(connecting).rejects.toThrow(/is not in cluster mode\. Name one server, or the nodes of a cluster/);
    await expect(connecting).rejects.toMatchObject({ exitCode: 1 });
  });
});

it('a rate limit on a cluster is shared by instances, and goes on when its slot moves', async () => {
  const prefix = uniquePrefix();
  const connections = await Promise.all([1, 2].map(() => connectRedis({ url: cluster.url, onWarning: () => undefined })));
  const troubles: string[] = [];
  const limiters = connections.map((connection) =>
    createRedisLimiter({
      ...{ redis: scriptRunner(connection), prefix, name: 'dispatch', rate: 1_000 },
      ...{ clock: monotonicClock, now: monotonicClock.now, random: Math.random, onTrouble: ({ message }) => troubles.push(message) },
    }),
  );
  const take = (count: number) =>
    Promise.all(limiters.flatMap((limiter) => Array.from({ length: count }, () => limiter.acquire(AbortSignal.timeout(20_000)))));
  await take(50);
  const key = `${prefix}:{limiter}:dispatch`;
  const to = cluster.nodes.find((node) => node.url !== connections[0]?.nodeOf(key).address) as ClusterNode;
  await Promise.all([cluster.move(key, to), take(100)]);
  await take(50);
  expect(troubles).toEqual([]);
  for (const connection of connections) expect(connection.nodeOf(key).address).toBe(to.url);
  const count = await to.admin((client) => client.hget(key, 'count'));
  expect(Number(count)).toBeGreaterThan(0);
  await Promise.all(connections.map((connection) => connection.close()));
});
