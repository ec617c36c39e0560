/** May this process pay from this ledger? What is refused before anything is sent. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { csvOf, payouts } from '../support/builders.ts';
import { inWitnessedWorld } from './witness-world.ts';
import { countsOf, type World } from './world.ts';

const ledgerOf = ({ dataDir }: World): string => join(dataDir, 'ledger.sqlite');
const resultsOf = ({ dataDir }: World): string => join(dataDir, 'results.jsonl');

describe.concurrent('a ledger that is older than its results', () => {
  it('is not assumed after a kill between writing results and noting it', async ({ expect }) => {
    await inWitnessedWorld({}, async (world, gateway) => {
      const path = world.write('a.csv', csvOf(payouts(5)));
      const running = world.begin(['run', path, '--json'], {
        NODE_OPTIONS: `--import ${join(import.meta.dirname, '..', 'scripts', 'kill-points', 'preload.script.ts')}`,
        KILL_AT: 'results-after:1',
      });
      expect((await running.ended).signal).toBe('SIGKILL');
      const ran = await world.run(path);
      expect([0, 2]).toContain(ran.code);
      expect(gateway.count('sessions')).toBe(5);
    });
  });
});

describe.concurrent('results without a ledger', () => {
  it('that are empty hold back nothing', async ({ expect }) => {
    await inWitnessedWorld({}, async (world, gateway) => {
      const path = world.write('a.csv', csvOf(payouts(2)));
      await world.run(world.write('none.csv', csvOf([], ',', Object.keys(payouts(1)[0] ?? {}))));
      for (const suffix of ['', '-wal', '-shm']) rmSync(`${ledgerOf(world)}${suffix}`, { force: true });
      writeFileSync(resultsOf(world), '');
      expect((await world.run(path)).code).toBe(0);
      expect(gateway.count('sessions')).toBe(2);
    });
  });
});

describe.concurrent('an open send', () => {
  const lost = { losesAnswer: () => true };

  it('is never resent under another idempotency header: the ledger is bound to the first one', async ({ expect }) => {
    await inWitnessedWorld(lost, async (world, gateway) => {
      const path = world.write('a.csv', csvOf(payouts(1)));
      await world.run(path, ['--no-wait'], { GATEWAY_IDEMPOTENCY_HEADER: 'X-Idem' });
      const ended = await world.command(['run', path, '--json']);
      expect(ended.code).toBe(1);
      for (const header of ['X-Idem', 'X-PARTNER-IDEMPOTENCY-KEY']) expect(ended.stderr).toContain(header);
      expect([gateway.count('inits'), gateway.count('sessions')]).toEqual([1, 1]);
    });
  });

  it('is resent under the header that it was first sent with', async ({ expect }) => {
    await inWitnessedWorld(lost, async (world, gateway) => {
      const path = world.write('a.csv', csvOf(payouts(1)));
      await world.run(path, ['--no-wait']);
      const ran = await world.run(path);
      expect([ran.code, countsOf(ran.summary)]).toEqual([2, { unknown: 1 }]);
      expect([gateway.count('inits'), gateway.count('sessions')]).toEqual([2, 1]);
    });
  });

  it('is never resent while GATEWAY_KEY_LIFETIME is unset, also on loopback, and the start reports it', async ({ expect }) => {
    await inWitnessedWorld(lost, async (world, gateway) => {
      const path = world.write('a.csv', csvOf(payouts(1)));
      const unset = { GATEWAY_KEY_LIFETIME: '' };
      expect((await world.run(path, ['--no-wait'], unset)).stderr).toContain('GATEWAY_KEY_LIFETIME is not set');
      const ran = await world.run(path, [], unset);
      expect([ran.code, countsOf(ran.summary)]).toEqual([2, { unknown: 1 }]);
      expect(gateway.count('inits')).toBe(1);
    });
  });

  it('is resent under its header whatever the case of its letters', async ({ expect }) => {
    await inWitnessedWorld(lost, async (world, gateway) => {
      const path = world.write('a.csv', csvOf(payouts(1)));
      await world.run(path, ['--no-wait']);
      const ran = await world.run(path, [], { GATEWAY_IDEMPOTENCY_HEADER: 'x-partner-idempotency-key' });
      expect([ran.code, countsOf(ran.summary)]).toEqual([2, { unknown: 1 }]);
      expect([gateway.count('inits'), gateway.count('sessions')]).toEqual([2, 1]);
    });
  });

  it('keeps the key lifetime of its first send: a longer one that is set later makes no resend', async ({ expect }) => {
    await inWitnessedWorld(lost, async (world, gateway) => {
      const path = world.write('a.csv', csvOf(payouts(1)));
      await world.run(path, ['--no-wait'], { GATEWAY_KEY_LIFETIME: '1s' });
      const ran = await world.run(path, [], { GATEWAY_KEY_LIFETIME: '12h' });
      expect([ran.code, countsOf(ran.summary)]).toEqual([2, { unknown: 1 }]);
      expect(gateway.count('inits')).toBe(1);
    });
  });
});
