/** Stops new intents of a batch or of everything, and lets them go on. What is in flight ends, and is followed. */
import { unparkBatch } from '../pipeline/pause-watch.ts';
import { whyPaused } from '../record/pause.ts';
import { missingBatch, publishNow, type OperationDeps } from './operation-deps.ts';
import type { OperationAnswer, RequestOf } from './request.ts';

const nameOf = (batchId: string | null): string => (batchId === null ? 'Everything' : `Batch ${batchId.slice(0, 12)}`);

export async function pauseBatch(deps: OperationDeps, { batchId, by, reason }: RequestOf<'pause'>): Promise<OperationAnswer> {
  const data = { batch_id: batchId, paused: true };
  if (batchId !== null && (await deps.ledger.batch(batchId)) === undefined) return missingBatch(batchId);
  const pause = { code: 'paused', by, reason: reason === '' ? null : reason, at: deps.clock.now() } as const;
  const isNew = await deps.ledger.setPause({ batchId, pause });
  if (isNew)
    return { outcome: 'done', text: `${nameOf(batchId)} is paused: no new intent is made. What is in flight ends, and is followed.`, data };
  const known = (await deps.ledger.pauses()).find((one) => one.batchId === batchId);
  const why = known === undefined ? 'it is paused already' : whyPaused(known);
  return { outcome: known?.code === 'cancelled' ? 'refused' : 'unchanged', text: `${nameOf(batchId)} was paused before: ${why}.`, data };
}

export async function resumeBatch(deps: OperationDeps, { batchId, by }: RequestOf<'resume'>): Promise<OperationAnswer> {
  if (batchId !== null && (await deps.ledger.batch(batchId)) === undefined) return missingBatch(batchId);
  const known = (await deps.ledger.pauses()).find((one) => one.batchId === batchId);
  if (known?.code === 'cancelled')
    return {
      outcome: 'refused',
      text: `${nameOf(batchId)} stays as it is: ${whyPaused(known)}, and that is for good.`,
      data: { batch_id: batchId },
    };
  const changed = await deps.ledger.setPause({ batchId, pause: null });
  // Also when nothing was paused: a resume that died on its way is finished by the next one.
  const resumed = await unparkBatch(deps, batchId, { by, onResumed: deps.onResumed });
  await publishNow(deps);
  const still = (await deps.ledger.pauses()).filter((one) => one.code !== 'cancelled' && (batchId === null ? true : one.batchId === null));
  const left = still.length === 0 ? '' : ` Still paused: ${still.map(whyPaused).join('; ')}.`;
  const records = `${resumed} ${resumed === 1 ? 'record is' : 'records are'} due again`;
  return {
    outcome: changed || resumed > 0 ? 'done' : 'unchanged',
    text: changed ? `${nameOf(batchId)} goes on: ${records}.${left}` : `${nameOf(batchId)} was not paused; ${records}.${left}`,
    data: { batch_id: batchId, paused: still.length > 0, resumed },
  };
}
