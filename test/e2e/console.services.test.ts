/** The console of the distributed profile: of an instance, and beside all of them. */
import { describe, expect, it } from 'vitest';
import { kafkaBrokers, redisUrl } from '../support/services.ts';
import { csvOf, payoutEvent, payouts } from '../support/builders.ts';
import { freePort } from '../support/free-port.ts';
import { logIn, shownText } from '../src/console/browser.ts';
import { inCluster, until } from './cluster.ts';
import { beginConsole, checkedOverview, linkFor } from './console-world.ts';

const json = { accept: 'application/json' };

describe('the console of the distributed profile', () => {
  it('of an instance pays an uploaded file, and one beside it shows records and dead letters and takes decisions', async () => {
    await inCluster({ kafkaBrokers: kafkaBrokers(), redisUrl: redisUrl() }, {}, async (cluster) => {
      const port = String(await freePort());
      const instance = await cluster.serve({ CONSOLE_PORT: port });
      const alice = await logIn(await linkFor(cluster, 'alice', cluster.names));
      await cluster.produce([payoutEvent('ev-1'), 'no instruction']);
      const csv = csvOf(payouts(3));
      const { upload } = (await alice.upload({ name: 'may.csv', content: csv }, {}, json)).json() as { upload: string };
      expect((await alice.post(`/upload/${upload}/submit`, { expect: 'EUR=6.21/3' }, json)).json()).toMatchObject({ outcome: 'done' });
      await until('the payments', async () => ((await alice.json('/records?status=succeeded')) as { items: unknown[] }).items.length === 4);
      expect(await checkedOverview(alice)).toMatchObject({ balanced: true, checks: { kafka: { ok: true }, ledger: { ok: true } } });

      expect(await alice.json('/')).toMatchObject({ instances: 1, disk: { total_bytes: expect.any(Number) as number } });
      const check = await cluster.command(['topics', '--check', '--json']);
      const topics = JSON.parse(check.stdout) as { instances: number; topics: { topic: string }[] };
      expect(topics).toMatchObject({ instances: 1 });
      expect(topics.topics).toHaveLength(4);
      expect(await alice.json('/system')).toMatchObject({ topics });
      const system = shownText((await alice.get('/system')).text);
      for (const { topic } of topics.topics) expect(system).toContain(topic);
      expect(system).toContain('1 instance reads instructions.');

      await until('the dead letter', async () => ((await alice.json('/dead-letters')) as { items: unknown[] }).items.length === 1);
      const { items } = (await alice.json('/dead-letters')) as { items: { place: string; reason: string }[] };
      const beside = await beginConsole(cluster, { ...cluster.names, CONSOLE_PORT: '' });
      expect(shownText((await beside.browser.get('/dead-letters')).text)).toContain(items[0]?.reason ?? '?');
      const back = await beside.browser.post(
        `/dead-letters/${encodeURIComponent(items[0]?.place ?? '')}/redrive`,
        { reason: 'again' },
        json,
      );
      expect(back.json()).toMatchObject({ outcome: 'done', place: items[0]?.place });
      expect((await beside.browser.post('/batches/--all/pause', { reason: 'look' }, json)).json()).toMatchObject({ outcome: 'done' });
      expect(await alice.json('/')).toMatchObject({ paused: [{ batch_id: null, code: 'paused' }] });
      expect((await beside.browser.post('/batches/--all/resume', {}, json)).json()).toMatchObject({ outcome: 'done' });
      expect(await beside.stop()).toBe(0);
      instance.kill('SIGTERM');
      await instance.ended;
    });
  });
});
