/** `status` with its options, beside a stand-alone ledger. */
import { once } from 'node:events';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { summarySchema } from '../../batches/record/summary.ts';
import { systemClock } from '../../sandbox/clock.ts';
import { csvOf, payouts } from '../support/builders.ts';
import { inWorld } from './world.ts';

describe('status', () => {
  it('says how much is open and since when, and ends with exit code 2 on request while a person must look', async () => {
    await inWorld({ faults: 'lost-answer=1' }, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(2)));
      const ran = await world.run(path, ['--no-wait'], { GATEWAY_KEY_LIFETIME: '1h' });
      expect(ran.summary.open.count).toBe(2);
      const shown = await world.command(['status', 'may.csv', '--json', '--exit-status']);
      expect(shown.code).toBe(2);
      const summary = summarySchema.parse(JSON.parse(shown.stdout));
      expect(summary).toMatchObject({ open: { count: 2, oldest_seconds: expect.any(Number) as number }, alerts: 0 });
      expect((await world.command(['status', 'may.csv'])).stdout).toMatch(/Open: 2 records, the oldest for \d/);
      expect((await world.command(['status', 'may.csv'])).code).toBe(0);
      await world.replaceSandbox({});
      expect((await world.run(path)).code).toBe(0);
      expect((await world.command(['status', '--exit-status'])).code).toBe(0);
    });
  });

  it('counts again with --verify, and names each total that differs with exit code 2', async () => {
    await inWorld({}, async (world) => {
      expect((await world.run(world.write('may.csv', csvOf(payouts(2))))).code).toBe(0);
      const whole = await world.command(['status', '--verify']);
      expect(whole.code).toBe(0);
      expect(whole.stderr).toContain('as counted again');
      const db = new DatabaseSync(join(world.dataDir, 'ledger.sqlite'));
      db.exec('UPDATE tally SET count = 3 WHERE count = 2 AND status = (SELECT min(status) FROM record)');
      db.close();
      const wrong = await world.command(['status', 'may.csv', '--verify', '--json']);
      expect(wrong.code).toBe(2);
      expect(wrong.stderr).toMatch(/succeeded EUR: the total says 3 \(EUR 3\.14\), its records are 2 \(EUR 3\.14\)/);
      expect(JSON.parse(wrong.stdout)).toMatchObject({ file: 'may.csv' });
    });
  });

  it('shows what changes with --watch until every row is final', async () => {
    // Nothing settles at the gateway before the first line is printed, however long that takes.
    let passedMs = 0;
    const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + passedMs };
    await inWorld({ settleMs: 3_600_000, confirm: 'auto', clock }, async (world) => {
      const path = world.write('may.csv', csvOf(payouts(2)));
      await world.run(path, ['--no-wait']);
      const watching = world.begin(['status', 'may.csv', '--watch']);
      if (watching.child.stdout !== null) await once(watching.child.stdout, 'data');
      passedMs = 10 * 3_600_000;
      await world.run(path);
      const { code, stdout } = await watching.ended;
      expect(code).toBe(0);
      expect(stdout).toMatch(/^may\.csv: .*, 0 of 2 final, open 2, unknown 0, failed 0, alerts 0\n/);
      expect(stdout).toMatch(/may\.csv: finished, 2 of 2 final, open 0, unknown 0, failed 0, alerts 0\n$/);
      const lines = stdout.trimEnd().split('\n');
      expect(new Set(lines).size).toBe(lines.length);
    });
  });

  it('says first what is paused', async () => {
    await inWorld({}, async (world) => {
      await world.run(world.write('may.csv', csvOf(payouts(1))));
      expect((await world.command(['pause', '--all', '--by', 'ann', '--reason', 'checking'])).code).toBe(0);
      const { stdout } = await world.command(['status']);
      expect(stdout).toMatch(/^Paused: ann paused everything \(checking\)\.\nbatch /);
    });
  });
});
