/** `approve` as the process that holds the ledger carries it out. */
import { expect, it } from 'vitest';
import { operate } from '../../../batches/operations/operate.ts';
import type { OperationDeps } from '../../../batches/operations/operation-deps.ts';
import { changedGates, noTerms, openGates } from '../../../batches/record/gates.ts';
import { createMemoryStore, openMemoryLedger } from '../../../src/ledger/memory/ledger.ts';
import { at, batchA, manifest, transitionSettings as settings } from '../../support/builders.ts';
import { admitted } from '../../support/ledger-steps.ts';

const unexpected = (): never => {
  throw new Error('not expected here');
};

/** One row waits, whose amount is that of `admitted`; the file was submitted with these totals. */
async function waitingFile(submitted: { readonly count: number; readonly amountMinor: string }) {
  const ledger = openMemoryLedger({ store: createMemoryStore(), rules: settings, clock: { now: () => at }, owner: 'one' });
  await ledger.openBatch(manifest(batchA));
  const to = { ...openGates, approval: 'required' } as const;
  await ledger.setGates(changedGates(null, { by: 'disburse', reason: 'settings', at, to }), 0);
  const record = await admitted(ledger, 'inv-1', 2);
  const totals = [{ currency: record.currency, ...submitted }];
  const submission = { by: 'alice', at, rows: 1, totals };
  await ledger.setTerms({ batchId: batchA, terms: { ...noTerms, number: 1, submission }, expected: 0 });
  const deps: OperationDeps = {
    ledger,
    settings,
    clock: { now: () => at },
    publisher: { notify: () => undefined, published: async () => undefined },
    alert: async () => undefined,
    openSealed: unexpected,
    onChange: () => undefined,
    onResumed: () => undefined,
    follow: null,
    onReopened: () => undefined,
  };
  const approve = () => operate(deps, { type: 'approve', batchId: batchA, expect: totals, by: 'bob', reason: 'checked' });
  return { ledger, record, approve };
}

it('approve of a file whose rows are in the ledger with the totals of its submission is done', async () => {
  const { record } = await waitingFile({ count: 1, amountMinor: '1' });
  const { approve } = await waitingFile({ count: 1, amountMinor: String(record.amountMinor) });
  expect(await approve()).toMatchObject({ outcome: 'done', data: { records: 0 } });
});

it.each([
  ['a lower amount', { count: 1, amountMinor: '1' }],
  ['a higher amount in as many rows', { count: 1, amountMinor: '999999' }],
  ['fewer rows', { count: 0, amountMinor: '0' }],
])(
  'approve of a file that was submitted with %s than its rows have in the ledger is refused, and nothing is approved',
  async (_, submitted) => {
    const { ledger, approve } = await waitingFile(submitted);
    const answer = await approve();
    expect(answer).toMatchObject({ outcome: 'refused' });
    expect(answer.text).toContain('its rows in the ledger do not have the totals with which it was submitted');
    expect((await ledger.terms(batchA)).approval).toBeNull();
  },
);
