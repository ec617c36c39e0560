/** `reconcile`: the sandbox's daily report against the ledger, alone and beside a process that pays. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { csvOf, payouts } from '../support/builders.ts';
import { inWorld, linesOf, project, until, type World } from './world.ts';

const today = (): string => new Date().toISOString().slice(0, 10);
const reportName = (format: string, of = project): string => `${of}_${today()}_${today()}.${format}`;

/** Downloads today's report of the sandbox. */
const download = async (world: World, format: 'csv' | 'xlsx', name = reportName(format)): Promise<string> => {
  const url = new URL(`/_sandbox/report?date=${today()}&format=${format}&project=${project}`, world.sandbox.url);
  return world.write(name, Buffer.from(await (await fetch(url)).arrayBuffer()));
};

const paidThere = async (world: World, count: number): Promise<void> =>
  until(`${count} paid at the gateway`, async () => {
    const url = new URL(`/_sandbox/report?date=${today()}&project=${project}`, world.sandbox.url);
    return (await (await fetch(url)).text()).trim().split('\n').length === count + 1;
  });

const answerOf = (stdout: string): Record<string, unknown> => JSON.parse(stdout) as Record<string, unknown>;

/** Answers were lost, and without a key lifetime nothing is repeated: the records are unknown, and paid at the gateway. */
const inLostWorld = (work: (world: World, path: string) => Promise<void>): Promise<void> =>
  inWorld({ faults: 'lost-answer=1', confirm: 'auto' }, async (world) => {
    world.env['GATEWAY_KEY_LIFETIME'] = '';
    const path = world.write('may.csv', csvOf(payouts(2)));
    expect((await world.run(path, ['--wait', '1s'])).summary.statuses.unknown.count).toBe(2);
    await paidThere(world, 2);
    await work(world, path);
  });

describe('reconcile', () => {
  it.each(['csv', 'xlsx'] as const)('ends unknown records that a report as %s proves paid, and publishes them', async (format) => {
    await inLostWorld(async (world) => {
      const report = await download(world, format);
      const before = world.events().length;
      const dry = await world.command(['reconcile', report, '--dry-run', '--json']);
      expect(dry, dry.stderr).toMatchObject({ code: 0, stderr: '' });
      expect(answerOf(dry.stdout)).toMatchObject({ rows: 2, matched: 0, ended: 2, dry_run: true });
      expect(world.events()).toHaveLength(before);
      const ended = await world.command(['reconcile', report, '--json']);
      expect(ended.code, ended.stderr).toBe(0);
      expect(answerOf(ended.stdout)).toMatchObject({ rows: 2, matched: 0, ended: 2, different: [], dry_run: false });
      const last = world.events().slice(-2);
      expect(last.map(({ record_id: id, status, final }) => [id, status, final]).toSorted()).toEqual([
        ['p-1', 'succeeded', true],
        ['p-2', 'succeeded', true],
      ]);
      const again = await world.command(['reconcile', report, '--json']);
      expect(answerOf(again.stdout)).toMatchObject({ rows: 2, matched: 2, ended: 0 });
      expect((await world.command(['status', 'may.csv', '--json'])).stdout).toContain('"state":"finished"');
    });
  });

  it('beside a run that holds the ledger has the records ended by it', async () => {
    await inLostWorld(async (world) => {
      const report = await download(world, 'csv');
      await world.replaceSandbox({ settleMs: 600_000, confirm: 'auto' });
      const running = world.begin(['run', world.write('june.csv', csvOf(payouts(1, 'j'))), '--json', '--wait', '60s']);
      try {
        await until('the run is under way', () => world.events().some(({ status }) => status === 'in_progress'));
        const ended = await world.command(['reconcile', report, '--json']);
        expect(ended, ended.stderr).toMatchObject({ code: 0 });
        expect(answerOf(ended.stdout)).toMatchObject({ rows: 2, ended: 2 });
        expect(world.events().filter(({ status }) => status === 'succeeded')).toHaveLength(2);
      } finally {
        running.kill('SIGKILL');
        await running.ended;
      }
    });
  });

  it('lists a row of another amount with exit code 2, raises one alert, and leaves the record as it is', async () => {
    await inLostWorld(async (world) => {
      const whole = readFileSync(await download(world, 'csv'), 'utf8');
      const report = world.write(reportName('csv'), whole.replaceAll(/,(\d+\.\d\d),\1,/g, ',99.00,99.00,'));
      expect(readFileSync(report, 'utf8')).not.toBe(whole);
      const differs = await world.command(['reconcile', report]);
      expect(differs.code, differs.stderr).toBe(2);
      expect(differs.stdout).toContain('amount_differs');
      expect(differs.stdout).toContain('Look at the session at the gateway');
      await world.command(['reconcile', report]);
      const alerts = linesOf(join(world.dataDir, 'alerts.jsonl')).map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(alerts.map(({ alert, record_id: id }) => [alert, id]).toSorted()).toEqual([
        ['evidence_mismatch', 'p-1'],
        ['evidence_mismatch', 'p-2'],
      ]);
      expect((await world.command(['records', '--json'])).stdout.match(/"status":"unknown"/g)).toHaveLength(2);
    });
  });

  it('raises the alert refunded for a Refund row, and the record stays succeeded', async () => {
    await inWorld({ confirm: 'auto' }, async (world) => {
      await world.run(world.write('may.csv', csvOf(payouts(1))));
      await paidThere(world, 1);
      const [header = '', advice = ''] = readFileSync(await download(world, 'csv'), 'utf8').split('\r\n');
      const report = world.write(reportName('csv'), [header, advice, advice.replace('Advice', 'Refund'), ''].join('\r\n'));
      const ended = await world.command(['reconcile', report, '--json']);
      expect(ended.code, ended.stderr).toBe(2);
      expect(answerOf(ended.stdout)).toMatchObject({ rows: 2, matched: 1, refunds: [{ record_id: 'p-1' }] });
      expect(linesOf(join(world.dataDir, 'alerts.jsonl')).join('')).toContain('"alert":"refunded"');
      expect((await world.command(['records', '--status', 'succeeded', '--json'])).stdout).toContain('"record_id":"p-1"');
    });
  });

  it('of a file that is broken at its end, is of another project, is no report or is missing, is exit 1 and ends nothing', async () => {
    await inLostWorld(async (world) => {
      const whole = readFileSync(await download(world, 'csv'), 'utf8');
      const before = world.events().length;
      const broken = world.write(reportName('csv'), `${whole}"never closed`);
      const refused = await world.command(['reconcile', broken]);
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toContain('Nothing is compared.');
      const other = await world.command(['reconcile', world.write(reportName('csv', 'other-shop'), whole)]);
      expect(other).toMatchObject({ code: 1, stdout: '' });
      expect(other.stderr).toContain('is a report of the project other-shop, and GATEWAY_PROJECT is e2e-shop');
      expect(await world.command(['reconcile', world.write('may.csv', csvOf(payouts(1)))])).toMatchObject({ code: 1, stdout: '' });
      expect(await world.command(['reconcile', join(world.folder, 'gone.csv')])).toMatchObject({ code: 1, stdout: '' });
      expect(await world.command(['reconcile', broken], { DATA_DIR: join(world.folder, 'elsewhere') })).toMatchObject({ code: 1 });
      expect(world.events()).toHaveLength(before);
    });
  });

  it('without a ledger is exit 1, and makes none', async () => {
    await inLostWorld(async (world) => {
      const report = await download(world, 'csv');
      const ended = await world.command(['reconcile', report], { DATA_DIR: join(world.folder, 'elsewhere') });
      expect(ended).toMatchObject({ code: 1, stdout: '' });
      expect(linesOf(join(world.folder, 'elsewhere', 'ledger.key'))).toEqual([]);
    });
  });
});
