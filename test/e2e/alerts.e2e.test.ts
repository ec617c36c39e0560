/** `alerts`: what waits for a person, and its end. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { csvOf, payouts } from '../support/builders.ts';
import { inWorld, linesOf, until, type World } from './world.ts';

const listed = async (world: World): Promise<Record<string, unknown>[]> => {
  const { stdout } = await world.command(['alerts', '--json']);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
};

/** The gateway shows another amount for every record. */
const inWrongWorld = (work: (world: World) => Promise<void>): Promise<void> =>
  inWorld({ faults: 'wrong-amount=1' }, async (world) => {
    await world.run(world.write('may.csv', csvOf(payouts(2))));
    await work(world);
  });

describe('alerts', () => {
  it('lists what waits for a person with the id of its event, until it is acknowledged', async () => {
    await inWrongWorld(async (world) => {
      const events = linesOf(join(world.dataDir, 'alerts.jsonl')).map((line) => JSON.parse(line) as Record<string, unknown>);
      const open = await listed(world);
      expect(open.map(({ event_id: id }) => id).toSorted()).toEqual(events.map(({ event_id: id }) => id).toSorted());
      const [first] = open;
      const event = events.find(({ event_id: id }) => id === first?.['event_id']);
      expect({ ...first, seen: event?.['seen'], occurred_at: event?.['occurred_at'] }).toEqual(event);
      expect((await world.command(['alerts'])).stdout).toContain('2 alerts');
      const acknowledge = ['alerts', 'acknowledge', 'p-1', '--reason', 'checked at the gateway', '--json'];
      const done = await world.command(acknowledge);
      expect(done.code, done.stderr).toBe(0);
      expect(JSON.parse(done.stdout)).toMatchObject({ outcome: 'done', record_id: 'p-1' });
      expect((await listed(world)).map(({ record_id: id }) => id)).toEqual(['p-2']);
      expect(JSON.parse((await world.command(acknowledge)).stdout)).toMatchObject({ outcome: 'unchanged' });
    });
  });

  it('acknowledged beside a run that holds the ledger are off the list when the command returns', async () => {
    await inWrongWorld(async (world) => {
      await world.replaceSandbox({ settleMs: 600_000, confirm: 'auto' });
      const running = world.begin(['run', world.write('june.csv', csvOf(payouts(1, 'j'))), '--json', '--wait', '60s']);
      try {
        await until('the run is under way', () => world.events().some(({ record_id: id }) => id === 'j-1'));
        expect((await world.command(['alerts', 'acknowledge', 'p-1', 'p-2', '--reason', 'r'])).code).toBe(0);
        expect(await listed(world)).toEqual([]);
      } finally {
        running.kill('SIGKILL');
        await running.ended;
      }
    });
  });

  it('of a record that is missing or has none are exit 2, and without a reason or a record exit 1', async () => {
    await inWorld({}, async (world) => {
      await world.run(world.write('may.csv', csvOf(payouts(1))));
      expect((await world.command(['alerts'])).stdout).toBe('No alerts that wait for a person.\n');
      const none = await world.command(['alerts', 'acknowledge', 'p-1', '--reason', 'r']);
      expect(none).toMatchObject({ code: 2, stderr: 'disburse: The record p-1 has no alert.\n' });
      const missing = await world.command(['alerts', 'acknowledge', 'inv-99', '--reason', 'r']);
      expect(missing).toMatchObject({ code: 2, stderr: 'disburse: There is no record inv-99 in this ledger.\n' });
      expect(await world.command(['alerts', 'acknowledge', 'p-1'])).toMatchObject({ code: 1 });
      expect(await world.command(['alerts', 'acknowledge', '--reason', 'r'])).toMatchObject({ code: 1 });
      expect(await world.command(['alerts', 'forget'])).toMatchObject({ code: 1 });
      expect(await world.command(['alerts'], { DATA_DIR: join(world.folder, 'elsewhere') })).toMatchObject({ code: 1 });
    });
  });
});
