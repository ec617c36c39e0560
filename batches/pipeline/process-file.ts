/**
 * Pays one file: every row into the ledger, and what may be sent out through a bounded window. It can be stopped at
 * any instant and run again; the due worker follows what is open.
 */
import { advance, type StepDeps } from './advance.ts';
import type { LedgerRecord } from '../record/record.ts';
import type { Change } from '../record/change.ts';
import type { RecordStatus } from '../record/status.ts';
import { rescheduleResend, markInterrupted, releaseInterruptedResend } from '../record/transitions.ts';
import { createWindow } from './bounded-window.ts';
import { admitRows, rejectAllQueued, decideAllOrNothing, type AdmitDeps, type FileParams } from './admit-file.ts';
import { messageOf } from './notice.ts';
import type { OutboxRelay } from './outbox-relay.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { LeaseTerms } from './send.ts';
import type { DispatchDeps } from './dispatch.ts';
import { dispatchAdmitted } from './process-instruction.ts';

export interface ProcessFileParams extends FileParams {
  /** Instructions between admission and outcome. */
  readonly window: number;
  /** Ends this file alone. With it, a file that cannot be read ends alone too; without it, that stops the run. */
  readonly signal?: AbortSignal;
}

/** The rows could not be read again, such as of a file that has changed. */
class RowsError extends Error {
  constructor(cause: unknown) {
    super(messageOf(cause), { cause });
  }
}

/** `stop`: what failed ends the whole run. */
export type ProcessFileDeps = AdmitDeps & DispatchDeps & TakeOverDeps & { readonly stop: (why: string) => void };

/** What taking over the sends of dead processes needs. */
export type TakeOverDeps = StepDeps &
  Pick<LeaseTerms, 'owner'> & { readonly ledger: Pick<Ledger, 'list'>; readonly publisher: Pick<OutboxRelay, 'notify'> };

const listLimit = 256;

/** Resolves when every row was sent or rejected; or, when the run is stopping, when what is in flight has ended. */
export async function processFile(all: ProcessFileDeps, given: ProcessFileParams): Promise<void> {
  const { batchId } = given.batch;
  const own = new AbortController();
  const signal = given.signal === undefined ? all.signal : AbortSignal.any([all.signal, given.signal, own.signal]);
  // What the file alone is to blame for ends no other one.
  const stop = (cause: unknown): void =>
    cause instanceof RowsError && given.signal !== undefined ? own.abort(cause) : all.stop(messageOf(cause));
  const deps = { ...all, signal };
  const params = { ...given, rows: () => readRows(given) };
  try {
    await markAllInterrupted(deps, batchId);
    await rescheduleGivenUp(deps, batchId);
    const phase = await decideAllOrNothing(deps, params);
    if (phase === 'released' && !signal.aborted) await sendAll(deps, params, stop);
    if (phase === 'refused') await rejectAllQueued(deps, batchId);
  } catch (cause) {
    stop(cause);
    throw cause instanceof RowsError ? cause.cause : cause;
  }
}

async function* readRows({ rows }: ProcessFileParams): ReturnType<ProcessFileParams['rows']> {
  try {
    yield* rows();
  } catch (cause) {
    throw new RowsError(cause);
  }
}

/**
 * Takes over sends of crashed processes. The caller must hold the ledger lock. First sends become open and are never
 * sent as new; resends are due again. Sends of this process stay as they are.
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

/** Open sends that could not be sent again under the settings of a former run, and can be now. */
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

async function sendAll(deps: ProcessFileDeps, params: ProcessFileParams, stop: (cause: unknown) => void): Promise<void> {
  const dispatcher = createWindow({ window: params.window });
  try {
    for await (const rows of params.rows()) {
      if (deps.signal.aborted) break;
      const verdicts = await admitRows(deps, params, rows, (row) => row.reading);
      for (const [index, verdict] of verdicts.entries()) {
        if (verdict.type === 'totals_full')
          throw new RangeError(`the totals of batch ${params.batch.batchId} would overflow if all of its rows were added`);
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
    // Before waiting: what is in flight may itself wait for a permit or the gateway.
    stop(cause);
    throw cause;
  } finally {
    await dispatcher.idle();
  }
}
