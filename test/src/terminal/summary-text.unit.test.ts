import { describe, expect, it } from 'vitest';
import { statuses } from '../../../batches/record/status.ts';
import type { Summary } from '../../../batches/record/summary.ts';
import { summaryText } from '../../../src/terminal/summary-text.ts';

const none = { count: 0, amounts: {} };
const summary: Summary = {
  batch_id: 'b'.repeat(64),
  file: 'may\u001b[2J.csv',
  state: 'finished',
  received: { count: 1234, amounts: { EUR: '1234567.89', JPY: '500' } },
  statuses: {
    ...(Object.fromEntries(statuses.map((status) => [status, none])) as Summary['statuses']),
    succeeded: { count: 1233, amounts: { EUR: '1234567.89' } },
    unknown: { count: 1, amounts: { JPY: '500' } },
  },
  balanced: true,
  open: { count: 3, oldest_seconds: 90 },
  alerts: 0,
  started_at: '2026-11-21T08:00:00.000Z',
  finished_at: '2026-11-21T08:01:05.000Z',
  sent_per_second: 49.98,
};

describe('a summary as text', () => {
  const lines = summaryText(summary, (_style, text) => text).split('\n');

  it('has a row for each status that occurs and a column for each currency', () => {
    expect(lines[0]).toBe('may\\u001b[2J.csv: finished, 49.98 sent per second');
    expect(lines.filter((line) => /^ +(rows|received|succeeded|unknown) /.test(line)).map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['rows', 'EUR', 'JPY'],
      ['received', '1,234', '1,234,567.89', '500'],
      ['unknown', '1', '500'],
      ['succeeded', '1,233', '1,234,567.89'],
    ]);
    expect(lines.at(-1)).toContain('Balanced');
    for (const status of statuses)
      expect(lines.some((line) => line.trim().startsWith(`${status} `))).toBe(['succeeded', 'unknown'].includes(status));
  });

  it('warns when the tallies do not balance', () => {
    expect(summaryText({ ...summary, balanced: false }, (_style, text) => text)).toContain('NOT BALANCED');
  });
});

describe('a summary on a narrow terminal', () => {
  const amounts = Object.fromEntries(['AUD', 'CHF', 'EUR', 'GBP', 'HUF', 'JPY', 'USD', 'VND'].map((code) => [code, '112050400.00']));
  const many: Summary = {
    ...summary,
    received: { count: 8, amounts },
    statuses: { ...summary.statuses, succeeded: { count: 8, amounts }, unknown: { count: 0, amounts: {} } },
  };
  const text = (width: number): string[] => summaryText(many, (_style, part) => part, width).split('\n');

  it('has a line for each currency instead of lines that break in an amount', () => {
    const lines = text(80);
    expect(lines).toContain('  received                8');
    expect(lines.filter((line) => line.includes('112,050,400.00'))).toHaveLength(16);
    for (const line of lines.filter((one) => one.includes('112,050,400.00'))) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('has columns for the currencies where they fit', () => {
    expect(
      text(200)
        .find((line) => line.includes('received'))
        ?.match(/112,050,400\.00/g),
    ).toHaveLength(8);
  });
});
