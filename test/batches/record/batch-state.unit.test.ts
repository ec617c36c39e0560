import { describe, expect, it } from 'vitest';
import { batchStateAfter } from '../../../batches/record/batch-state.ts';
import { statuses, type Status } from '../../../batches/record/status.ts';
import type { TallyRow } from '../../../batches/record/tally.ts';

const tallies = (counts: Partial<Record<Status, number>>): TallyRow[] => {
  const rows = statuses.map((status) => ({ status, currency: 'EUR', count: counts[status] ?? 0, amountMinor: 0n }) as const);
  const received = rows.reduce((sum, row) => sum + row.count, 0);
  return [...rows, { status: 'received', currency: 'EUR', count: received, amountMinor: 0n }];
};

describe('the state of a batch that is being paid', () => {
  it.each<[string, Partial<Record<Status, number>>, number | null, boolean, string]>([
    [
      'is finished when every row is final',
      { succeeded: 2, failed: 1, rejected: 1, duplicate: 1, conflict: 1, cancelled: 1 },
      7,
      false,
      'finished',
    ],
    ['is finished when every row is final, also after a stop', { succeeded: 2 }, 2, true, 'finished'],
    ['is waiting when every row was sent and one is in progress', { succeeded: 1, in_progress: 1 }, 2, false, 'waiting'],
    ['is waiting when every row was sent and one is unknown', { succeeded: 1, unknown: 1 }, 2, false, 'waiting'],
    ['is waiting when every row was sent, also after a stop', { unknown: 2 }, 2, true, 'waiting'],
    ['is running while a row is queued', { succeeded: 1, queued: 1 }, 2, false, 'running'],
    ['is running while a row is being submitted', { succeeded: 1, submitting: 1 }, 2, false, 'running'],
    ['is running while rows are missing', { succeeded: 1 }, 2, false, 'running'],
    ['is stopped when a stop leaves a row queued', { queued: 1 }, 1, true, 'stopped'],
    ['is stopped when a stop leaves rows unread', { succeeded: 1 }, 2, true, 'stopped'],
    ['is running for events, of which more may come', { succeeded: 1 }, null, false, 'running'],
    ['is finished when the file has no rows', {}, 0, false, 'finished'],
  ])('%s', (_title, counts, rows, stopped, state) => {
    expect(batchStateAfter({ tallies: tallies(counts), rows, stopped })).toBe(state);
  });
});
