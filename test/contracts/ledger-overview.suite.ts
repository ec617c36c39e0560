/** What is open now, over all batches, for the gauges. */
import { beforeEach, describe, expect, it } from 'vitest';
import { openStatuses } from '../../batches/record/status.ts';
import type { TallyRow } from '../../batches/record/tally.ts';
import { recordStatuses, type LedgerUnderTest } from './ledger-harness.ts';
import { batchA, batchB, manifest } from '../support/builders.ts';
import { admitted, moved, recordIn, step } from '../support/ledger-steps.ts';

const textOf = ({ status, currency, count, amountMinor }: TallyRow): string => `${status} ${currency} ${count} ${amountMinor}`;

export function overviewSuite(under: LedgerUnderTest): void {
  const open = async (): Promise<string[]> => (await under.ledger.overview()).open.map(textOf).toSorted();

  describe('overview', () => {
    beforeEach(async () => {
      await under.ledger.openBatch(manifest(batchA));
      await under.ledger.openBatch(manifest(batchB));
    });

    it('shows nothing open in a ledger without records', async () => {
      expect(await under.ledger.overview()).toMatchObject({
        open: [],
        oldestOpenAt: { queued: null, submitting: null, in_progress: null, unknown: null },
        isBalanced: true,
      });
    });

    it('adds up what is not final over all batches, by status and currency', async () => {
      for (const [index, status] of recordStatuses.entries()) await recordIn(under.ledger, status, `${status}-a`, index + 2);
      await admitted(under.ledger, 'yen-b', 2, { currency: 'JPY', amountMinor: 500n }, batchB);
      expect(await open()).toEqual([
        'in_progress EUR 1 1230',
        'queued EUR 1 1230',
        'queued JPY 1 500',
        'submitting EUR 1 1230',
        'unknown EUR 1 1230',
      ]);
      const { oldestOpenAt, isBalanced } = await under.ledger.overview();
      expect(openStatuses.filter((status) => oldestOpenAt[status] === null)).toEqual([]);
      expect(isBalanced).toBe(true);
    });

    it('forgets a batch whose last open record ended, and shows it again with the next one', async () => {
      const unknown = await recordIn(under.ledger, 'unknown', 'inv-1', 2);
      expect(await open()).toEqual(['unknown EUR 1 1230']);
      await under.reopen();
      expect(await open()).toEqual(['unknown EUR 1 1230']);
      await moved(under.ledger, step(unknown, { status: 'succeeded' }));
      expect(await open()).toEqual([]);
      expect((await under.ledger.overview()).oldestOpenAt.unknown).toBeNull();
      await admitted(under.ledger, 'inv-2', 3);
      expect(await open()).toEqual(['queued EUR 1 1230']);
    });
  });
}
