/** The ledger on a Redis Cluster of three masters, which refuses every script that touches keys of two slots. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { beginRebuild, finishRebuild } from '../../../../src/ledger/redis/ledger.ts';
import { createKeyNames } from '../../../../src/ledger/redis/key-names.ts';
import { ledgerSuite } from '../../../contracts/ledger.suite.ts';
import { sharedLedgerSuite } from '../../../contracts/shared-ledger.suite.ts';
import { batchA, lineOf, manifest } from '../../../support/builders.ts';
import { admitted, intent, moved, recordIn } from '../../../support/ledger-steps.ts';
import { startRedisCluster, type RedisCluster } from '../../../support/redis-cluster.ts';
import { uniquePrefix } from '../../../support/services.ts';
import { openInstance, rebuildParams } from './harness.ts';

let cluster: RedisCluster;

beforeAll(async () => {
  cluster = await startRedisCluster({ masters: 3 });
});
afterAll(() => cluster.stop());

ledgerSuite('Redis Cluster', async () => {
  const prefix = uniquePrefix();
  return {
    shared: true,
    packs: true,
    async open() {
      const { ledger, close } = await openInstance(cluster.url, prefix);
      await ledger.takeOverOutbox({ olderThanMs: 0, limit: 10_000 });
      return { ...ledger, close };
    },
    now: () => Date.now(),
    pass: (ms) => sleep(ms),
    dispose: () => cluster.flush(),
  };
});

sharedLedgerSuite('Redis Cluster', async () => {
  const prefix = uniquePrefix();
  return {
    async open() {
      const { ledger, close } = await openInstance(cluster.url, prefix);
      return { ...ledger, close };
    },
    now: () => Date.now(),
    pass: (ms) => sleep(ms),
    dispose: () => cluster.flush(),
  };
});

it.each([16, 64] as const)('a ledger of %i shards in a cluster supports claims and takeovers of a shared ledger', async (shardCount) => {
  const prefix = uniquePrefix();
  const { ledger, close } = await openInstance(cluster.url, prefix, { shardCount });
  const names = createKeyNames(prefix, shardCount);
  const holders = await Promise.all(names.shards.map((shard) => cluster.holder(names.meta(shard))));
  expect(new Set(holders)).toEqual(new Set(cluster.nodes));
  await ledger.openBatch(manifest(batchA));
  await moved(ledger, intent(await admitted(ledger, 'inv-1', 2), Buffer.from('bytes'), Date.now() - 3_600_000));
  await recordIn(ledger, 'succeeded', 'inv-2', 3);
  expect((await ledger.claimDue({ limit: 9, leaseMs: 1_000 })).records).toHaveLength(1);
  await ledger.saveEnqueueProgress({ batchId: batchA, line: 7, rows: 6 });
  await ledger.countDeadLetter({ stream: 'topic:pay:0', position: 7 });
  expect(await ledger.overview()).toMatchObject({ unpublished: 1, deadLetters: 1 });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await ledger.purgeDetails({ olderThanMs: 1, limit: 9 })).toBe(1);
  await close();

  const before = await openInstance(cluster.url, prefix);
  await beginRebuild(rebuildParams(before.connection, prefix));
  const rebuilt = await openInstance(cluster.url, prefix, { rebuilding: true });
  await rebuilt.ledger.openBatch(manifest(batchA));
  const queued = await admitted(rebuilt.ledger, 'inv-3', 4);
  const record = {
    ...queued,
    recordId: 'inv-1',
    occurrence: lineOf(batchA, 2),
    status: 'unknown',
    sends: 1,
    firstSentAt: 1,
    dueAt: 1,
  } as const;
  const fields = { paths: '', digests: Buffer.alloc(0) };
  await rebuilt.ledger.restore({ record, fields, body: Buffer.from('bytes') });
  await rebuilt.ledger.restoreSettled({
    occurrence: lineOf(batchA, 9),
    batchId: batchA,
    recordId: 'inv-1',
    status: 'duplicate',
    amountMinor: 1230n,
    currency: 'EUR',
    sequence: 2,
  });
  await finishRebuild({ connection: before.connection, prefix, marksSeen: [] });
  expect(await rebuilt.ledger.record('inv-1')).toEqual({ ...record, sequence: 2 });
  await Promise.all([before.close(), rebuilt.close()]);
});
