/** Who submitted a file, and with which totals, before the first row of it is admitted. */
import { describe, expect, it } from 'vitest';
import { changedGates, openGates } from '../../../batches/record/gates.ts';
import { submitFile } from '../../../src/files/submission.ts';
import { createMemoryStore, openMemoryLedger } from '../../../src/ledger/memory/ledger.ts';
import { at, batchA, manifest, transitionSettings as rules } from '../../support/builders.ts';
import { admitted } from '../../support/ledger-steps.ts';

const clock = { now: () => at };

/** A file of two rows that was submitted with 30.00 in both. */
async function submittedFile(approval: 'none' | 'required' = 'required') {
  const ledger = openMemoryLedger({ store: createMemoryStore(), rules, clock, owner: 'one' });
  await ledger.openBatch(manifest(batchA));
  await ledger.setGates(changedGates(null, { by: 'disburse', reason: 'settings', at, to: { ...openGates, approval } }), 0);
  const submit = (count: number, amountMinor: bigint): Promise<void> => {
    const inspection = { file: 'may.csv', sha256: batchA, preflight: { rows: 2, totals: new Map([['EUR', { count, amountMinor }]]) } };
    return submitFile({ ledger, inspection, by: 'alice', notBefore: null, clock });
  };
  await submit(2, 3_000n);
  return { ledger, submit };
}

describe('a file that was submitted under APPROVAL=required', () => {
  it.each([
    ['a greater amount', 2, 3_500n],
    ['a lower amount in as many rows', 2, 2_500n],
    ['more valid rows', 3, 3_000n],
  ])(
    'and reads with %s before its rows are in the ledger, is refused with exit code 1, both totals and the way out',
    async (_, count, amount) => {
      const { ledger, submit } = await submittedFile();
      await expect(submit(count, amount)).rejects.toMatchObject({
        exitCode: 1,
        message: expect.stringMatching(/^may\.csv reads differently .*expected 30\.00 in 2 rows.*first run, or cancel the batch/),
      });
      expect((await ledger.terms(batchA)).submission?.totals).toEqual([{ currency: 'EUR', count: 2, amountMinor: '3000' }]);
    },
  );

  it('and reads with fewer valid rows, as after a card expired, is taken again', async () => {
    const { submit } = await submittedFile();
    await expect(submit(1, 1_000n)).resolves.toBeUndefined();
  });

  it('and reads differently when all of its rows are in the ledger, is taken again: each row is compared with what was admitted', async () => {
    const { ledger, submit } = await submittedFile();
    await admitted(ledger, 'inv-1', 2);
    await admitted(ledger, 'inv-2', 3);
    await expect(submit(2, 3_500n)).resolves.toBeUndefined();
  });
});
