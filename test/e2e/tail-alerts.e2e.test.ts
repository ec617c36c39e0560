/** `tail --alerts`: alerts as people and programs read them. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { alertSchema, type AlertEvent } from '../../batches/record/alert-event.ts';
import { csvOf, row } from '../support/builders.ts';
import { inWorld, linesOf, until, type World } from './world.ts';

const fileOf = ({ dataDir }: World): string => join(dataDir, 'alerts.jsonl');
const alertsIn = (text: string): AlertEvent[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => alertSchema.parse(JSON.parse(line)));

/** Two records whose sessions show another amount. */
const inContradiction = (work: (world: World) => Promise<void>): Promise<void> =>
  inWorld({ faults: 'wrong-amount=1' }, async (world) => {
    const path = world.write('may.csv', csvOf([row('inv-1', { amount: '12.30' }), row('inv-2', { amount: '7.70' })]));
    expect((await world.run(path)).code).toBe(2);
    await work(world);
  });

describe('tail --alerts', () => {
  it('prints the lines of alerts.jsonl with --json, and time, kind, record and description without it', async () => {
    await inContradiction(async (world) => {
      const json = await world.command(['tail', '--alerts', '--json']);
      expect(json).toMatchObject({ code: 0, stderr: '' });
      expect(json.stdout).toBe(`${linesOf(fileOf(world)).join('\n')}\n`);
      const alerts = alertsIn(json.stdout);
      expect(alerts.map(({ record_id }) => record_id).toSorted()).toEqual(['inv-1', 'inv-2']);
      const text = await world.command(['tail', '--alerts']);
      expect(text).toMatchObject({ code: 0, stderr: '' });
      expect(text.stdout.split('\n').filter((line) => line !== '')).toEqual(
        alerts.map(({ occurred_at: at, alert, record_id: id = '', description }) =>
          [`${at.slice(0, 19).replace('T', ' ')}Z`, alert.padEnd(22), id.padEnd(20), description].join('  '),
        ),
      );
    });
  });

  it('selects by record, batch, time and number', async () => {
    await inContradiction(async (world) => {
      const ids = async (...args: string[]): Promise<(string | undefined)[]> => {
        const ended = await world.command(['tail', '--alerts', '--json', ...args]);
        expect(ended).toMatchObject({ code: 0, stderr: '' });
        return alertsIn(ended.stdout).map(({ record_id: id }) => id);
      };
      expect(await ids('--record', 'inv-2')).toEqual(['inv-2']);
      expect(await ids('--batch', 'may.csv')).toHaveLength(2);
      expect(await ids('-n', '1')).toHaveLength(1);
      expect(await ids('--from', '-1h')).toHaveLength(2);
      expect(await ids('--from', 'now')).toEqual([]);
      const path = world.write('june.csv', csvOf([row('inv-3', { amount: '1.00' })]));
      await world.run(path);
      expect(await ids('--batch', 'june.csv')).toEqual(['inv-3']);
    });
  });

  it.each([['--final'], ['--status', 'failed']])('refuses %s, which selects results', async (...flags) => {
    await inWorld({}, async (world) => {
      const ended = await world.command(['tail', '--alerts', ...flags]);
      expect(ended).toMatchObject({ code: 1, stdout: '' });
      expect(ended.stderr).toContain(`${flags[0]} selects results, and --alerts prints none`);
    });
  });

  it('follows alerts that are raised later, and exits with 2 after a line that is no alert', async () => {
    await inContradiction(async (world) => {
      const [first = ''] = linesOf(fileOf(world));
      const following = world.begin(['tail', '--alerts', '--json', '--follow', '--record', 'later']);
      let stdout = '';
      following.child.stdout?.on('data', (text: string) => (stdout += text));
      appendFileSync(fileOf(world), `{"event_id":"x"}\n${JSON.stringify({ ...JSON.parse(first), record_id: 'later' })}\n`);
      await until('the later alert', () => stdout.includes('"record_id":"later"'));
      following.kill('SIGINT');
      const ended = await following.ended;
      expect(ended.code).toBe(2);
      expect(ended.stderr).toContain('is not an alert that this version reads');
    });
  });
});
