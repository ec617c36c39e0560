/** Payments whose payer must act, that wait for their capture, and that are refunded. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { alertSchema } from '../../batches/record/alert-event.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import { csvOf, row } from '../support/builders.ts';
import { countsOf, inWorld, until } from './world.ts';

const payments = csvOf([row('c-1', {}, 'payment', 'card'), row('c-2', {}, 'payment', 'card')]);
const settings = { FOLLOW_INTERVAL_MS: '100' };

describe.concurrent('run of payments', () => {
  it('shows what the payer must do in the result only, and captures when the payer has done it', async ({ expect }) => {
    await inWorld({ faults: 'action-required=1,capture=1' }, async (world) => {
      const running = world.begin(['run', world.write('may.csv', payments), '--json', '--wait', '60s'], settings);
      const asked = (): ResultEvent[] => world.events().filter(({ next_action: action }) => action !== undefined);
      await until('both payers are asked', () => asked().length === 2);
      for (const { status, error, next_action: action } of asked()) {
        expect([status, error?.code, action?.['type'], action?.['method']]).toEqual(['in_progress', 'action_required', 'redirect', 'GET']);
        expect((await fetch(String(action?.['url']))).ok).toBe(true);
      }
      const ran = await running.ended;
      expect(ran.code).toBe(0);
      expect(ran.stderr).not.toContain('_sandbox/act');
      expect(
        world
          .events()
          .filter(({ final }) => final)
          .map(({ status, next_action: action }) => [status, action]),
      ).toEqual([
        ['succeeded', undefined],
        ['succeeded', undefined],
      ]);
      const captures = world.sandbox.calls().filter(({ method }) => method === 'session/capture');
      expect(captures).toHaveLength(2);
    });
  });

  it('with --capture manual leaves the capture to a person, who makes it once', async ({ expect }) => {
    await inWorld({ faults: 'capture=1' }, async (world) => {
      const path = world.write('may.csv', csvOf([row('c-1', {}, 'payment', 'card')]));
      const waits = (): boolean => world.events().at(-1)?.error?.code === 'waits_for_person';
      const ran = await world.runUntil('it to wait for a person', waits, path, ['--capture', 'manual'], settings);
      expect(countsOf(ran.summary)).toEqual({ in_progress: 1 });
      expect(world.events().at(-1)).toMatchObject({ status: 'in_progress', error: { code: 'waits_for_person' } });
      const captures = () => world.sandbox.calls().filter(({ method }) => method === 'session/capture').length;
      expect(captures()).toBe(0);
      expect((await world.command(['capture', 'c-1', '--by', 'alice', '--reason', 'goods sent'])).code).toBe(0);
      expect((await world.command(['capture', 'c-1'])).code).toBe(0);
      expect(captures()).toBe(1);
      expect(countsOf((await world.run(path, [], settings)).summary)).toEqual({ succeeded: 1 });
      expect(await world.command(['capture', 'inv-99'])).toMatchObject({
        code: 2,
        stderr: 'disburse: There is no record inv-99 in this ledger.\n',
      });
    });
  });

  it('writes an alert for each refund, and the payments stay succeeded', async ({ expect }) => {
    await inWorld({ faults: 'refund=1', settleMs: 5 }, async (world) => {
      const ran = await world.run(world.write('may.csv', payments), ['--wait', '60s'], { FOLLOW_INTERVAL_MS: '1500' });
      expect(countsOf(ran.summary)).toEqual({ succeeded: 2 });
      const alerts = readFileSync(join(world.dataDir, 'alerts.jsonl'), 'utf8').trim().split('\n');
      expect(alerts.map((line) => alertSchema.parse(JSON.parse(line)).alert)).toEqual(['refunded', 'refunded']);
    });
  });
});
