/** The first page of open records: sorted by the database from its index of open records. */
import { describe, expect, it } from 'vitest';
import { selectRecords } from '../../../../batches/record/record-selection.ts';
import { openStatuses } from '../../../../batches/record/status.ts';
import { selectionFrom } from '../../../../src/views/select-records.ts';
import { openReader } from '../../../../src/ledger/sqlite/reader.ts';
import { admission, at, batchA, batchB, instructionOf, lineOf, manifest, valid } from '../../../support/builders.ts';
import { intent, moved, step } from '../../../support/ledger-steps.ts';
import { makeDir, openIn, removeDir } from '../data-dir.ts';

describe('the oldest open records', () => {
  it.each([[openStatuses], [['queued']], [['unknown']], [['submitting', 'unknown']]] as const)(
    'are the same with their sums as those of all records, of which none is read: %j',
    async (statuses) => {
      const dir = makeDir();
      try {
        const ledger = await openIn(dir);
        for (const batchId of [batchA, batchB]) await ledger.openBatch(manifest(batchId));
        for (let index = 0; index < 60; index += 1) {
          const batchId = index % 2 === 0 ? batchA : batchB;
          const [verdict] = await ledger.admit([
            admission(
              lineOf(batchId, index + 1),
              valid(instructionOf(`inv-${index}`, { currency: index % 3 === 0 ? 'USD' : 'EUR' })),
              batchId,
            ),
          ]);
          if (verdict?.type !== 'admitted' || index % 4 === 0) continue;
          const sent = await moved(ledger, intent(verdict.record, Buffer.from('{}'), at - index));
          if (index % 3 === 0) await moved(ledger, step(sent, { status: 'unknown', leaseOwner: null, leaseUntil: null }));
        }
        await ledger.close();
        const reader = await openReader(dir);
        try {
          const selection = selectRecords({ sort: 'age', limit: 10, now: Date.now() });
          for (const record of await reader.records({ statuses, limit: 500 })) selection.add(record);
          const expected = selection.result();
          const records = (): never => {
            throw new Error('all records are read');
          };
          const found = await selectionFrom({ ...reader, records }, { status: statuses, sort: 'age', limit: 10 }, Date.now());
          expect(found.records.map(({ record }) => record.recordId)).toEqual(expected.records.map(({ record }) => record.recordId));
          expect({ count: found.count, totals: found.totals }).toEqual({ count: expected.count, totals: expected.totals });
        } finally {
          await reader.close();
        }
      } finally {
        removeDir(dir);
      }
    },
  );
});
