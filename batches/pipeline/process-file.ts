/**
 * Pays one file: every row into the ledger, what may be sent out through a bounded window, what is open followed
 * to its end. It can be stopped at any instant and begun again; what is durable before what stands in
 * `batches/pipeline/dispatch.ts`.
 */
import { advance } from './dispatch.ts';
import type { Change, LedgerRecord } from '../record/record.ts';
import type { RecordStatus } from '../record/status.ts';
import { reopen, takeOver, takeOverRepeat } from '../record/transitions.ts';
import { createDispatcher } from './bounded-window.ts';
import { admitRows, refuseAll, settlePhase, type FileParams } from './admit-file.ts';
import { startFollower } from './due-worker.ts';
import { payAdmitted, type PayDeps } from './process-instruction.ts';

export interface PayParams extends FileParams {
  /** Instructions between admission and outcome. */
  readonly window: number;
  /** How long to follow after the last row was sent, and to wait for a gateway that cannot be reached. */
  readonly waitMs: number;
  readonly follow: boolean;
}

const listLimit = 256;

/** @returns when there is nothing left that this run can do; or, stopped, when what was in flight has ended */
export async function payFile(deps: PayDeps, params: PayParams): Promise<void> {
  const { ledger, signal } = deps;
  const { batchId } = params.batch;

  await takeOverInterrupted(deps, batchId);
  await reopenGivenUp(deps, batchId);
  const follower = startFollower(deps, {
    due: (limit) => ledger.due({ batchId, now: deps.clock.now(), limit }),
    waitMs: params.waitMs,
  });
  try {
    const phase = await settlePhase(deps, params);
    if (phase === 'released' && !signal.aborted) await sendAll(deps, params);
    if (phase === 'refused') await refuseAll(deps, batchId);
    if (params.follow && !signal.aborted) await follower.settled(deps.clock.now() + params.waitMs);
  } catch (cause) {
    stopFor(deps, cause);
    throw cause;
  } finally {
    await follower.stop();
  }
  await ledger.updateBatch({ batchId, state: signal.aborted ? 'stopped' : 'finished', at: deps.clock.now() });
}

/**
 * Sends of other processes, which are dead: for whoever knows that nobody else pays. First ones are open, as nobody may
 * send them afresh; repeats are due again. What this process itself is sending stays as it is.
 */
export async function takeOverInterrupted(deps: PayDeps, batchId: string): Promise<void> {
  const ofTheDead = ({ leaseOwner }: LedgerRecord): boolean => leaseOwner !== deps.owner;
  await each(deps, { batchId, status: 'submitting' }, (current) =>
    current.status === 'submitting' && ofTheDead(current) ? takeOver(deps.rules, current, deps.clock.now()) : null,
  );
  deps.publisher.poke();
  await each(deps, { batchId, status: 'unknown' }, (current) => (ofTheDead(current) ? takeOverRepeat(current, deps.clock.now()) : null));
}

/** Open sends that could not be repeated under the settings of a former run, and can be now. */
const reopenGivenUp = (deps: PayDeps, batchId: string): Promise<void> =>
  each(deps, { batchId, status: 'unknown' }, (current) => reopen(deps.rules, current, deps.clock.now()));

async function each(
  { ledger }: PayDeps,
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

async function sendAll(deps: PayDeps, params: PayParams): Promise<void> {
  const dispatcher = createDispatcher({ window: params.window });
  try {
    for await (const rows of params.rows()) {
      if (deps.signal.aborted) break;
      const verdicts = await admitRows(deps, params, rows, (row) => row.reading);
      for (const [index, verdict] of verdicts.entries()) {
        const reading = rows[index]?.reading;
        if (verdict.type !== 'admitted' || reading === undefined || deps.signal.aborted) continue;
        const { record } = verdict;
        await dispatcher.submit(async () => {
          await payAdmitted(deps, record, reading);
          deps.publisher.poke();
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
const stopFor = (deps: PayDeps, cause: unknown): void => deps.stop(cause instanceof Error ? cause.message : String(cause));
