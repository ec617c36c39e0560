/**
 * Pays one file: every row into the ledger, what may be sent out through a bounded window, what is open followed
 * to its end. It can be stopped at any instant and begun again; what is durable before what stands in
 * `batches/pipeline/dispatch.ts`.
 */
import { advance, type StepDeps } from './advance.ts';
import type { Change, LedgerRecord } from '../record/record.ts';
import type { RecordStatus } from '../record/status.ts';
import { rescheduleResend, markInterrupted, releaseInterruptedResend } from '../record/transitions.ts';
import { createWindow } from './bounded-window.ts';
import { admitRows, rejectAllQueued, decideAllOrNothing, type AdmitDeps, type FileParams } from './admit-file.ts';
import { createDueWorker, type DueWorkerDeps } from './due-worker.ts';
import { startWorkers } from './worker.ts';
import { messageOf } from './notice.ts';
import type { OutboxRelay } from './outbox-relay.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { LeaseTerms } from './send.ts';
import { dispatchAdmitted } from './process-instruction.ts';

export interface ProcessFileParams extends FileParams {
  /** Instructions between admission and outcome. */
  readonly window: number;
  /** How long to follow after the last row was sent, and to wait for a gateway that cannot be reached. */
  readonly waitMs: number;
  readonly follow: boolean;
}

export type ProcessFileDeps = AdmitDeps & DueWorkerDeps & { readonly ledger: Pick<Ledger, 'due'> };

/** What taking over the sends of dead processes needs. */
export type TakeOverDeps = StepDeps &
  Pick<LeaseTerms, 'owner'> & { readonly ledger: Pick<Ledger, 'list'>; readonly publisher: Pick<OutboxRelay, 'notify'> };

const listLimit = 256;

/** @returns when there is nothing left that this run can do; or, stopped, when what was in flight has ended */
export async function processFile(deps: ProcessFileDeps, params: ProcessFileParams): Promise<void> {
  const { ledger, signal } = deps;
  const { batchId } = params.batch;

  await markAllInterrupted(deps, batchId);
  await rescheduleGivenUp(deps, batchId);
  const follower = createDueWorker(deps, {
    due: (limit) => ledger.due({ batchId, now: deps.clock.now(), limit }),
    waitMs: params.waitMs,
  });
  const running = startWorkers([follower], { clock: deps.clock, signal, onFailure: (cause) => stopFor(deps, cause) });
  try {
    const phase = await decideAllOrNothing(deps, params);
    if (phase === 'released' && !signal.aborted) await sendAll(deps, params);
    if (phase === 'refused') await rejectAllQueued(deps, batchId);
    if (params.follow && !signal.aborted) await follower.settled(deps.clock.now() + params.waitMs);
  } catch (cause) {
    stopFor(deps, cause);
    throw cause;
  } finally {
    await running.stop();
  }
  await ledger.updateBatch({ batchId, state: signal.aborted ? 'stopped' : 'finished', at: deps.clock.now() });
}

/**
 * Sends of other processes, which are dead: for whoever knows that nobody else pays. First ones are open, as nobody may
 * send them afresh; repeats are due again. What this process itself is sending stays as it is.
 */
export async function markAllInterrupted(deps: TakeOverDeps, batchId: string): Promise<void> {
  const ofTheDead = ({ leaseOwner }: LedgerRecord): boolean => leaseOwner !== deps.owner;
  await each(deps, { batchId, status: 'submitting' }, (current) =>
    current.status === 'submitting' && ofTheDead(current) ? markInterrupted(deps.settings, current, deps.clock.now()) : null,
  );
  deps.publisher.notify();
  await each(deps, { batchId, status: 'unknown' }, (current) =>
    ofTheDead(current) ? releaseInterruptedResend(current, deps.clock.now()) : null,
  );
}

/** Open sends that could not be repeated under the settings of a former run, and can be now. */
const rescheduleGivenUp = (deps: TakeOverDeps, batchId: string): Promise<void> =>
  each(deps, { batchId, status: 'unknown' }, (current) => rescheduleResend(deps.settings, current, deps.clock.now()));

async function each(
  { ledger }: { readonly ledger: Pick<Ledger, 'list' | 'advance'> },
  which: { readonly batchId: string; readonly status: RecordStatus },
  decide: (current: LedgerRecord) => Change | null,
): Promise<void> {
  let after = 0;
  for (;;) {
    const found = await ledger.list({ ...which, limit: listLimit, after });
    const last = found.at(-1);
    if (last === undefined) return;
    await Promise.all(found.map(({ record }) => advance(ledger, record, decide)));
    after = last.cursor;
  }
}

async function sendAll(deps: ProcessFileDeps, params: ProcessFileParams): Promise<void> {
  const dispatcher = createWindow({ window: params.window });
  try {
    for await (const rows of params.rows()) {
      if (deps.signal.aborted) break;
      const verdicts = await admitRows(deps, params, rows, (row) => row.reading);
      for (const [index, verdict] of verdicts.entries()) {
        if (verdict.type === 'totals_full')
          throw new RangeError(`the totals of batch ${params.batch.batchId} have no room for all of its rows`);
        const reading = rows[index]?.reading;
        if (verdict.type !== 'admitted' || reading === undefined || deps.signal.aborted) continue;
        const { record } = verdict;
        await dispatcher.submit(async () => {
          await dispatchAdmitted(deps, record, reading);
          deps.publisher.notify();
        });
      }
    }
  } catch (cause) {
    stopFor(deps, cause);
    throw cause;
  } finally {
    await dispatcher.idle();
  }
}

/** Before what is under way is waited for: it may itself wait for a permit or the gateway, and would go on doing so. */
const stopFor = (deps: Pick<ProcessFileDeps, 'stop'>, cause: unknown): void => deps.stop(messageOf(cause));
