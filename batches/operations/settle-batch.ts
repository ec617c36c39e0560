import { writeBatchState } from '../pipeline/batch-state.ts';
import type { LedgerRecord } from '../record/record.ts';
import { isFinal } from '../record/status.ts';
import { receivedOf } from '../record/tally.ts';
import type { OperationDeps } from './operation-deps.ts';

/** Where no process follows the batch any more, its last open record ends it here. */
export async function settleBatch(
  { ledger, clock }: Pick<OperationDeps, 'ledger' | 'clock'>,
  { batchId, status }: LedgerRecord,
): Promise<void> {
  if (!isFinal[status]) return;
  const batch = await ledger.batch(batchId);
  if (batch?.state !== 'waiting') return;
  const rows = receivedOf(await ledger.tallies(batchId)).count;
  await writeBatchState(ledger, { batchId, rows, stopped: false, at: clock.now() });
}
