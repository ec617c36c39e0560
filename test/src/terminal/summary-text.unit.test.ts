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
