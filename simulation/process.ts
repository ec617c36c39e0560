/**
 * One simulated process of the stand-alone profile: the real pipeline on simulated ports. It can die at every call of a
 * port, before or after the call took effect; what it had in memory is gone then, and no promise of it resolves any more.
 */
import type { OperationDeps } from '../batches/operations/operation-deps.ts';
import { createBatchFinisher, writeBatchState, type BatchFinisher } from '../batches/pipeline/batch-state.ts';
import { waitUntilSettled, type SettlementEnd } from '../batches/pipeline/batch-settlement.ts';
import { createDueScanner, type DueScanner } from '../batches/pipeline/due-scanner.ts';
import { createDueWorker } from '../batches/pipeline/due-worker.ts';
import { createEngine, type EngineDeps } from '../batches/pipeline/engine.ts';
import { markAllInterrupted, processFile } from '../batches/pipeline/process-file.ts';
import { startWorkers, type Worker } from '../batches/pipeline/worker.ts';
import type { Clock } from '../batches/ports/clock.ts';
import type { Ledger } from '../batches/ports/ledger.ts';
import type { Batch } from '../batches/record/batch.ts';
import type { GateValues } from '../batches/record/gates.ts';
import { createWebhookReceiver } from '../consumers/webhook/webhook-receiver.ts';
import { createLocalLimiter } from '../src/limiter/local.ts';
import { createLedgerTime } from '../src/ledger/ledger-time.ts';
import { timesIn } from '../src/ledger/memory/ledger.ts';
import { engineParamsOf } from './engine-params.ts';
import type { SimulatedFile } from './files.ts';
import { hold, openSubmitted } from './gates.ts';
import { clockOf, gatewayOf, ledgerOf, never, sinkOf, type Life } from './ports.ts';
import { answerRequests, createRequestWorker } from './requests.ts';
import type { RunSettings, World } from './world.ts';

export type ProcessEnd = SettlementEnd | 'killed' | 'failed';

export interface SimulatedProcess {
  readonly ended: Promise<ProcessEnd>;
}

export interface ProcessParams {
  readonly world: World;
  readonly name: string;
  readonly settings: RunSettings;
  /** Null: it only carries out what persons asked for. */
  readonly file: SimulatedFile | null;
  /** The chance to be killed at each call of a port. */
  readonly killAt: number;
  readonly brokenWrites?: number;
  /** Its own settings of limits and approval. */
  readonly gates?: GateValues | undefined;
}

export function startProcess(params: ProcessParams): SimulatedProcess {
  const { world, name, killAt } = params;
  const { promise: killed, resolve: kill } = Promise.withResolvers<'killed'>();
  let isAlive = true;
  const life: Life = {
    isAlive: () => isAlive,
    risk(where) {
      if (!isAlive || !world.dice.chance(killAt)) return;
      isAlive = false;
      world.story.tell(name, `is KILLED ${where}`);
      kill('killed');
    },
  };
  world.story.tell(name, params.file === null ? 'carries out commands' : `runs ${params.file.batchId}`);
  const running = runFile(params, life).then(
    (end) => (isAlive ? end : never),
    (cause: unknown) => {
      if (!isAlive) return never;
      world.story.tell(name, `fails: ${cause instanceof Error ? cause.message : String(cause)}`);
      return 'failed' as const;
    },
  );
  const ended = Promise.race([running, killed]).then((end) => {
    isAlive = false;
    world.webhooks = null;
    world.story.tell(name, `ends: ${end}`);
    return end;
  });
  return { ended };
}

async function runFile(params: ProcessParams, life: Life): Promise<ProcessEnd> {
  const { world, name, settings } = params;
  const stopping = new AbortController();
  const { machine } = world;
  const time = createLedgerTime(timesIn(world.store), machine.wall, machine.monotonic);
  const clock = clockOf(params, life, time.now);
  const monotonic = clockOf(params, life, machine.monotonic);
  const ledger = ledgerOf(params, life, clock, time);
  if (params.gates !== undefined && params.file !== null) await hold(world, name, { ledger, clock, asked: params.gates });
  const scanner = createDueScanner({ ledger, clock });
  const finisher = createBatchFinisher({ ledger, clock });
  const limiter = createLocalLimiter({ rate: settings.rate, clock: monotonic });
  const { deps } = createEngine({
    ...engineParamsOf(world, name, settings),
    ledger,
    gateway: gatewayOf(params, life),
    sink: sinkOf(params, life),
    limiters: { dispatch: limiter, follow: createLocalLimiter({ rate: 'unlimited', clock: monotonic }) },
    clock,
    monotonic,
    machine: machine.clocks,
    leaseMs: 2 * settings.timeoutMs + 60_000,
    signal: stopping.signal,
    stop(why) {
      world.story.tell(name, `stops: ${why}`);
      stopping.abort(new Error(why));
    },
    onResumed: (batchId) => scanner.add(batchId),
  });
  const relay = startWorkers([deps.publisher], { clock, signal: new AbortController().signal, onFailure: () => undefined });
  try {
    const running: Running = { deps, ledger, clock, scanner, finisher, life, signal: stopping.signal };
    if (params.file !== null) return await payAndFollow(params, params.file, running);
    await answerRequests(world, name, life, operations(running));
    return 'settled';
  } finally {
    await relay.stop();
  }
}

interface Running {
  readonly deps: EngineDeps;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly scanner: DueScanner;
  readonly finisher: BatchFinisher;
  readonly life: Life;
  readonly signal: AbortSignal;
}

const operations = ({ deps, scanner, finisher }: Running): OperationDeps => ({
  ...deps,
  openSealed() {
    throw new Error('no command of a simulation brings a body');
  },
  onChange: ({ batchId }) => scanner.add(batchId),
  onResumed: (batchId) => scanner.add(batchId),
  follow: deps,
  onReopened: (batchId) => finisher.add(batchId),
});

/** Until the process ends or dies. */
function takeWebhooks(world: World, { deps, ledger, scanner, life }: Running): Worker {
  const receiver = createWebhookReceiver({
    ...deps,
    verifier: { verify: async () => true },
    assertLive: async () => void (await ledger.publishedMark()),
    onChange({ batchId }) {
      scanner.add(batchId);
      deps.publisher.notify();
    },
    onFailure: (cause) => deps.stop(String(cause)),
  });
  world.webhooks = async (bytes) => {
    const { status } = await receiver.receive(bytes, undefined);
    return life.isAlive() ? status : never;
  };
  return receiver;
}

/**
 * A worker that looks less often while it has nothing to do. Most schedules use one with pauses of a second: hours pass in
 * each, and looks that find nothing are nearly all that happens then.
 */
export function atMostEvery(pollMs: number, worker: Worker): Worker {
  return {
    ...worker,
    async tick() {
      const ms = await worker.tick();
      return ms <= 1 ? ms : Math.max(ms, pollMs);
    },
  };
}

const openBatch = ({ gates }: World, file: SimulatedFile, { ledger, clock }: Running): Promise<Batch> =>
  gates === null
    ? ledger.openBatch({ ...file.manifest, policy: file.policy, at: clock.now() })
    : openSubmitted(gates, file, { ledger, clock });

async function payAndFollow({ world, name, settings }: ProcessParams, file: SimulatedFile, running: Running): Promise<SettlementEnd> {
  const { deps, ledger, clock, scanner, finisher, life, signal } = running;
  for (const { batchId, state } of await ledger.batches()) {
    if (state === 'finished') continue;
    await markAllInterrupted(deps, batchId);
    scanner.add(batchId);
    deps.pauses.parked(batchId);
    if (state === 'waiting') finisher.add(batchId);
  }
  const repeated = [
    atMostEvery(settings.pollMs, createDueWorker(deps, { due: scanner.due, waitMs: settings.waitMs })),
    atMostEvery(10 * settings.pollMs, finisher),
    deps.pauses,
    createRequestWorker(world, name, life, operations(running)),
    ...(world.hasWebhooks ? [takeWebhooks(world, running)] : []),
  ];
  const workers = startWorkers(repeated, {
    clock,
    signal,
    onFailure: (cause) => deps.stop(String(cause)),
  });
  const release = scanner.hold(file.batchId);
  try {
    const batch = await openBatch(world, file, running);
    await processFile(deps, { batch, rows: file.rows, hasBadRows: file.hasBadRows, window: 64 });
    const { batchId } = batch;
    const rows = file.rowCount;
    const end = await waitUntilSettled({
      ...{ ledger, clock, batchId, rows, signal },
      waitMs: settings.waitMs,
      idleTimeoutMs: null,
      everyMs: Math.max(100, settings.waitMs / 200),
      follow: true,
      hasWebhooks: world.hasWebhooks,
      pauseOf: (id) => deps.pauses.of(id),
      ...(world.gates === null ? {} : { holdOf: deps.pauses.holdOf }),
    });
    await writeBatchState(ledger, { batchId, rows, stopped: end === 'stopped', at: clock.now() });
    return end;
  } finally {
    world.webhooks = null;
    release();
    await workers.stop();
  }
}
