import { describe, expect, it } from 'vitest';
import type { LedgerUnderTest } from './ledger-harness.ts';
import { at, batchA, batchB, manifest } from '../support/builders.ts';
import { admitted, intent, moved, step } from '../support/ledger-steps.ts';

export function batchesSuite(under: LedgerUnderTest): void {
  describe('openBatch', () => {
    it('creates a batch with everything that was asked for', async () => {
      const batch = await under.ledger.openBatch({ ...manifest(batchA), policy: 'all-or-nothing' });
      expect(batch).toEqual({
        batchId: batchA,
        file: 'may.csv',
        policy: 'all-or-nothing',
        encoding: 'utf-8',
        delimiter: ',',
        bytes: 1_000,
        blockDigests: ['d1', 'd2'],
        state: 'running',
        phase: 'admitting',
        startedAt: at,
        finishedAt: null,
        sent: 0,
        firstSentAt: null,
        lastSentAt: null,
      });
      expect(await under.ledger.batch(batchA)).toEqual(batch);
    });

    it('pins the policy skip, released from the start, when none is given', async () => {
      expect(await under.ledger.openBatch(manifest(batchA))).toMatchObject({ policy: 'skip', phase: 'released' });
    });

    it('returns a known batch as it was pinned', async () => {
      const first = await under.ledger.openBatch({ ...manifest(batchA), policy: 'all-or-nothing' });
      const again = await under.ledger.openBatch({ ...manifest(batchA), file: 'other.csv', delimiter: ';', at: at + 1 });
      expect(again).toEqual(first);
      expect(await under.ledger.openBatch({ ...manifest(batchA), policy: 'skip' })).toEqual(first);
    });

    it('creates one batch for many concurrent calls', async () => {
      const opened = await Promise.all(
        Array.from({ length: 20 }, (_, index) => under.ledger.openBatch({ ...manifest(batchA), at: at + index })),
      );
      expect(new Set(opened.map((batch) => batch.startedAt)).size).toBe(1);
      expect(await under.ledger.batches()).toHaveLength(1);
    });
  });

  describe('batches', () => {
    it('returns all batches, and nothing for an unknown one', async () => {
      await under.ledger.openBatch(manifest(batchA));
      await under.ledger.openBatch(manifest(batchB));
      expect((await under.ledger.batches()).map((batch) => batch.batchId).sort()).toEqual([batchA, batchB]);
      expect((await under.ledger.batches({ newest: 1 })).map((batch) => batch.batchId)).toEqual([batchB]);
      expect((await under.ledger.batches({ newest: 9 })).map((batch) => batch.batchId)).toEqual([batchB, batchA]);
      expect(await under.ledger.batch('unknown')).toBeUndefined();
      expect(await under.ledger.tallies('unknown')).toEqual([]);
    });
  });

  describe('updateBatch', () => {
    it('sets state and phase independently', async () => {
      await under.ledger.openBatch({ ...manifest(batchA), policy: 'all-or-nothing' });
      await under.ledger.updateBatch({ batchId: batchA, phase: 'refused', at });
      expect(await under.ledger.batch(batchA)).toMatchObject({ state: 'running', phase: 'refused' });
      await under.ledger.updateBatch({ batchId: batchA, state: 'stopped', at });
      expect(await under.ledger.batch(batchA)).toMatchObject({ state: 'stopped', phase: 'refused', finishedAt: null });
    });

    it('keeps the first time of finishing, whatever the batch does afterwards', async () => {
      await under.ledger.openBatch(manifest(batchA));
      await under.ledger.updateBatch({ batchId: batchA, state: 'finished', at: at + 5 });
      expect(await under.ledger.batch(batchA)).toMatchObject({ state: 'finished', finishedAt: at + 5 });
      await under.ledger.updateBatch({ batchId: batchA, state: 'running', at: at + 9 });
      expect(await under.ledger.batch(batchA)).toMatchObject({ state: 'running', finishedAt: at + 5 });
      await under.ledger.updateBatch({ batchId: batchA, state: 'finished', at: at + 12 });
      const ledger = await under.reopen();
      expect(await ledger.batch(batchA)).toMatchObject({ state: 'finished', finishedAt: at + 5 });
    });
  });

  describe('first sends', () => {
    it('are counted once a record, with the first and the newest time', async () => {
      await under.ledger.openBatch(manifest(batchA));
      const first = await moved(under.ledger, intent(await admitted(under.ledger, 'inv-1', 2), Buffer.from('x'), at + 10));
      await moved(under.ledger, intent(await admitted(under.ledger, 'inv-2', 3), Buffer.from('x'), at + 30));
      const open = await moved(under.ledger, step(first, { status: 'unknown' }));
      await moved(under.ledger, step(open, { sends: 2, leaseOwner: 'me', leaseUntil: at + 90, dueAt: at + 90 }));
      expect(await under.ledger.batch(batchA)).toMatchObject({ sent: 2, firstSentAt: at + 10, lastSentAt: at + 30 });
      const ledger = await under.reopen();
      expect(await ledger.batch(batchA)).toMatchObject({ sent: 2, firstSentAt: at + 10, lastSentAt: at + 30 });
    });

    it('are taken off the count when it is proven that nothing was sent', async () => {
      await under.ledger.openBatch(manifest(batchA));
      const sent = await moved(under.ledger, intent(await admitted(under.ledger, 'inv-1', 2)));
      const back = await moved(under.ledger, step(sent, { status: 'queued', firstSentAt: null, sends: 0 }));
      expect(await under.ledger.batch(batchA)).toMatchObject({ sent: 0, firstSentAt: null, lastSentAt: null });
      await moved(under.ledger, intent(back));
      expect(await under.ledger.batch(batchA)).toMatchObject({ sent: 1 });
    });
  });
}
