/** May this process pay from this ledger? What is refused before anything is sent. */
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { csvOf, payouts } from '../support/builders.ts';
import { inWitnessedWorld } from './witness-world.ts';
import { countsOf, inWorld, type World } from './world.ts';

const ledgerOf = ({ dataDir }: World): string => join(dataDir, 'ledger.sqlite');
const resultsOf = ({ dataDir }: World): string => join(dataDir, 'results.jsonl');

describe.concurrent('a ledger that is older than its results', () => {
  it('is refused, and no record that was paid since is sent again', async ({ expect }) => {
    await inWitnessedWorld({}, async (world, gateway) => {
      await world.run(world.write('a.csv', csvOf(payouts(5, 'a'))));
      const copy = join(world.folder, 'copy.sqlite');
      copyFileSync(ledgerOf(world), copy);
      const later = world.write('b.csv', csvOf(payouts(5, 'b')));
      expect((await world.run(later)).code).toBe(0);
      const results = readFileSync(resultsOf(world), 'utf8');

      for (const suffix of ['-wal', '-shm']) rmSync(`${ledgerOf(world)}${suffix}`, { force: true });
      copyFileSync(copy, ledgerOf(world));
      gateway.forgetKeys();
      const ended = await world.command(['run', later, '--json']);
      expect(ended.code).toBe(1);
      expect(ended.stderr).toMatch(/older than/);
      expect(gateway.count('sessions')).toBe(10);
      expect(readFileSync(resultsOf(world), 'utf8')).toBe(results);

      // It is read all the same, with a warning.
      const status = await world.command(['status', '--json']);
      expect([status.code, status.stdout.trimEnd().split('\n').length]).toEqual([0, 1]);
      expect(status.stderr).toContain('older than its results');
      expect((await world.command(['tail', '--final', '--json'])).stdout.trimEnd().split('\n')).toHaveLength(10);
    });
  });

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

describe.concurrent('a folder that has the name of the ledger', () => {
  it('is refused with exit code 1, since running again does not help', async ({ expect }) => {
    await inWitnessedWorld({}, async (world, gateway) => {
      mkdirSync(ledgerOf(world), { recursive: true });
      const ended = await world.command(['run', world.write('a.csv', csvOf(payouts(1)))]);
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain(`${ledgerOf(world)} is a folder or a device`);
      expect(gateway.count('inits')).toBe(0);
    });
  });
});

describe.concurrent('a ledger that was copied from another folder, with its key', () => {
  it('is refused beside the results of the former one', async ({ expect }) => {
    await inWitnessedWorld({}, async (world, gateway) => {
      const other = join(world.folder, 'other');
      await world.run(world.write('a.csv', csvOf(payouts(3, 'a'))), [], { DATA_DIR: other });
      const path = world.write('b.csv', csvOf(payouts(3, 'b')));
      await world.run(path);
      for (const suffix of ['-wal', '-shm']) rmSync(`${ledgerOf(world)}${suffix}`, { force: true });
      for (const name of ['ledger.sqlite', 'ledger.key']) copyFileSync(join(other, name), join(world.dataDir, name));
      gateway.forgetKeys();
      const ended = await world.command(['run', path, '--json']);
      expect(ended.code).toBe(1);
      expect(ended.stderr).toMatch(/those of another ledger/);
      expect(gateway.count('inits')).toBe(6);
    });
  });
});

describe.concurrent('an empty ledger file', () => {
  it('beside results is refused, and no record is sent again', async ({ expect }) => {
    await inWitnessedWorld({}, async (world, gateway) => {
      const path = world.write('a.csv', csvOf(payouts(2)));
      await world.run(path);
      for (const suffix of ['-wal', '-shm']) rmSync(`${ledgerOf(world)}${suffix}`, { force: true });
      truncateSync(ledgerOf(world));
      gateway.forgetKeys();
      for (const args of [[], ['--new-ledger']]) {
        const ended = await world.command(['run', path, '--json', ...args]);
        expect(ended.code).toBe(1);
        expect(ended.stderr).toContain('ledger.sqlite');
      }
      expect(statSync(ledgerOf(world)).size).toBe(0);
      expect(gateway.count('inits')).toBe(2);
    });
  });

  it('is no ledger for a gateway that is not on loopback', async ({ expect }) => {
    await inWorld({}, async (world) => {
      const path = world.write('a.csv', csvOf(payouts(2)));
      await world.run(path);
      for (const suffix of ['-wal', '-shm']) rmSync(`${ledgerOf(world)}${suffix}`, { force: true });
      truncateSync(ledgerOf(world));
      const ended = await world.command(['run', path, '--json'], { GATEWAY_URL: 'https://192.0.2.1' });
      expect(ended.code).toBe(1);
      expect(statSync(ledgerOf(world)).size).toBe(0);
    });
  });
});

describe.concurrent('results without a ledger', () => {
  it('are refused, also with --new-ledger', async ({ expect }) => {
    await inWitnessedWorld({}, async (world, gateway) => {
      const path = world.write('a.csv', csvOf(payouts(2)));
      await world.run(path);
      for (const suffix of ['', '-wal', '-shm']) rmSync(`${ledgerOf(world)}${suffix}`, { force: true });
      for (const args of [[], ['--new-ledger']]) {
        const ended = await world.command(['run', path, '--json', ...args]);
        expect(ended.code).toBe(1);
        expect(ended.stderr).toContain('results.jsonl');
      }
      const tail = await world.command(['tail', '--final', '--json']);
      expect([tail.code, tail.stdout.trimEnd().split('\n').length]).toEqual([0, 2]);
      expect(tail.stderr).toContain('there is no ledger in');
      expect(gateway.count('inits')).toBe(2);
    });
  });

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
