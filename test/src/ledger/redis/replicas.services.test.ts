/**
 * A ledger whose masters have replicas that take over by themselves. What a Redis before 7.2 cannot do, a double of one that
 * can shows: which commands are sent, on which connection, and what their answers mean.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { advanceOne } from '../../../../batches/ports/single.ts';
import { isBalanced } from '../../../../batches/record/tally.ts';
import { createKeyNames, shardOf } from '../../../support/ledger-names.ts';
import { scripts } from '../../../../src/ledger/redis/scripts.ts';
import { batchA, manifest } from '../../../support/builders.ts';
import { admitted, intent, moved } from '../../../support/ledger-steps.ts';
import { patience } from '../../../support/patience.ts';
import { startRedisCluster, type ClusterNode } from '../../../support/redis-cluster.ts';
import { startRedis } from '../../../support/redis-server.ts';
import { startReplicaDouble, type ReplicaDouble } from '../../../support/replica-double.ts';
import { openInstance, waitsForReplicas, type Instance } from './harness.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});
const prefix = 'disburse';
const warned = ({ warnings }: Instance, text: string): number => warnings.filter((warning) => warning.includes(text)).length;

async function open(url: string): Promise<Instance> {
  const instance = await openInstance(url, prefix);
  closing.push(instance.close);
  await instance.ledger.openBatch(manifest(batchA));
  return instance;
}

describe('an intent at a master with a replica', () => {
  async function start(): Promise<{ readonly double: ReplicaDouble; readonly one: Instance }> {
    const server = await startRedis();
    closing.push(() => server.stop());
    const double = await startReplicaDouble(server.port);
    closing.push(double.stop);
    return { double, one: await open(double.url) };
  }
  const names = (commands: readonly (readonly string[])[]): string[] => commands.map(([name = '']) => name.toLowerCase());
  const isIntent = ([, sha]: readonly string[]): boolean => sha === scripts.advance.sha || sha === scripts.advance.text;

  it('is followed by a write and WAITAOF 1 1 on the same connection, before it counts', async () => {
    const { double, one } = await start();
    const queued = await admitted(one.ledger, 'inv-1', 2);
    await moved(one.ledger, intent(queued, Buffer.from('bytes')));
    const carrying = double.connections.filter((commands) => commands.some(isIntent));
    expect(carrying).toHaveLength(1);
    const commands = carrying[0] ?? [];
    const at = commands.findLastIndex(isIntent);
    expect(names(commands.slice(at + 1, at + 4))).toEqual(['set', 'pexpire', 'waitaof']);
    expect(commands[at + 3]?.slice(1, 3)).toEqual(['1', '1']);
    expect(commands[at + 1]?.[1]).toBe(createKeyNames(prefix).sync(shardOf('inv-1')));
  });

  it('that no replica acknowledges does not count, stops new ones with one sentence, and counts once when one does', async () => {
    const { double, one } = await start();
    const queued = await admitted(one.ledger, 'inv-1', 2);
    double.replicas = 0;
    let isWritten = false;
    const writing = advanceOne(one.ledger, intent(queued, Buffer.from('bytes'))).finally(() => (isWritten = true));
    await expect.poll(() => one.ledger.health.isOpen(), patience).toBe(false);
    const waits = (): number => double.connections.flatMap(names).filter((name) => name === 'waitaof').length;
    const before = waits();
    await expect.poll(waits, patience).toBeGreaterThan(before + 8);
    expect(isWritten).toBe(false);
    expect(warned(one, 'Nothing new is sent until one has')).toBe(1);
    double.replicas = 1;
    expect((await writing).ok).toBe(true);
    expect(one.ledger.health.isOpen()).toBe(true);
    expect(warned(one, 'has all writes again: sending continues')).toBe(1);
    expect(await one.ledger.record('inv-1')).toMatchObject({ status: 'submitting', version: queued.version + 1 });
  });

  it('whose acknowledgement is lost with the connection waits again on the next one, behind a write of that connection', async () => {
    const { double, one } = await start();
    const queued = await admitted(one.ledger, 'inv-1', 2);
    const before = double.connections.length;
    double.breakBeforeWait();
    expect((await advanceOne(one.ledger, intent(queued, Buffer.from('bytes')))).ok).toBe(true);
    expect(await one.ledger.record('inv-1')).toMatchObject({ status: 'submitting', version: queued.version + 1 });
    const later = double.connections.slice(before).filter((commands) => commands.some(isIntent));
    expect(later).toHaveLength(1);
    // The intent had been written: without a write of its own the connection would have nothing to wait for.
    expect(
      names(later[0] ?? [])
        .slice((later[0] ?? []).findIndex(isIntent) + 1)
        .slice(0, 3),
    ).toEqual(['set', 'pexpire', 'waitaof']);
  });

  it('is waited for as soon as a replica is there, while instances work', async () => {
    const server = await startRedis();
    closing.push(() => server.stop());
    const one = await open(server.url);
    const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(server.port), '--repl-diskless-sync-delay', '0'] });
    closing.push(() => replica.stop('SIGKILL'));
    await expect
      .poll(async () => {
        await one.ledger.health.tick();
        return (await waitsForReplicas(server.url)) ? 'waits' : one.ledger.health.isOpen();
      }, patience)
      .toBe((await waitsForReplicas(server.url)) ? 'waits' : false);
    if (await waitsForReplicas(server.url)) {
      // Written only when the replica has it.
      await moved(one.ledger, intent(await admitted(one.ledger, 'inv-1', 2)));
    } else expect(warned(one, 'cannot wait for them')).toBe(1);
  });
});

it('a cluster whose master is killed goes on with its replica and all that was acknowledged, or is refused before Redis 7.2', async () => {
  const cluster = await startRedisCluster({ masters: 3, replicas: 1 });
  closing.push(cluster.stop);
  const [master, , , replica] = cluster.nodes as readonly [ClusterNode, ClusterNode, ClusterNode, ClusterNode];
  if (!(await waitsForReplicas(master.url))) {
    await expect(openInstance(cluster.url, prefix)).rejects.toThrow(new RegExp(`${master.url}: it has 1 replica, .* cannot wait for them`));
    return;
  }
  const one = await open(cluster.url);
  const sent: string[] = [];
  let over = false;
  const writing = Array.from({ length: 8 }, async (_, index) => {
    for (let next = index; !over; next += 8) {
      await moved(one.ledger, intent(await admitted(one.ledger, `inv-${next}`, next + 2), Buffer.from('bytes')));
      sent.push(`inv-${next}`);
    }
  });
  await expect.poll(() => sent.length, patience).toBeGreaterThan(100);
  await master.stop('SIGKILL');
  await expect.poll(() => warned(one, 'holds no slots of the cluster any more'), { timeout: 30_000 }).toBe(1);
  const names = createKeyNames(prefix);
  const isTaken = (id: string): boolean => one.connection.nodeOf(names.meta(shardOf(id))).address === replica.url;
  const taken = sent.filter(isTaken).length;
  expect(taken).toBeGreaterThan(0);
  await expect.poll(() => sent.filter(isTaken).length, patience).toBeGreaterThan(taken + 20);
  over = true;
  await Promise.all(writing);
  for (const id of sent) expect(await one.ledger.record(id)).toMatchObject({ status: 'submitting' });
  const tallies = await one.ledger.tallies(batchA);
  expect(isBalanced(tallies)).toBe(true);
  expect(tallies.find(({ status }) => status === 'submitting')?.count).toBe(sent.length);
  const two = await openInstance(cluster.url, prefix);
  closing.push(two.close);
  expect(await two.ledger.record(sent.at(-1) ?? '')).toMatchObject({ status: 'submitting' });
});
