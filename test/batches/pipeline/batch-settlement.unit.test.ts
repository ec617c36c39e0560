/** When a run of a file ends, as the ledger shows its batch. */
import { expect, it } from 'vitest';
import { waitUntilSettled } from '../../../batches/pipeline/batch-settlement.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { batchA, queuedRecord } from '../../support/builders.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const now = Date.UTC(2026, 10, 28, 9);
const minuteMs = 60_000;
const tomorrow = Date.UTC(2026, 10, 29);

/** One row waits in the queue, and another one is followed every minute and never ends. */
function waits(queued: Partial<LedgerRecord>, waitMs = 20 * minuteMs) {
  const clock = createVirtualClock(now);
  const row = { record: queuedRecord(queued), cursor: 1, admittedAt: now };
  const tally = (status: 'received' | 'queued' | 'in_progress', count: number) => ({ status, currency: 'EUR', count, amountMinor: 0n });
  const stop = new AbortController();
  const ended = waitUntilSettled({
    ledger: {
      tallies: async () => [tally('received', 2), tally('queued', 1), tally('in_progress', 1)],
      due: async () => ({ records: [], nextAt: clock.now() + minuteMs }),
      list: async () => [row],
    },
    ...{ clock, batchId: batchA, rows: 2, waitMs, idleTimeoutMs: null, everyMs: minuteMs, follow: true },
    signal: stop.signal,
    holdOf: async () => null,
  });
  return { clock, ended, stop };
}

const reasonOf = (code: string): LedgerRecord['reason'] => ({ code, description: 'It waits.' });

it.each([
  ['for another day', { reason: reasonOf('day_total_reached'), dueAt: tomorrow }],
  ['for a time that only the next run of its file can use', { reason: reasonOf('not_before'), dueAt: null }],
  ['for a person to look', { reason: reasonOf('body_missing'), dueAt: null }],
])('a run whose only unsent row waits %s ends as held after its wait, although another row is still followed', async (_, queued) => {
  const { clock, ended, stop } = waits(queued);
  await clock.pass(25 * minuteMs);
  stop.abort();
  expect(await ended).toBe('held');
});

it('a run whose unsent row falls due within its wait goes on', async () => {
  const { clock, ended, stop } = waits({ reason: reasonOf('not_before'), dueAt: now + 40 * minuteMs });
  await clock.pass(25 * minuteMs);
  stop.abort();
  expect(await ended).toBe('stopped');
});

it('a run that waits for nothing goes on while its file is approved and a row is not due again yet', async () => {
  const { clock, ended, stop } = waits({ reason: reasonOf('awaiting_approval'), dueAt: null }, 0);
  await clock.pass(5 * minuteMs);
  stop.abort();
  expect(await ended).toBe('stopped');
});
