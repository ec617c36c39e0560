/** Ends a record by a row of the gateway's report, in the process that holds the ledger. The caller publishes. */
import { createEndRecord } from '../reconciliation/end-record.ts';
import { reportEvidence } from '../reconciliation/report-evidence.ts';
import { missingRecord, type OperationDeps } from './operation-deps.ts';
import type { OperationAnswer, RequestOf } from './request.ts';
import { settleBatch } from './settle-batch.ts';

/**
 * The row was decided on one version of the record; on another one it is decided again.
 *
 * @returns `data.result`: `ended`, `moved`, or `session_taken` with `taken_by`
 */
export async function endByReport(deps: OperationDeps, { recordId, version, row }: RequestOf<'report_row'>): Promise<OperationAnswer> {
  const record = await deps.ledger.record(recordId);
  if (record === undefined) return missingRecord(recordId);
  const read = reportEvidence({ ...row, amountMinor: BigInt(row.amountMinor) }, record);
  if (record.version !== version || read.type !== 'session' || read.session.verdict.type !== 'succeeded')
    return answerOf(recordId, 'moved');
  const now = deps.clock.now;
  const result = await createEndRecord({ ledger: deps.ledger, settings: deps.settings, now })(record, read.session);
  if (result.type === 'session_taken') return answerOf(recordId, 'session_taken', { taken_by: result.takenBy });
  if (result.type === 'moved') return answerOf(recordId, 'moved');
  const after = (await deps.ledger.record(recordId)) ?? record;
  deps.onChange(after);
  await settleBatch(deps, after);
  deps.publisher.notify();
  return answerOf(recordId, 'ended');
}

function answerOf(recordId: string, result: 'ended' | 'moved' | 'session_taken', more: Record<string, string> = {}): OperationAnswer {
  const text = result === 'ended' ? `The record ${recordId} is succeeded.` : `The record ${recordId} stays as it is.`;
  return { outcome: result === 'ended' ? 'done' : 'unchanged', text, data: { record_id: recordId, result, ...more } };
}
