/** What an idle instance and `status` cost Redis, whatever the ledger has finished before: counted by Redis itself. */
import { hash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBatchSweeper, createOutboxTakeOver } from '../../../../batches/pipeline/recovery-sweeper.ts';
import { admitted, intent, moved, step } from '../../../support/ledger-steps.ts';
import { at, manifest } from '../../../support/builders.ts';
import { startRedis, type RedisServer } from '../../../support/redis-server.ts';
import { connectRedis } from '../../../../src/redis/connection.ts';
import { openRedisReader } from '../../../../src/ledger/redis/reader.ts';
import { asAdmin, openInstance, type Instance } from './harness.ts';

const batches = 2_000;
const atOnce = 100;
let server: RedisServer;
let instance: Instance;

/** Every second one is of a file, the others are of events. */
const batchIdOf = (index: number): string => (index % 2 === 0 ? hash('sha256', `file-${index}`) : `events-${index}`);

async function finish(index: number): Promise<void> {
  const { ledger } = instance;
  const batchId = batchIdOf(index);
  await ledger.openBatch(manifest(batchId));
  const sent = await moved(ledger, intent(await admitted(ledger, `inv-${index}`, 2, {}, batchId)));
  await moved(
    ledger,
    step(sent, { status: 'succeeded', sessionId: `ps_${index}`, isSessionProven: true, leaseOwner: null, leaseUntil: null }),
  );
  if (index % 2 === 0) await ledger.updateBatch({ batchId, state: 'finished', at });
}

/** Commands that Redis carried out, those of scripts included. */
async function commandsOf(work: () => Promise<unknown>): Promise<number> {
  const count = async (): Promise<number> =>
    asAdmin(server.url, async (client) => {
      const calls = [...(await client.info('commandstats')).matchAll(/^cmdstat_(?!info|auth|hello|client|select)\S+:calls=(\d+)/gm)];
      return calls.reduce((sum, [, found]) => sum + Number(found), 0);
    });
  const before = await count();
  await work();
  return (await count()) - before;
}

beforeAll(async () => {
  server = await startRedis();
  instance = await openInstance(server.url, 'disburse');
  for (let first = 0; first < batches; first += atOnce)
    await Promise.all(Array.from({ length: atOnce }, (_, index) => finish(first + index)));
  for (
    let entries = await instance.ledger.outbox({ limit: 500 });
    entries.length > 0;
    entries = await instance.ledger.outbox({ limit: 500 })
  )
    await instance.ledger.published({ numbers: entries.map(({ number }) => number), mark: null });
});
afterAll(async () => {
  await instance.close();
  await server.stop();
});

describe('a ledger in Redis with 2,000 batches that have ended', () => {
  const publisher = { notify: () => undefined };
  const { signal } = new AbortController();

  it('costs an idle instance under 100 commands a second, counted over the ticks of a minute', async () => {
    const { ledger } = instance;
    const sweeper = createBatchSweeper({ ledger, clock: { now: () => at }, signal });
    const takeOver = createOutboxTakeOver({ ledger, publisher });
    const due = await commandsOf(() => ledger.claimDue({ limit: 128, leaseMs: 20_000 }));
    const swept = await commandsOf(() => sweeper.tick());
    const taken = await commandsOf(() => takeOver.tick());
    const purged = await commandsOf(() => ledger.purgeDetails({ olderThanMs: 3_600_000, limit: 512 }));
    const looked = await commandsOf(() => ledger.overview());
    expect(60 * due + 12 * (swept + taken) + 3 * purged + 4 * looked).toBeLessThan(60 * 100);
  });

  it('purges the details of all that ended, and then costs no more than before', async () => {
    const { ledger } = instance;
    let purged = 0;
    for (let count = 1; count > 0; purged += count) count = await ledger.purgeDetails({ olderThanMs: 0, limit: 512 });
    expect(purged).toBe(batches);
    expect((await ledger.record('inv-7'))?.destination).toBeUndefined();
    expect(await commandsOf(() => ledger.purgeDetails({ olderThanMs: 0, limit: 512 }))).toBeLessThan(50);
  });

  it('lists the newest 50 batches with their tallies for what 50 batches cost', async () => {
    const connection = await connectRedis({ url: server.url, onWarning: () => undefined });
    const reader = await openRedisReader({ connection, prefix: 'disburse' });
    const cost = await commandsOf(async () => {
      const newest = await reader.batches({ newest: 51 });
      expect(newest).toHaveLength(51);
      for (const { batchId } of newest.slice(0, 50)) await reader.tallies(batchId);
    });
    expect(cost).toBeLessThan(51 * 60);
    await reader.close();
    await connection.close();
  });
});
