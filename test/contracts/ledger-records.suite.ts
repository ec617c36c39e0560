/** The list of records by their status now. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { ListedRecord, RecordQuery } from '../../batches/ports/ledger.ts';
import type { RecordStatus } from '../../batches/record/status.ts';
import { recordStatuses, type LedgerUnderTest } from './ledger-harness.ts';
import { batchA, batchB, manifest } from '../support/builders.ts';
import { admitted, moved, recordIn, step } from '../support/ledger-steps.ts';

export function recordsSuite(under: LedgerUnderTest): void {
  const list = (query: Partial<RecordQuery> & Pick<RecordQuery, 'statuses'>): Promise<readonly ListedRecord[]> =>
    under.ledger.records({ limit: 1000, ...query });
  const ids = async (query: Parameters<typeof list>[0]): Promise<string[]> =>
    (await list(query)).map(({ record }) => record.recordId).toSorted();

  describe('records', () => {
    beforeEach(async () => {
      await under.ledger.openBatch(manifest(batchA));
      await under.ledger.openBatch(manifest(batchB));
      for (const [index, status] of recordStatuses.entries()) await recordIn(under.ledger, status, `${status}-a`, index + 2);
      await admitted(under.ledger, 'queued-b', 2, {}, batchB);
      await moved(under.ledger, step(await admitted(under.ledger, 'rejected-b', 3, {}, batchB), { status: 'rejected' }));
    });

    it.each(recordStatuses)('with status %s are listed with what they are now', async (status) => {
      const found = await list({ statuses: [status], batchId: batchA });
      expect(found.map(({ record }) => record)).toEqual([await under.ledger.record(`${status}-a`)]);
    });

    it('of several statuses and of all batches are listed once each', async () => {
      expect(await ids({ statuses: ['queued', 'unknown'] })).toEqual(['queued-a', 'queued-b', 'unknown-a']);
      expect(await ids({ statuses: ['queued', 'rejected'] })).toEqual(['queued-a', 'queued-b', 'rejected-a', 'rejected-b']);
      expect(await ids({ statuses: ['queued', 'rejected'], batchId: batchB })).toEqual(['queued-b', 'rejected-b']);
      expect(await ids({ statuses: ['queued'], batchId: 'c'.repeat(64) })).toEqual([]);
    });

    it('that have ended since are no longer listed', async () => {
      const [unknown] = await list({ statuses: ['unknown'] });
      await moved(under.ledger, step((unknown as ListedRecord).record, { status: 'succeeded' }));
      expect(await ids({ statuses: ['unknown'] })).toEqual([]);
      expect(await ids({ statuses: ['succeeded'] })).toEqual(['succeeded-a', 'unknown-a']);
    });

    it.each([
      { statuses: ['queued', 'submitting', 'in_progress', 'unknown'], batchId: undefined },
      { statuses: ['queued', 'submitting', 'in_progress', 'unknown'], batchId: batchA },
      { statuses: recordStatuses, batchId: undefined },
    ] as const)('can be read in pages of one: $statuses of $batchId', async ({ statuses, batchId }) => {
      const query = { statuses: statuses as readonly RecordStatus[], ...(batchId === undefined ? {} : { batchId }) };
      const all = await ids(query);
      const paged: string[] = [];
      for (let after: string | undefined; ;) {
        const [one, ...more] = await list({ ...query, limit: 1, ...(after === undefined ? {} : { after }) });
        expect(more).toEqual([]);
        if (one === undefined) break;
        paged.push(one.record.recordId);
        after = one.cursor;
      }
      expect(paged.toSorted()).toEqual(all);
      expect(new Set(paged).size).toBe(all.length);
    });

    it('have the time of their admission and of their present status', async () => {
      await under.pass(1_000);
      const record = await under.ledger.record('in_progress-a');
      if (record === undefined) throw new Error('it is not there');
      const before = (await list({ statuses: ['in_progress'] }))[0] as ListedRecord;
      // A step that leaves the status is no change of it.
      const checked = await moved(under.ledger, step(record, { checks: 1, dueAt: 5 }));
      expect((await list({ statuses: ['in_progress'] }))[0]).toMatchObject({ admittedAt: before.admittedAt, changedAt: before.changedAt });
      await moved(under.ledger, step(checked, { status: 'unknown' }));
      const after = (await list({ statuses: ['unknown'] })).find(({ record: { recordId } }) => recordId === 'in_progress-a');
      expect(after?.admittedAt).toBe(before.admittedAt);
      expect(Number(after?.changedAt) - Number(before.changedAt)).toBeGreaterThanOrEqual(1_000);
    });

    it('are the same after the ledger was opened again', async () => {
      const before = await list({ statuses: recordStatuses });
      await under.reopen();
      expect(await list({ statuses: recordStatuses })).toEqual(before);
    });
  });
}
