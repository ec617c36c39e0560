/** What operators' requests are carried out with. */
import type { Ledger } from '../ports/ledger.ts';
import type { Alerts, StepDeps } from '../pipeline/advance.ts';
import type { FollowDeps } from '../pipeline/follow.ts';
import type { OutboxRelay } from '../pipeline/outbox-relay.ts';
import type { LedgerRecord } from '../record/record.ts';
import type { OperationAnswer } from './request.ts';

export type OperationDeps = StepDeps &
  Alerts & {
    readonly ledger: Pick<
      Ledger,
      | 'record'
      | 'body'
      | 'batch'
      | 'updateBatch'
      | 'advance'
      | 'list'
      | 'records'
      | 'setPause'
      | 'pauses'
      | 'tallies'
      | 'gates'
      | 'setGates'
      | 'terms'
      | 'setTerms'
    >;
    readonly publisher: Pick<OutboxRelay, 'notify' | 'published'>;
    /** Opens what a command handed over sealed. @throws Error when it was sealed for another record or attempt */
    readonly openSealed: (sealed: string, context: { readonly recordId: string; readonly attempt: number }) => Uint8Array;
    /** What calls the gateway for a capture; null in a process that has no connection to it. */
    readonly follow: FollowDeps | null;
    /** The record has changed: what moves the records of its batch looks at it. */
    readonly onChange: (record: LedgerRecord) => void;
    /** Records of the batch, which a pause held up, are due. */
    readonly onResumed: (batchId: string) => void;
    /** A batch that had ended has open records again. */
    readonly onReopened: (batchId: string) => void;
  };

export async function publishNow({ publisher }: Pick<OperationDeps, 'publisher'>): Promise<void> {
  publisher.notify();
  await publisher.published();
}

export const missingRecord = (recordId: string): OperationAnswer => ({
  outcome: 'missing',
  text: `There is no record ${recordId} in this ledger.`,
  data: { record_id: recordId },
});

export const missingBatch = (batchId: string): OperationAnswer => ({
  outcome: 'missing',
  text: `There is no batch ${batchId} in this ledger.`,
  data: { batch_id: batchId },
});
