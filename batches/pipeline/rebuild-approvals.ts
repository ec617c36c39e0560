/** Approvals of files, as results show them: a rebuild keeps them. */
import type { SharedLedger } from '../ports/ledger.ts';
import type { ResultEvent } from '../record/result-event.ts';

/** When a result said that the file of a batch is approved, in milliseconds since the epoch. */
export type Approvals = Map<string, number>;

export function noteApproval(approvals: Approvals, { status, error, batch_id: batchId, occurred_at: at }: ResultEvent): void {
  if (status === 'queued' && error?.code === 'approved') approvals.set(batchId, Date.parse(at));
}

/** What was approved stays so. Of other files every send, a repeated one included, waits for an approval where the ledger needs one. */
export async function restoreApprovals(ledger: Pick<SharedLedger, 'terms' | 'setTerms'>, approvals: Approvals): Promise<void> {
  for (const [batchId, at] of approvals) {
    const terms = await ledger.terms(batchId);
    const approval = { by: 'disburse rebuild', reason: 'a result says that a person approved it', at, hash: '' };
    if (terms.approval === null)
      await ledger.setTerms({ batchId, terms: { ...terms, number: terms.number + 1, approval }, expected: terms.number });
  }
}
