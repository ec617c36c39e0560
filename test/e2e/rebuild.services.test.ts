/** What a rebuilt ledger may conclude: it never resends what it cannot date, and no occurrence stays without a result. */
import { describe, expect, it } from 'vitest';
import { payoutEvent } from '../support/builders.ts';
import { kafkaBrokers, redisUrl } from '../support/services.ts';
import { inCluster, once, until, type Cluster } from './cluster.ts';

const servers = () => ({ kafkaBrokers: kafkaBrokers(), redisUrl: redisUrl() });
const env = { GATEWAY_KEY_LIFETIME: '12h', GATEWAY_TIMEOUT_MS: '2000', DISPATCH_RATE: '100' };

const initsOf = ({ sandbox }: Cluster): number => sandbox.calls().filter(({ method }) => method.startsWith('session/init/')).length;
const finals = async (cluster: Cluster) => once(await cluster.results()).filter((result) => result.final);

/** Rebuilds as soon as the group has noticed that the killed instance is gone. Returns what it printed. */
async function rebuild(cluster: Cluster): Promise<string> {
  let ended = await cluster.command(['rebuild', '--yes', '--json']);
  await until('the group to be empty', async () => {
    if (!ended.stderr.includes('died within the last')) return true;
    ended = await cluster.command(['rebuild', '--yes', '--json']);
    return false;
  });
  expect(ended).toMatchObject({ code: 0 });
  return ended.stdout;
}

/** Sends `pay-1`, and kills the instance when the gateway has it and no result is published. */
async function killAfterSend(cluster: Cluster): Promise<void> {
  const one = await cluster.serve(env);
  await cluster.produce([payoutEvent('pay-1')], { keys: ['pay-1'] });
  await until('the send', () => initsOf(cluster) === 1);
  one.kill('SIGKILL');
  await one.ended;
  expect(await cluster.results()).toEqual([]);
}

describe('a record that was sent before Redis was lost, and has no result', () => {
  it('is never resent after rebuild, also when its event was published again under another key', async () => {
    await inCluster(servers(), { faults: 'slow=1', partitions: 2 }, async (cluster) => {
      await killAfterSend(cluster);
      await cluster.produce([payoutEvent('pay-1')], { keys: ['another key'] });
      await cluster.wipeRedis();
      expect(await rebuild(cluster)).toContain('"without_result":1');
      await cluster.serve(env);
      expect(await cluster.command(['resume', '--all'], env)).toMatchObject({ code: 0 });
      // One of the two events is the duplicate of the other.
      await until('a duplicate', async () => (await cluster.count('results')) > 0);
      expect((await finals(cluster)).map(({ record_id: recordId, status }) => [recordId, status])).toEqual([['pay-1', 'duplicate']]);
      expect(initsOf(cluster)).toBe(1);
      expect(cluster.sandbox.payments()).toHaveLength(1);
    });
  });
});

describe('a message whose offset was committed and whose result was lost', () => {
  it('gets its result from rebuild', async () => {
    await inCluster(servers(), {}, async (cluster) => {
      const count = 10;
      const invalid = Array.from({ length: count }, (_, n) => payoutEvent(`bad-${n}`, 0));
      await cluster.produce(invalid, { keys: invalid.map(({ record_id: recordId }) => recordId) });
      await cluster.commitAll();
      await rebuild(cluster);
      await cluster.serve(env);
      await until('every message to have a result', async () => (await cluster.count('results')) >= count);
      const told = await finals(cluster);
      expect(told).toHaveLength(count);
      expect(new Set(told.map(({ status }) => status))).toEqual(new Set(['rejected']));
    });
  });
});
