/** One place under several record ids: what a faulty publisher can send. */
import { describe, expect, it } from 'vitest';
import { shardOf } from '../support/ledger-names.ts';
import { payoutEvent } from '../support/builders.ts';
import { kafkaBrokers, redisUrl } from '../support/services.ts';
import { inCluster, once, until } from './cluster.ts';

const servers = () => ({ kafkaBrokers: kafkaBrokers(), redisUrl: redisUrl() });
const ids = Array.from({ length: 200 }, (_, n) => `p-${n}`);
const sameShard = ids.find((id) => shardOf(id) === shardOf('first')) ?? '';
const otherShard = ids.find((id) => shardOf(id) !== shardOf('first')) ?? '';

describe('two instructions whose headers name the same file and line', () => {
  it.each([
    ['in one shard of the ledger', sameShard],
    ['in two shards of the ledger', otherShard],
  ])('%s end in one payment and one dead letter, and the instance continues', async (_, second) => {
    await inCluster(servers(), { partitions: 1 }, async (cluster) => {
      const one = await cluster.serve();
      const headers = { source_file: 'may.csv', source_line: '7', batch_id: 'a'.repeat(64) };
      await cluster.produce([payoutEvent('first'), payoutEvent(second)], { headers });
      await cluster.produce([payoutEvent('after')]);
      await until('a dead letter', async () => (await cluster.count('dead-letters')) > 0);
      await until('both others to be paid', () => cluster.sandbox.payments().length >= 2);
      expect((await cluster.read('dead-letters')).map((letter) => letter.headers['reason'])).toEqual(['place_taken']);
      // They are sent at once, and arrive in any order.
      expect(
        cluster.sandbox
          .payments()
          .map(({ record_id: recordId }) => recordId)
          .toSorted(),
      ).toEqual(['after', 'first']);
      const finals = once(await cluster.results()).filter((result) => result.final);
      expect(new Set(finals.map(({ record_id: recordId }) => recordId))).not.toContain(second);
      expect(one.child.exitCode).toBeNull();
    });
  });
});
