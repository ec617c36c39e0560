/**
 * Pays one file: every row into the ledger, what may be sent out through a bounded window, what is open followed
 * to its end. It can be stopped at any instant and begun again; what is durable before what stands in
 * `batches/dispatch.ts`.
 */
import { batchRefused } from '../batches/admission.ts';
import { advance, dispatch, serialise } from '../batches/dispatch.ts';
import type { FingerprintMaker } from '../batches/fingerprint.ts';
import { follow, type FollowDeps } from '../batches/follow.ts';
import type { Occurrence, Problem, Reading, Refusal } from '../batches/instruction.ts';
import type { Batch } from '../batches/ports.ts';
import type { Admission, LedgerRecord, Verdict } from '../batches/record.ts';
import { refuse, reopen, takeOver } from '../batches/steps.ts';
import { createDispatcher } from '../producers/dispatcher.ts';
import type { Publisher } from '../producers/publisher.ts';

/** A row as it is handed to the ledger. */
export interface FileRow {
  readonly line: number;
  readonly reading: Reading;
}

export interface PayDeps extends FollowDeps {
  readonly fingerprints: FingerprintMaker;
  readonly publisher: Publisher;
  /** When the way to the gateway closed; null while it is open. */
  readonly closedSince: () => number | null;
  /** Since when nothing has reached the gateway; null while something does. */
  readonly unreachableSince: () => number | null;
  readonly stop: (why: string) => void;
}

export interface PayParams {
  readonly batch: Batch;
  /** Reads the file again from its beginning; every block is verified before its rows are handed out. */
  readonly rows: () => AsyncIterable<readonly FileRow[]>;
  /** Whether the preflight found rows that are not valid. */
  readonly hasBadRows: boolean;
  /** Instructions between admission and outcome. */
  readonly window: number;
  /** How long to follow after the last row was sent, and to wait for a gateway that cannot be reached. */
  readonly waitMs: number;
  readonly follow: boolean;
}

/** Between two looks at what is due and at the way to the gateway. */
const tickMs = 100;
const listLimit = 256;

/** @returns when there is nothing left that this run can do; or, stopped, when what was in flight has ended */
export async function payFile(deps: PayDeps, params: PayParams): Promise<void> {
  const { ledger, signal } = deps;
  const { batchId } = params.batch;

  await takeOverInterrupted(deps, batchId);
  await reopenGivenUp(deps, batchId);
  const follower = startFollower(deps, batchId, params.waitMs);
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

/** First sends whose process died are open: nobody may send them afresh. */
async function takeOverInterrupted(deps: PayDeps, batchId: string): Promise<void> {
  for (;;) {
    const found = await deps.ledger.list({ batchId, status: 'submitting', limit: listLimit });
    if (found.length === 0) return;
    await Promise.all(
      found.map(({ record }) =>
        advance(deps.ledger, record, (current) =>
          current.status === 'submitting' ? takeOver(deps.rules, current, deps.clock.now()) : null,
        ),
      ),
    );
    deps.publisher.poke();
  }
}

/** Open sends that could not be repeated under the settings of a former run, and can be now. */
async function reopenGivenUp(deps: PayDeps, batchId: string): Promise<void> {
  let after = 0;
  for (;;) {
    const found = await deps.ledger.list({ batchId, status: 'unknown', limit: listLimit, after });
    const last = found.at(-1);
    if (last === undefined) return;
    await Promise.all(found.map(({ record }) => advance(deps.ledger, record, (current) => reopen(deps.rules, current, deps.clock.now()))));
    after = last.cursor;
  }
}

/** All or nothing: decides for the whole batch before the first byte of it is sent. */
async function settlePhase(deps: PayDeps, params: PayParams): Promise<Batch['phase']> {
  const { batch } = params;
  if (batch.phase === 'released') return 'released';
  let refused = batch.phase === 'refused' || params.hasBadRows;
  if (!refused) {
    for await (const rows of params.rows()) {
      if (deps.signal.aborted) return 'admitting';
      const verdicts = await admitRows(deps, params, rows, (row) => row.reading);
      refused ||= verdicts.some(
        (verdict) => verdict.type === 'settled' && (verdict.status === 'conflict' || verdict.status === 'rejected'),
      );
    }
  }
  const phase = refused ? 'refused' : 'released';
  await deps.ledger.updateBatch({ batchId: batch.batchId, phase, at: deps.clock.now() });
  if (phase === 'refused') {
    const problem = batchRefused('it holds rows that cannot be paid');
    for await (const rows of params.rows()) {
      if (deps.signal.aborted) return 'admitting';
      await admitRows(deps, params, rows, (row) => fallWith(row.reading, problem));
    }
  }
  return phase;
}

/** A good row falls with its batch; a bad one keeps its own problems. */
const fallWith = (reading: Reading, problem: Problem): Reading =>
  reading.ok ? { ok: false, refusal: { ...reading.draft, problems: [problem] } satisfies Refusal } : reading;

async function refuseAll(deps: PayDeps, batchId: string): Promise<void> {
  const { code, message } = batchRefused('it holds rows that cannot be paid');
  for (;;) {
    const found = await deps.ledger.list({ batchId, status: 'queued', limit: listLimit });
    if (found.length === 0 || deps.signal.aborted) return;
    const at = deps.clock.now();
    await Promise.all(
      found.map(({ record }) => advance(deps.ledger, record, (current) => refuse(deps.rules, current, { code, description: message }, at))),
    );
    deps.publisher.poke();
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
          await (reading.ok ? dispatch(deps, record, serialise(reading.draft, record.attempt)) : refuseNow(deps, record, reading.refusal));
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

/** Admitted once, and not valid any more, before it was sent: a card that expired meanwhile, a limit that was lowered. */
function refuseNow(deps: PayDeps, record: LedgerRecord, refusal: Refusal): Promise<LedgerRecord> {
  const [{ code, message }] = refusal.problems;
  return advance(deps.ledger, record, (current) => refuse(deps.rules, current, { code, description: message }, deps.clock.now()));
}

async function admitRows(
  deps: PayDeps,
  params: PayParams,
  rows: readonly FileRow[],
  readingOf: (row: FileRow) => Reading,
): Promise<readonly Verdict[]> {
  const { batchId, file } = params.batch;
  const at = deps.clock.now();
  const verdicts = await Promise.all(
    rows.map((row) => {
      const occurrence: Occurrence = { stream: `file:${batchId}`, position: row.line, source: { file, line: row.line } };
      return deps.ledger.admit({ occurrence, batchId, at, content: contentOf(deps.fingerprints, readingOf(row)) });
    }),
  );
  if (verdicts.some((verdict) => verdict.type === 'settled' && verdict.fresh)) deps.publisher.poke();
  return verdicts;
}

function contentOf(fingerprints: FingerprintMaker, reading: Reading): Admission['content'] {
  if (!reading.ok) return { type: 'refused', refusal: reading.refusal };
  const { draft } = reading;
  return { type: 'valid', draft, fingerprint: fingerprints.fingerprint(draft), fields: () => fingerprints.fields(draft) };
}

interface Follower {
  /** Resolves when nothing open can move by itself any more, when `deadline` is over, or when we are stopping. */
  settled(deadline: number): Promise<void>;
  /** Begins nothing more, waits for what is under way, and rejects with the first failure. */
  stop(): Promise<void>;
}

/** Moves what is due, while rows are still being sent and after. */
function startFollower(deps: PayDeps, batchId: string, waitMs: number): Follower {
  const window = 128;
  const underWay = new Set<string>();
  let nextAt: number | null = null;
  let looked = false;
  let ended = false;
  let failure: { readonly cause: unknown } | undefined;

  const fail = (cause: unknown): void => {
    failure ??= { cause };
    stopFor(deps, cause);
  };
  const move = async (record: LedgerRecord): Promise<void> => {
    try {
      await follow(deps, record);
      deps.publisher.poke();
    } catch (cause) {
      fail(cause);
    } finally {
      underWay.delete(record.recordId);
    }
  };
  const watchTheWay = (): void => {
    const over = (since: number | null): boolean => since !== null && deps.clock.now() - since > waitMs;
    if (over(deps.unreachableSince())) deps.stop('the gateway cannot be reached');
    else if (over(deps.closedSince())) deps.stop('the gateway answers nothing but errors of its own');
  };
  const loop = async (): Promise<void> => {
    while (!ended && !deps.signal.aborted) {
      const due = await deps.ledger.due({ batchId, now: deps.clock.now(), limit: window + underWay.size });
      const fresh = due.records.filter((record) => !underWay.has(record.recordId)).slice(0, Math.max(0, window - underWay.size));
      nextAt = due.records.length > 0 ? deps.clock.now() : due.nextAt;
      looked = true;
      for (const record of fresh) {
        underWay.add(record.recordId);
        void move(record);
      }
      watchTheWay();
      await deps.clock.sleep(fresh.length === 0 ? tickMs : 1);
    }
  };
  const running = loop().catch(fail);

  return {
    async settled(deadline) {
      looked = false;
      while (!deps.signal.aborted && deps.clock.now() < deadline) {
        if (looked && underWay.size === 0 && nextAt === null) return;
        await deps.clock.sleep(tickMs);
      }
    },
    async stop() {
      ended = true;
      await running;
      while (underWay.size > 0) await deps.clock.sleep(5);
      if (failure !== undefined) throw failure.cause;
    },
  };
}
