/** The real pipeline on a simulated gateway, ledger and time: whatever happens and whatever persons ask for, no record is paid twice and none is lost. */
import { describe, expect, it } from 'vitest';
import { runSchedules } from '../../simulation/run-schedules.ts';
import { runSchedule } from '../../simulation/schedule.ts';
import { themeOf, themes } from '../../simulation/themes.ts';

const schedules = 2_000;

describe('a schedule of faults, kills, commands and webhooks', () => {
  it('is the same for the same seed, to the letter', async () => {
    const [one, other] = [await runSchedule(44), await runSchedule(44)];
    expect(one.story.length).toBeGreaterThan(10);
    expect(other).toEqual(one);
  });

  it('has each theme some thirty times, and none in most', () => {
    const found = Array.from({ length: schedules }, (_, index) => themeOf(index + 1));
    expect(found.filter((theme) => theme === null).length).toBeGreaterThan(0.8 * schedules);
    for (const theme of themes) expect([theme, found.filter((one) => one === theme).length >= 30]).toEqual([theme, true]);
  });

  it(`keeps every invariant, in each of ${schedules}`, { timeout: 300_000 }, async () => {
    const failed: string[] = [];
    const { sums } = await runSchedules({
      ...{ first: 1, count: schedules, mostFailures: 5 },
      onFailed: ({ seed, violations }) => failed.push(`npm run proof -- --seed ${seed}: ${violations.join('; ')}`),
    });
    expect(failed).toEqual([]);
    expect(sums.schedules).toBe(schedules);
    // Schedules in which nothing happens would prove nothing.
    expect(sums.kills).toBeGreaterThan(schedules / 2);
    expect(sums.payments).toBeGreaterThan(schedules);
    expect(sums.alerts).toBeGreaterThan(0);
    expect(sums.commands).toBeGreaterThan(schedules);
    expect(sums.decisions).toBeGreaterThan(schedules / 20);
  });
});
