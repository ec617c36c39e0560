/** The gateway goes away in the middle of a file, and comes back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'vitest';
import { startBreakableProxy } from '../support/breakable-proxy.ts';
import { kafkaBrokers, redisUrl } from '../support/services.ts';
import { inCluster } from './cluster.ts';
import { outageMs, outageTimeoutMs, paying } from './outage.ts';

describe('an outage of 20 s in the middle of 2,000 records', { timeout: outageTimeoutMs }, () => {
  it('of the gateway ends no record as failed', async () => {
    await inCluster({ kafkaBrokers: kafkaBrokers(), redisUrl: redisUrl() }, {}, async (cluster) => {
      const proxy = await startBreakableProxy(cluster.sandbox.url);
      try {
        cluster.env['GATEWAY_URL'] = proxy.url;
        // What had arrived when the way broke, while its answer had not: the gateway only says that it knows the key.
        await paying(cluster, 64, async () => {
          await proxy.break();
          await sleep(outageMs);
          await proxy.restore();
        });
      } finally {
        await proxy.break();
      }
    });
  });
});
