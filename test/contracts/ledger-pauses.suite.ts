/** What every ledger must hold about pauses and about recounting. */
import { beforeEach, describe, expect, it } from 'vitest';
import { admitOne, advanceOne } from '../../batches/ports/single.ts';
import type { Pause } from '../../batches/record/pause.ts';
import type { TallyRow } from '../../batches/record/tally.ts';
import { admission, at, batchA, batchB, instructionOf, lineOf, manifest, valid } from '../support/builders.ts';
import { admitted, intent, moved, recordIn, step } from '../support/ledger-steps.ts';
import { recordStatuses, type LedgerUnderTest } from './ledger-harness.ts';

const pause: Pause = { code: 'paused', by: 'alice', reason: 'bank holiday', at };

export function pausesSuite(under: LedgerUnderTest): void {
  describe('setPause', () => {
    beforeEach(async () => {
      await under.ledger.openBatch(manifest(batchA));
      await under.ledger.openBatch(manifest(batchB));
    });

    it.each([
      ['of its batch', batchA],
      ['of everything', null],
    ])('%s refuses intents until it ends, also after the ledger is opened again', async (_, batchId) => {
      const record = await admitted(under.ledger, 'inv-1', 2);
      expect(await under.ledger.setPause({ batchId, pause })).toBe(true);
      const ledger = await under.reopen();
      expect(await advanceOne(ledger, intent(record))).toEqual({ ok: false, why: 'paused', current: record, pause: { ...pause, batchId } });
      expect(await ledger.record('inv-1')).toEqual(record);
      expect(await ledger.pauses()).toEqual([{ ...pause, batchId }]);
      expect(await ledger.setPause({ batchId, pause: null })).toBe(true);
      expect(await ledger.pauses()).toEqual([]);
      expect(await advanceOne(ledger, intent(record))).toEqual({ ok: true });
    });

    it('refuses intents to resend as well, and no other change', async () => {
      const open = await recordIn(under.ledger, 'unknown', 'inv-1', 2);
      await under.ledger.setPause({ batchId: batchA, pause });
      expect(await advanceOne(under.ledger, intent({ ...open, sessionId: null }))).toMatchObject({ ok: false, why: 'paused' });
      expect(await advanceOne(under.ledger, step(open, { status: 'succeeded' }))).toEqual({ ok: true });
    });

    it('of one batch leaves the others alone', async () => {
      await under.ledger.setPause({ batchId: batchA, pause });
      const other = await admitted(under.ledger, 'inv-2', 2, {}, batchB);
      expect(await advanceOne(under.ledger, intent(other))).toEqual({ ok: true });
    });

    it('does nothing when it is set already, and the first one stays', async () => {
      await under.ledger.setPause({ batchId: batchA, pause });
      expect(await under.ledger.setPause({ batchId: batchA, pause: { ...pause, by: 'bob' } })).toBe(false);
      expect(await under.ledger.pauses()).toMatchObject([{ by: 'alice' }]);
      expect(await under.ledger.setPause({ batchId: batchB, pause: null })).toBe(false);
    });

    it('as cancelled takes the place of another pause, and is never ended', async () => {
      const record = await admitted(under.ledger, 'inv-1', 2);
      await under.ledger.setPause({ batchId: batchA, pause });
      const cancelled: Pause = { ...pause, code: 'cancelled', by: 'bob' };
      expect(await under.ledger.setPause({ batchId: batchA, pause: cancelled })).toBe(true);
      expect(await under.ledger.setPause({ batchId: batchA, pause: null })).toBe(false);
      expect(await under.ledger.setPause({ batchId: batchA, pause })).toBe(false);
      expect(await under.ledger.setPause({ batchId: batchA, pause: cancelled })).toBe(false);
      const ledger = await under.reopen();
      expect(await advanceOne(ledger, intent(record))).toMatchObject({ ok: false, why: 'paused', pause: cancelled });
    });

    it('as cancelled of the batch refuses an intent, not a pause of everything; a pause of everything comes before a pause of the batch', async () => {
      const cancelled = await admitted(under.ledger, 'inv-1', 2);
      const paused = await admitted(under.ledger, 'inv-2', 3, {}, batchB);
      await under.ledger.setPause({ batchId: batchA, pause: { ...pause, code: 'cancelled', by: 'bob' } });
      await under.ledger.setPause({ batchId: batchB, pause });
      await under.ledger.setPause({ batchId: null, pause });
      expect(await advanceOne(under.ledger, intent(cancelled))).toMatchObject({
        why: 'paused',
        pause: { batchId: batchA, code: 'cancelled' },
      });
      expect(await advanceOne(under.ledger, intent(paused))).toMatchObject({ why: 'paused', pause: { batchId: null, code: 'paused' } });
    });

    it('of everything and of one batch are two pauses: an intent needs both to end', async () => {
      const record = await admitted(under.ledger, 'inv-1', 2);
      await under.ledger.setPause({ batchId: batchA, pause });
      await under.ledger.setPause({ batchId: null, pause: { ...pause, reason: null } });
      await under.ledger.setPause({ batchId: null, pause: null });
      expect(await advanceOne(under.ledger, intent(record))).toMatchObject({ ok: false, why: 'paused' });
      await under.ledger.setPause({ batchId: batchA, pause: null });
      expect(await advanceOne(under.ledger, intent(record))).toEqual({ ok: true });
    });
  });

  describe('recount', () => {
    const sorted = (rows: readonly TallyRow[]): readonly TallyRow[] =>
      [...rows].sort((one, other) => `${one.status}:${one.currency}`.localeCompare(`${other.status}:${other.currency}`));

    it('agrees with the tallies for rejected and cancelled rows whose record ids were used again, in each of two batches', async () => {
      await under.ledger.openBatch(manifest(batchA));
      await under.ledger.openBatch(manifest(batchB));
      await moved(under.ledger, step(await admitted(under.ledger, 'inv-rejected', 2, { amountMinor: 5n }), { status: 'rejected' }));
      await moved(under.ledger, step(await admitted(under.ledger, 'inv-cancelled', 3, { amountMinor: 7n }), { status: 'cancelled' }));
      await moved(under.ledger, step(await admitted(under.ledger, 'stays', 4, { amountMinor: 3n }), { status: 'rejected' }));
      const ledger = await under.reopen();
      for (const batchId of [batchA, undefined])
        expect(sorted(await ledger.recount(batchId))).toEqual(sorted(await ledger.tallies(batchId)));
      await admitted(ledger, 'inv-rejected', 2, { amountMinor: 5n }, batchB);
      await admitted(ledger, 'inv-cancelled', 3, { amountMinor: 7n }, batchB);
      for (const batchId of [batchA, batchB, undefined])
        expect(sorted(await ledger.recount(batchId))).toEqual(sorted(await ledger.tallies(batchId)));
    });

    it('agrees with the tallies for records of every status, duplicates, conflicts, rejected rows and reused record ids', async () => {
      await under.ledger.openBatch(manifest(batchA));
      await under.ledger.openBatch(manifest(batchB));
      for (const [index, status] of recordStatuses.entries()) await recordIn(under.ledger, status, `inv-${status}`, index + 2);
      await admitOne(under.ledger, admission(lineOf(batchB, 2), valid(instructionOf('inv-succeeded')), batchB));
      await admitOne(under.ledger, admission(lineOf(batchB, 3), valid(instructionOf('inv-unknown', { amountMinor: 7n })), batchB));
      await admitted(under.ledger, 'inv-rejected', 4, { amountMinor: 9_007_199_254_740_991n, currency: 'USD' }, batchB);
      await moved(
        under.ledger,
        intent(await admitted(under.ledger, 'large', 5, { amountMinor: 9_007_199_254_740_991n, currency: 'USD' }, batchB)),
      );
      const ledger = await under.reopen();
      expect(sorted(await ledger.recount())).toEqual(sorted(await ledger.tallies()));
      for (const batchId of [batchA, batchB]) expect(sorted(await ledger.recount(batchId))).toEqual(sorted(await ledger.tallies(batchId)));
      expect(await ledger.recount('unknown')).toEqual([]);
    });
  });
}
