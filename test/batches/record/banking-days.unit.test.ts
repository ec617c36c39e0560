/** Banking days and cut-offs: when payouts of a currency leave. */
import { describe, expect, it } from 'vitest';
import { alwaysOpen, createBankingDays, isTargetHoliday, type CurrencyDays } from '../../../batches/record/banking-days.ts';

const brussels: CurrencyDays = {
  zone: 'Europe/Brussels',
  opens: 0,
  cutOff: 16 * 60,
  weekend: [0, 6],
  holidays: new Set(['2026-11-30']),
  isTarget: true,
};

const opens = (days: CurrencyDays, at: string): string | null => {
  const found = createBankingDays(new Map([['EUR', days]])).opensAt('EUR', Date.parse(at));
  return found === null ? null : new Date(found).toISOString();
};

describe('the calendar of TARGET', () => {
  // As the European Central Bank publishes it.
  it.each([
    '2026-01-01',
    '2026-04-03',
    '2026-04-06',
    '2026-05-01',
    '2026-12-25',
    '2026-12-26',
    '2027-03-26',
    '2027-03-29',
    '2028-04-14',
    '2028-04-17',
  ])('has %s as a closing day', (date) => expect(isTargetHoliday(date)).toBe(true));

  it.each(['2026-04-02', '2026-04-05', '2026-04-07', '2026-12-24', '2026-12-31', '2027-04-05'])('has %s as a day like others', (date) =>
    expect(isTargetHoliday(date)).toBe(false),
  );

  it('has six closing days in every year', () => {
    for (let year = 2002; year <= 2100; year += 1) {
      const days = Array.from({ length: 366 }, (_, day) => new Date(Date.UTC(year, 0, 1 + day)).toISOString().slice(0, 10));
      expect([year, days.filter((date) => date.startsWith(String(year)) && isTargetHoliday(date)).length]).toEqual([year, 6]);
    }
  });
});

describe('payouts of a currency', () => {
  it.each([
    ['before the cut-off leave now', '2026-11-27T14:59:59.999Z', null],
    ['from the cut-off on wait over weekend and holiday', '2026-11-27T15:00:00.000Z', '2026-11-30T23:00:00.000Z'],
    ['on a Sunday wait for the next banking day', '2026-11-22T10:00:00.000Z', '2026-11-22T23:00:00.000Z'],
    ['after the cut-off on 24 December wait for the 28th', '2026-12-24T16:00:00.000Z', '2026-12-27T23:00:00.000Z'],
    ['at Easter wait for Tuesday, an hour earlier in summer time', '2027-03-25T16:00:00.000Z', '2027-03-29T22:00:00.000Z'],
    ['just after midnight of a banking day leave now', '2026-12-01T23:00:00.000Z', null],
  ])('%s', (_, at, until) => expect(opens(brussels, at)).toBe(until));

  it('wait until the bank opens on a banking day', () => {
    const days = { ...brussels, opens: 8 * 60 };
    expect(opens(days, '2026-12-02T06:59:00.000Z')).toBe('2026-12-02T07:00:00.000Z');
    expect(opens(days, '2026-12-02T07:00:00.000Z')).toBeNull();
  });

  it('get the right answer after an answer for another time', () => {
    const days = createBankingDays(new Map([['EUR', brussels]]));
    const answers = [
      '2026-11-27T15:00:00Z',
      '2026-11-27T14:00:00Z',
      '2026-11-27T14:59:59Z',
      '2026-11-27T15:00:00Z',
      '2026-12-01T00:00:00Z',
    ];
    expect(answers.map((at) => days.opensAt('EUR', Date.parse(at)) === null)).toEqual([false, true, true, false, true]);
  });

  it('that is not named, or without any calendar, leave always', () => {
    expect(createBankingDays(new Map([['EUR', brussels]])).opensAt('USD', Date.parse('2026-11-28T10:00:00Z'))).toBeNull();
    expect(alwaysOpen.opensAt('EUR', 0)).toBeNull();
  });

  it('without any banking day within 400 days are looked at again after a day', () => {
    const never = { ...brussels, weekend: [0, 1, 2, 3, 4, 5, 6] };
    expect(opens(never, '2026-11-27T12:00:00.000Z')).toBe('2026-11-28T12:00:00.000Z');
  });
});
