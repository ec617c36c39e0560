/**
 * One simulated process of the stand-alone profile: the real pipeline on simulated ports. It can die at every call of a
 * port, before or after the call took effect; what it had in memory is gone then, and no promise of it resolves any more.
 */
import { createBatchFinisher, writeBatchState } from '../batches/pipeline/batch-state.ts';
import { waitUntilSettled } from '../batches/pipeline/batch-settlement.ts';
import { createDueScanner } from '../batches/pipeline/due-scanner.ts';
import { createDueWorker } from '../batches/pipeline/due-worker.ts';
import { createEngine, type EngineDeps } from '../batches/pipeline/engine.ts';
import { markAllInterrupted, processFile } from '../batches/pipeline/process-file.ts';
import { startWorkers } from '../batches/pipeline/worker.ts';
import type { GatewayResponse } from '../batches/gateway/gateway-response.ts';
import type { Clock } from '../batches/ports/clock.ts';
import type { Gateway } from '../batches/ports/gateway.ts';
import type { Ledger } from '../batches/ports/ledger.ts';
import type { ResultSink } from '../batches/ports/result-sink.ts';
import type { Fingerprints } from '../batches/record/fingerprint.ts';
import type { KeyDerivation } from '../batches/record/idempotency-key.ts';
import { createLocalLimiter } from '../src/limiter/local.ts';
import { createLedgerTime, type LedgerTime } from '../src/ledger/ledger-time.ts';
import { openMemoryLedger, timesIn, type MemoryStore } from '../src/ledger/memory/ledger.ts';
import type { Bank, BankCall } from './bank.ts';
import type { Dice } from './dice.ts';
import type { SimulatedFile } from './files.ts';
import type { Machine } from './machine.ts';
import type { Story } from './story.ts';
import type { Timeline } from './timeline.ts';

/** Settings that an operator may change from one run to the next. */
export interface RunSettings {
  readonly keyLifetimeMs: number | null;
  readonly idempotencyHeader: string;
  readonly rate: number | 'unlimited';
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly waitMs: number;
}

/** What outlives every process. */
export interface World {
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly story: Story;
  readonly bank: Bank;
  readonly machine: Machine;
  readonly store: MemoryStore;
  readonly keys: KeyDerivation;
  readonly fingerprints: Fingerprints;
  /** Lines of the results file, synced. */
  readonly results: string[];
  readonly alerts: string[];
}

export type ProcessEnd = 'settled' | 'waited' | 'stalled' | 'stopped' | 'killed' | 'failed';

export interface SimulatedProcess {
  readonly ended: Promise<ProcessEnd>;
}

const never = new Promise<never>(() => undefined);

/** Whether the process lives; each port asks before and after everything that it does. */
interface Life {
  isAlive(): boolean;
  /** Dies here now, with the probability of the schedule. */
  risk(where: string): void;
}

export interface ProcessParams {
  readonly world: World;
  readonly name: string;
  readonly settings: RunSettings;
  readonly file: SimulatedFile;
  /** The chance to be killed at each call of a port. */
  readonly killAt: number;
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
  world.story.tell(name, `runs ${params.file.batchId}`);
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
    world.story.tell(name, `ends: ${end}`);
    return end;
  });
  return { ended };
}

/** A port call of a living process: a short wait, the effect, and perhaps death before or after it. */
async function perform<Result>(
  { world: { machine, dice } }: Pick<ProcessParams, 'world'>,
  life: Life,
  what: string,
  effect: () => Result,
): Promise<Result> {
  if (!life.isAlive()) return never;
  life.risk(`before ${what}`);
  if (!life.isAlive()) return never;
  await new Promise<void>((resolve) => void machine.after(dice.between(0, 5), resolve));
  if (!life.isAlive()) return never;
  const result = effect();
  life.risk(`after ${what}`);
  return life.isAlive() ? result : never;
}

/** @param now the time that it shows; its sleeps are monotonic */
function clockOf({ world: { machine } }: Pick<ProcessParams, 'world'>, life: Life, now: () => number): Clock {
  return {
    now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (!life.isAlive()) return;
        if (signal?.aborted === true) {
          reject(signal.reason as Error);
          return;
        }
        const stop = (): void => {
          cancel();
          if (life.isAlive()) reject(signal?.reason as Error);
        };
        const cancel = machine.after(ms, () => {
          signal?.removeEventListener('abort', stop);
          if (life.isAlive()) resolve();
        });
        signal?.addEventListener('abort', stop, { once: true });
      }),
  };
}

function gatewayOf(params: ProcessParams, life: Life): Gateway {
  const { world, settings } = params;
  const { timeline, machine, dice, bank, story } = world;
  const lost = (code: 'connection_lost' | 'answer_timeout'): GatewayResponse => ({
    type: 'transport',
    proof: 'open',
    code,
    message: 'Simulated.',
  });
  const heldBack: GatewayResponse = { type: 'transport', proof: 'not_sent', code: 'lease_over', message: 'It was too late.' };
  const call = (what: string, request: BankCall, mayStart: () => boolean = () => true): Promise<GatewayResponse> =>
    new Promise((resolve) => {
      const answer = (response: GatewayResponse): void => {
        life.risk(`with the answer to ${what}`);
        if (life.isAlive()) resolve(response);
      };
      if (!life.isAlive()) return;
      life.risk(`before the bytes of ${what}`);
      if (!life.isAlive()) return;
      if (!mayStart()) {
        answer(heldBack);
        return;
      }
      // From here on the request may arrive, whatever becomes of the process.
      const faults = bank.faults();
      life.risk(`after the bytes of ${what}`);
      const isLost = request.type === 'init' && dice.chance(faults.lostRequest);
      const travelMs = dice.between(1, 50);
      const timeout = machine.after(settings.timeoutMs, () => answer(lost('answer_timeout')));
      if (isLost) {
        story.tell('network', `loses ${what}`);
        timeout();
        timeline.plan(travelMs, () => machine.deliver(() => answer(lost('connection_lost'))));
        return;
      }
      timeline.plan(travelMs, () => {
        const response = bank.answerTo(request);
        const backMs = dice.chance(faults.lateAnswer) ? settings.timeoutMs + dice.between(-200, 2_000) : dice.between(1, 100);
        timeline.plan(backMs, () => {
          machine.deliver(() => {
            timeout();
            if (response !== 'lost') story.tell('network', `answers ${what}`);
            answer(response === 'lost' ? lost('connection_lost') : response);
          });
        });
      });
    });
  return {
    prepare: ({ idempotencyKey, bytes }) =>
      perform(params, life, 'signing', () => ({
        send: ({ mayStart }) => call('init', { type: 'init', header: settings.idempotencyHeader, key: idempotencyKey, bytes }, mayStart),
      })),
    status: (sessionId) => call(`status ${sessionId}`, { type: 'status', sessionId }),
    confirm: (sessionId) => call(`confirm ${sessionId}`, { type: 'confirm', sessionId }),
    cancel: (sessionId) => call(`cancel ${sessionId}`, { type: 'cancel', sessionId }),
    balance: async () => ({ type: 'answer', httpStatus: 200, json: { status: 'ok' } }),
    close: async () => undefined,
  };
}

/** Appends whole lines; what a former process wrote and could not note is known by its event id. */
function sinkOf(params: ProcessParams, life: Life): ResultSink {
  const { results } = params.world;
  return {
    async publish(entries) {
      for (const { eventId, json } of entries)
        await perform(params, life, 'a result line', () => {
          if (!results.some((line) => line.includes(eventId))) results.push(json);
        });
      return { mark: String(results.length) };
    },
    close: async () => undefined,
  };
}

function ledgerOf(params: ProcessParams, life: Life, clock: Clock, time: LedgerTime): Ledger {
  const { store, keys } = params.world;
  const carry = <Result>(what: string, apply: () => Result): Promise<Result> => perform(params, life, `the ledger's ${what}`, apply);
  // Events belong to the process that runs: a stand-alone ledger has one outbox.
  return openMemoryLedger({ store, keys, clock, time, owner: 'stand-alone', carry });
}

async function runFile(params: ProcessParams, life: Life): Promise<ProcessEnd> {
  const { world, name, settings } = params;
  const stopping = new AbortController();
  const { machine } = world;
  const time = createLedgerTime(timesIn(world.store), machine.wall, machine.monotonic);
  const clock = clockOf(params, life, time.now);
  const monotonic = clockOf(params, life, machine.monotonic);
  const ledger = ledgerOf(params, life, clock, time);
  const limiter = createLocalLimiter({ rate: settings.rate, clock: monotonic });
  const { deps } = createEngine({
    ledger,
    gateway: gatewayOf(params, life),
    sink: sinkOf(params, life),
    limiters: { dispatch: limiter, follow: createLocalLimiter({ rate: 'unlimited', clock: monotonic }) },
    clock,
    monotonic,
    random: () => world.dice.next(),
    machine: machine.clocks,
    owner: name,
    leaseMs: 2 * settings.timeoutMs + 60_000,
    settings: {
      keys: world.keys,
      random: () => world.dice.next(),
      followIntervalMs: 500,
      keyLifetimeMs: settings.keyLifetimeMs,
      idempotencyHeader: settings.idempotencyHeader,
      timeoutMs: settings.timeoutMs,
    },
    concurrency: settings.concurrency,
    confirm: 'match',
    fingerprints: world.fingerprints,
    signal: stopping.signal,
    stop(why) {
      world.story.tell(name, `stops: ${why}`);
      stopping.abort(new Error(why));
    },
    async alert({ alert, recordId, description }) {
      world.alerts.push(`${alert} ${recordId} ${description}`);
      world.story.tell(name, `ALERT ${alert} for ${recordId}: ${description}`);
    },
    onWait: ({ what, reason }) => world.story.tell(name, `${what} wait: ${reason.code}`),
    onBreakerChange: ({ type }) => world.story.tell(name, `breaker ${type}`),
  });
  const relay = startWorkers([deps.publisher], { clock, signal: new AbortController().signal, onFailure: () => undefined });
  try {
    return await payAndFollow(params, { deps, ledger, clock, signal: stopping.signal });
  } finally {
    await relay.stop();
  }
}

interface Running {
  readonly deps: EngineDeps;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

async function payAndFollow(
  { settings, file }: ProcessParams,
  { deps, ledger, clock, signal }: Running,
): Promise<'settled' | 'waited' | 'stalled' | 'stopped'> {
  const scanner = createDueScanner({ ledger, clock });
  const finisher = createBatchFinisher({ ledger, clock });
  for (const { batchId, state } of await ledger.batches()) {
    if (state === 'finished') continue;
    await markAllInterrupted(deps, batchId);
    scanner.add(batchId);
    if (state === 'waiting') finisher.add(batchId);
  }
  const workers = startWorkers([createDueWorker(deps, { due: scanner.due, waitMs: settings.waitMs }), finisher], {
    clock,
    signal,
    onFailure: (cause) => deps.stop(String(cause)),
  });
  const batch = await ledger.openBatch({ ...file.manifest, policy: file.policy, at: clock.now() });
  const release = scanner.hold(batch.batchId);
  try {
    await processFile(deps, { batch, rows: file.rows, hasBadRows: file.hasBadRows, window: 64 });
    const { batchId } = batch;
    const rows = file.rowCount;
    const end = await waitUntilSettled({
      ...{ ledger, clock, batchId, rows, signal },
      waitMs: settings.waitMs,
      idleTimeoutMs: null,
      everyMs: Math.max(100, settings.waitMs / 200),
      follow: true,
    });
    await writeBatchState(ledger, { batchId, rows, stopped: end === 'stopped', at: clock.now() });
    return end;
  } finally {
    release();
    await workers.stop();
  }
}
