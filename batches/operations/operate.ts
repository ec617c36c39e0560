/**
 * Carries out what an operator asks for. What a person decides is acknowledged only when its result event is published,
 * so that the results show it even when the ledger is lost.
 */
import { advance } from '../pipeline/advance.ts';
import { isFileBatch } from '../record/gates.ts';
import { pauseOf, whyPaused, type SetPause } from '../record/pause.ts';
import type { LedgerRecord } from '../record/record.ts';
import { acknowledgeAlerts, type Acknowledgement } from '../record/record-alerts.ts';
import {
  nextAttempt,
  cancelRecord,
  resolveRecord,
  retryRecord,
  whyNotRetry,
  type PersonDecision,
  type Retry,
} from '../record/person-steps.ts';
import { approveBatch, refuseBatch } from './approval.ts';
import { captureRecord } from './capture.ts';
import { cancelBatch } from './cancel-batch.ts';
import { missingRecord, publishNow, type OperationDeps } from './operation-deps.ts';
import { pauseBatch, resumeBatch } from './pause.ts';
import { loosenGates } from './loosen-gates.ts';
import { nextBody } from './next-body.ts';
import { endByReport } from './report-row.ts';
import type { OperationAnswer, OperationRequest, RequestOf } from './request.ts';
import { settleBatch } from './settle-batch.ts';

export async function operate(deps: OperationDeps, request: OperationRequest): Promise<OperationAnswer> {
  switch (request.type) {
    case 'retry':
      return retry(deps, request);
    case 'resolve':
      return decide(deps, request.recordId, (record, at) => resolveRecord(deps.settings, record, { ...request, at }));
    case 'cancel_record':
      return decide(deps, request.recordId, (record, at) => cancelRecord(deps.settings, record, { ...request, at }));
    case 'capture':
      return capture(deps, request);
    case 'pause':
      return pauseBatch(deps, request);
    case 'resume':
      return resumeBatch(deps, request);
    case 'approve':
      return approveBatch(deps, request);
    case 'refuse':
      return refuseBatch(deps, request);
    case 'loosen':
      return loosenGates(deps, request);
    case 'cancel':
      return cancelBatch(deps, request);
    case 'acknowledge':
      return decide(
        deps,
        request.recordId,
        (record, at) => acknowledge(deps, record, { ...request, at }),
        ({ recordId }) => `The alerts of record ${recordId} are acknowledged.`,
      );
    case 'report_row':
      return endByReport(deps, request);
    case 'raise_alert':
      await deps.alert(request.alert);
      return { outcome: 'done', text: `The alert ${request.alert.alert} is raised.`, data: { record_id: request.alert.recordId } };
    case 'publish':
      await publishNow(deps);
      return { outcome: 'done', text: 'Everything is published.', data: {} };
  }
}

/** Writes what a person decided on the record as it is now; decided again when it moved meanwhile. */
export async function decide(
  deps: OperationDeps,
  recordId: string,
  decideOn: (record: LedgerRecord, at: number) => PersonDecision,
  tell: (record: LedgerRecord) => string = doneText,
): Promise<OperationAnswer> {
  const record = await deps.ledger.record(recordId);
  if (record === undefined) return missingRecord(recordId);
  let decision: PersonDecision = { type: 'unchanged', why: '' };
  const after = await advance(deps.ledger, record, (current) => {
    decision = decideOn(current, deps.clock.now());
    return decision.type === 'change' ? decision.change : null;
  });
  const made = decision as PersonDecision;
  const data = { record_id: recordId, status: after.status, attempt: after.attempt };
  if (made.type !== 'change') {
    // What a person asked for before may have been written by a process that died before it was published.
    if (made.type === 'unchanged') await publishNow(deps);
    return { outcome: made.type, text: made.why, data };
  }
  deps.onChange(after);
  await settleBatch(deps, after);
  await publishNow(deps);
  return { outcome: 'done', text: tell(after), data };
}

const doneText = ({ recordId, status, attempt }: LedgerRecord): string =>
  status === 'queued'
    ? `The record ${recordId} is queued for attempt ${attempt}. The next process that pays sends it.`
    : `The record ${recordId} is ${status}.`;

function acknowledge({ settings }: OperationDeps, record: LedgerRecord, acknowledgement: Acknowledgement): PersonDecision {
  const change = acknowledgeAlerts(settings, record, acknowledgement);
  if (change !== null) return { type: 'change', change };
  return record.alerts.length === 0
    ? { type: 'refused', why: `The record ${record.recordId} has no alert.` }
    : { type: 'unchanged', why: `The alerts of record ${record.recordId} were acknowledged before.` };
}

async function retry(deps: OperationDeps, request: RequestOf<'retry'>): Promise<OperationAnswer> {
  const { recordId, sealedBody } = request;
  const record = await deps.ledger.record(recordId);
  if (record === undefined) return missingRecord(recordId);
  if (request.amendment !== undefined && isFileBatch(record.batchId) && (await deps.ledger.gates())?.approval === 'required')
    return { outcome: 'refused', text: needsApproval(recordId), data: { record_id: recordId } };
  const kept = await deps.ledger.body(recordId);
  const bodyFor = (current: LedgerRecord): Uint8Array | undefined => {
    if (sealedBody !== undefined) return deps.openSealed(sealedBody, { recordId, attempt: nextAttempt(current) });
    return kept === undefined || current.attempt !== record.attempt ? undefined : nextBody(deps.settings.keys, current, kept);
  };
  const pause = pauseOf(await deps.ledger.pauses(), record.batchId);
  const answer = await decide(deps, recordId, (current, at) => {
    const body = isRetryable(current) ? bodyFor(current) : undefined;
    const decision = retryRecord(deps.settings, current, {
      by: request.by,
      from: request.from,
      reason: request.reason,
      at,
      body,
      ...amendmentOf(request),
    });
    return decision.type === 'change' && pause?.code === 'cancelled' ? notOfCancelled(recordId, pause) : decision;
  });
  // Also when it was queued before: a retry that died on its way is finished by the next one.
  if (answer.data['status'] === 'queued') await reopenBatch(deps, record.batchId);
  return answer;
}

const needsApproval = (recordId: string): string =>
  `The record ${recordId} cannot be retried with other content: APPROVAL=required lets only approved rows be sent. Submit the changed row in a file, under a new record id.`;

/** What is not sent of a cancelled batch ends, now and later. */
const notOfCancelled = (recordId: string, pause: SetPause): PersonDecision => ({
  type: 'refused',
  why: `The record ${recordId} cannot be retried: ${whyPaused(pause)}, and that is for good. Submit it under a new record id.`,
});

/** The process that pays looks at batches that wait, not at those that have ended. */
async function reopenBatch({ ledger, clock, onReopened }: OperationDeps, batchId: string): Promise<void> {
  const batch = await ledger.batch(batchId);
  if (batch?.state !== 'finished') return;
  await ledger.updateBatch({ batchId, state: 'waiting', at: clock.now() });
  onReopened(batchId);
}

function amendmentOf({ amendment }: RequestOf<'retry'>): Pick<Retry, 'amendment'> {
  if (amendment === undefined) return {};
  const { fingerprint, destination } = amendment;
  return { amendment: { fingerprint, ...(destination === undefined ? {} : { destination }) } };
}

const isRetryable = (record: LedgerRecord): boolean => whyNotRetry(record) === null;

async function capture(deps: OperationDeps, { recordId, by, reason }: RequestOf<'capture'>): Promise<OperationAnswer> {
  const record = await deps.ledger.record(recordId);
  if (record === undefined) return missingRecord(recordId);
  const isAsked = record.kind === 'payment' && record.confirmSession !== null && record.confirmSession === record.sessionId;
  const data = { record_id: recordId, status: record.status, attempt: record.attempt };
  if (isAsked) return { outcome: 'unchanged', text: `The capture of record ${recordId} was asked for before.`, data };
  if (deps.follow === null) return { outcome: 'refused', text: 'This process has no connection to the gateway.', data };
  const captured = await captureRecord(deps.follow, record, { by, reason });
  const { status } = captured.record;
  if (captured.type !== 'captured') return { outcome: 'refused', text: captured.why, data: { ...data, status } };
  deps.onChange(captured.record);
  await publishNow(deps);
  return { outcome: 'done', text: `The capture of record ${recordId} was sent; the record is ${status}.`, data: { ...data, status } };
}
