/** The real pipeline on a simulated gateway, ledger and time: whatever happens and whatever persons ask for, no record is paid twice and none is lost. */
import { describe, expect, it } from 'vitest';
import { runSchedule } from '../../simulation/schedule.ts';

const schedules = 500;

describe('a schedule of faults, kills, commands and webhooks', () => {
  it('is the same for the same seed, to the letter', async () => {
    const [one, other] = [await runSchedule(44), await runSchedule(44)];
    expect(one.story.length).toBeGreaterThan(10);
    expect(other).toEqual(one);
  });

  it(`keeps every invariant, in each of ${schedules}`, { timeout: 300_000 }, async () => {
    const sums = { kills: 0, payments: 0, alerts: 0, commands: 0 };
    for (let seed = 1; seed <= schedules; seed += 1) {
      const { violations, kills, payments, alerts, commands } = await runSchedule(seed);
      expect(violations, `npm run proof -- --seed ${seed}`).toEqual([]);
      sums.kills += kills;
      sums.payments += payments;
      sums.alerts += alerts;
      sums.commands += commands;
    }
    // Schedules in which nothing happens would prove nothing.
    expect(sums.kills).toBeGreaterThan(schedules / 2);
    expect(sums.payments).toBeGreaterThan(schedules);
    expect(sums.alerts).toBeGreaterThan(0);
    expect(sums.commands).toBeGreaterThan(schedules);
  });
});
