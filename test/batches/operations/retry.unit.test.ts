/** `retry` as the process that holds the ledger carries it out. */
import { describe, expect, it } from 'vitest';
import { operate } from '../../../batches/operations/operate.ts';
import type { OperationDeps } from '../../../batches/operations/operation-deps.ts';
import { createMemoryStore, openMemoryLedger } from '../../../src/ledger/memory/ledger.ts';
import { at, batchA, batchB, manifest, transitionSettings as settings } from '../../support/builders.ts';
import { admitted, intent, moved, step } from '../../support/ledger-steps.ts';

async function failedRecord() {
  const ledger = openMemoryLedger({ store: createMemoryStore(), rules: settings, clock: { now: () => at }, owner: 'one' });
  for (const batchId of [batchA, batchB]) await ledger.openBatch(manifest(batchId));
  const sent = await moved(ledger, intent(await admitted(ledger, 'inv-1', 2), Buffer.from('{"metadata":{}}')));
  const record = await moved(ledger, step(sent, { status: 'failed', leaseUntil: null, leaseOwner: null }));
  const unexpected = (): never => {
    throw new Error('not expected here');
  };
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
  return { ledger, record, deps };
}

const request = { type: 'retry', recordId: 'inv-1', by: 'alice', reason: 'account corrected' } as const;
const cancel = { code: 'cancelled', by: 'bob', reason: 'wrong file', at } as const;

describe('retry of a failed record', () => {
  it('is refused when its batch is cancelled, and the record stays failed', async () => {
    const { ledger, record, deps } = await failedRecord();
    await ledger.setPause({ batchId: batchA, pause: cancel });
    const answer = await operate(deps, request);
    expect(answer).toMatchObject({ outcome: 'refused' });
    expect(answer.text).toBe(
      'The record inv-1 cannot be retried: bob cancelled the batch (wrong file), and that is for good. Submit it under a new record id.',
    );
    expect(await ledger.record('inv-1')).toEqual(record);
  });

  it('is done when another batch is cancelled, and while its own batch is paused', async () => {
    const { ledger, deps } = await failedRecord();
    await ledger.setPause({ batchId: batchB, pause: cancel });
    await ledger.setPause({ batchId: batchA, pause: { ...cancel, code: 'paused' } });
    expect(await operate(deps, request)).toMatchObject({ outcome: 'done', data: { status: 'queued', attempt: 2 } });
  });
});
