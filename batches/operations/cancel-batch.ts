/** Stops a batch for good: what was not sent of it ends cancelled, now and later; what had gone is listed. */
import { advance } from '../pipeline/advance.ts';
import { cancelRecord } from '../record/person-steps.ts';
import { openStatuses, type OpenStatus } from '../record/status.ts';
import { missingBatch, publishNow, type OperationDeps } from './operation-deps.ts';
import type { OperationAnswer, RequestOf } from './request.ts';

const pageSize = 256;
/** Record ids of what had gone that an answer names; the counts include all. */
const namedLimit = 100;

export async function cancelBatch(deps: OperationDeps, request: RequestOf<'cancel'>): Promise<OperationAnswer> {
  const { batchId, by, reason } = request;
  const { ledger } = deps;
  const batch = await ledger.batch(batchId);
  if (batch === undefined) return missingBatch(batchId);
  // First no intent can be written any more, also of rows that are not admitted yet.
  const pause = { code: 'cancelled', by, reason, at: deps.clock.now() } as const;
  const isNew = await ledger.setPause({ batchId, pause });
  const cancelled = await cancelQueuedOf(deps, request);
  const gone = await openOf(deps, batchId);
  if (batch.state !== 'finished')
    await ledger.updateBatch({ batchId, state: gone.count === 0 ? 'cancelled' : 'waiting', at: deps.clock.now() });
  await publishNow(deps);
  const stopped = cancelled === 1 ? '1 record that was not sent is cancelled.' : `${cancelled} records that were not sent are cancelled.`;
  const left =
    gone.count === 0
      ? 'None of it is in progress.'
      : `${gone.count} had gone to the gateway and are followed to their end: ${gone.named.join(', ')}${gone.count > gone.named.length ? ', …' : ''}.`;
  return {
    outcome: isNew || cancelled > 0 ? 'done' : 'unchanged',
    text: `Batch ${batchId.slice(0, 12)} is cancelled: ${stopped} ${left}`,
    data: { batch_id: batchId, cancelled, gone: gone.count, gone_record_ids: gone.named },
  };
}

async function cancelQueuedOf(deps: OperationDeps, { batchId, by, from, reason }: RequestOf<'cancel'>): Promise<number> {
  let cancelled = 0;
  let after = 0;
  for (;;) {
    const found = await deps.ledger.list({ batchId, status: 'queued', limit: pageSize, after });
    const last = found.at(-1);
    if (last === undefined) return cancelled;
    const ended = await Promise.all(
      found.map(({ record }) =>
        advance(deps.ledger, record, (current) => {
          const decision = cancelRecord(deps.settings, current, { by, from, reason, at: deps.clock.now() });
          return decision.type === 'change' ? decision.change : null;
        }),
      ),
    );
    cancelled += ended.filter(({ status }) => status === 'cancelled').length;
    after = last.cursor;
    deps.publisher.notify();
  }
}

async function openOf({ ledger }: OperationDeps, batchId: string): Promise<{ readonly count: number; readonly named: string[] }> {
  const sent: OpenStatus[] = openStatuses.filter((status) => status !== 'queued');
  const named: string[] = [];
  let count = 0;
  for (let after: string | undefined; ;) {
    const page = await ledger.records({ statuses: sent, batchId, limit: pageSize, ...(after === undefined ? {} : { after }) });
    count += page.length;
    for (const { record } of page) if (named.length < namedLimit) named.push(record.recordId);
    if (page.length < pageSize) return { count, named };
    after = page.at(-1)?.cursor;
  }
}
