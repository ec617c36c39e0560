import { describe, expect, it } from 'vitest';
import { daysInName, daysOf } from '../../../batches/reconciliation/report-days.ts';

describe('the days in the name of a report', () => {
  it.each([
    ['Shop_2026-11-27_2026-11-27.csv', { project: 'Shop', from: '2026-11-27', to: '2026-11-27' }],
    ['My_Shop_EU_2026-11-27_2026-11-28.xlsx', { project: 'My_Shop_EU', from: '2026-11-27', to: '2026-11-28' }],
    ['Shop_2026-11-27_2026-11-27 (1).csv.gz', { project: 'Shop', from: '2026-11-27', to: '2026-11-27' }],
  ])('%s has project and days', (name, expected) => {
    expect(daysInName(name)).toEqual(expected);
  });

  it.each([
    'report.csv',
    'Shop_2026-11-27.csv',
    'Shop_2026-02-30_2026-02-30.csv',
    'Shop_2026-11-28_2026-11-27.csv',
    'Shop_2026-11-27_2026-11-271.csv',
  ])('%s has none', (name) => {
    expect(daysInName(name)).toBeNull();
  });
});

describe('the days of rows', () => {
  it('are those in UTC of the first and the last of them', () => {
    const days = daysOf();
    for (const time of ['2026-11-27T23:59:59.999Z', '2026-11-26T00:00:00Z']) days.add(Date.parse(time));
    days.add(null);
    expect(days.days()).toEqual({ from: '2026-11-26', to: '2026-11-27' });
  });

  it('are not known without a row that has a date', () => {
    const days = daysOf();
    days.add(null);
    expect(days.days()).toBeNull();
  });
});
