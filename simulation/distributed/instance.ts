/**
 * One simulated instance of the distributed profile: the real pipeline on a ledger, a topic and a gateway that it shares
 * with others, and on a machine of its own. It can die or stand still at every call of a port.
 */
import { createDueWorker } from '../../batches/pipeline/due-worker.ts';
import { createEngine } from '../../batches/pipeline/engine.ts';
import { createParkedSweeper } from '../../batches/pipeline/pause-watch.ts';
import { createMessageProcessor } from '../../batches/pipeline/process-message.ts';
import { createOutboxTakeOver } from '../../batches/pipeline/recovery-sweeper.ts';
import { startWorkers, type Worker } from '../../batches/pipeline/worker.ts';
import type { InstructionMessage } from '../../batches/event/read-message.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import type { SharedLedger } from '../../batches/ports/ledger.ts';
import type { ResultSink } from '../../batches/ports/result-sink.ts';
import { createWebhookReceiver } from '../../consumers/webhook/webhook-receiver.ts';
import { openMemoryLedger, type MemoryStore } from '../../src/ledger/memory/ledger.ts';
import { createLocalLimiter } from '../../src/limiter/local.ts';
import { engineParamsOf } from '../engine-params.ts';
import { createMachine, type Machine } from '../machine.ts';
import { clockOf, gatewayOf, never, perform, type Life, type PortParams } from '../ports.ts';
import { atMostEvery } from '../process.ts';
import { createRequestWorker } from '../requests.ts';
import type { RunSettings, TakeWebhook, World } from '../world.ts';
import { createReader } from './reader.ts';
import type { SimulatedTopic } from './topic.ts';

/** What instances share. Its machine is that of Redis. */
export interface SharedWorld extends World {
  /** Another one after Redis was lost and rebuilt. */
  store: MemoryStore;
  /** How many writes Redis has seen, less after an older copy was put back. */
  writes: number;
  readonly topic: SimulatedTopic;
  /** Places of messages that no result can name. */
  readonly deadLetters: string[];
  readonly instances: Instance[];
}

export interface Instance {
  readonly name: string;
  readonly machine: Machine;
  readonly ended: Promise<'killed' | 'failed' | 'stopped'>;
  isAlive(): boolean;
  /** As a signal does: it ends what is under way. */
  stop(): void;
  kill(why: string): void;
  takeWebhook: TakeWebhook | null;
}

export interface InstanceParams {
  readonly world: SharedWorld;
  readonly name: string;
  readonly settings: RunSettings;
  /** The chance to be killed at each call of a port. */
  readonly killAt: number;
  /** The chance that a write to Redis is lost, or that its answer is. */
  readonly brokenWrites: number;
  /** Kafka takes up to so long for a result, in milliseconds. */
  readonly publishMs: number;
}

/** Until another instance notices that this one is gone. */
const sessionTimeoutMs = 10_000;
/** As of the profile: bytes leave so soon after their intent, or not at all. */
const leaveWithinMs = 20_000;
const claimMs = 20_000;
/** The clock of Redis is measured again so often; between two measurements it goes on by the machine's own. */
const measureEveryMs = 30_000;

export function startInstance(params: InstanceParams): Instance {
  const { world, name, killAt } = params;
  const machine = createMachine(world.timeline);
  const { promise: killed, resolve: die } = Promise.withResolvers<'killed'>();
  const stopping = new AbortController();
  let isAlive = true;
  const kill = (why: string): void => {
    if (!isAlive) return;
    isAlive = false;
    world.story.tell(name, `is KILLED ${why}`);
    world.timeline.plan(sessionTimeoutMs, () => world.topic.leave(name));
    die('killed');
  };
  const life: Life = {
    isAlive: () => isAlive,
    risk(where) {
      if (isAlive && world.dice.chance(killAt)) kill(where);
    },
  };
  const stop = (why: string): void => {
    if (stopping.signal.aborted) return;
    world.story.tell(name, `stops: ${why}`);
    stopping.abort(new Error(why));
  };
  const handle: { -readonly [Name in keyof Instance]: Instance[Name] } = {
    ...{ name, machine, kill },
    isAlive: () => isAlive,
    stop: () => stop('a signal'),
    takeWebhook: null,
    ended: killed,
  };
  world.story.tell(name, 'starts');
  const running = serve({ params, machine, life, handle, stopping, stop }).then(
    () => (isAlive ? ('stopped' as const) : never),
    (cause: unknown) => {
      if (!isAlive) return never;
      world.story.tell(name, `fails: ${cause instanceof Error ? cause.message : String(cause)}`);
      return 'failed' as const;
    },
  );
  handle.ended = Promise.race([running, killed]).then((end) => {
    if (isAlive) world.topic.leave(name);
    isAlive = false;
    handle.takeWebhook = null;
    return end;
  });
  return handle;
}

interface Serving {
  readonly params: InstanceParams;
  readonly machine: Machine;
  readonly life: Life;
  readonly handle: { takeWebhook: TakeWebhook | null };
  readonly stopping: AbortController;
  readonly stop: (why: string) => void;
}

/** Until it ends on request, or fails. */
async function serve(serving: Serving): Promise<void> {
  const { params, life, machine, stopping, stop } = serving;
  const { world, name, settings } = params;
  const { signal } = stopping;
  const ports: PortParams = { world: { ...world, machine }, settings };
  const clock = clockOf(ports, life, redisTime(world, machine));
  const monotonic = clockOf(ports, life, machine.monotonic);
  const ledger = sharedLedgerOf(params, ports, life);
  const { deps } = createEngine({
    ...engineParamsOf(world, name, settings),
    ...{ ledger, clock, monotonic, signal, stop },
    // As in the program: where several machines send, only wall clocks can be compared.
    machine: () => ({ wallAt: machine.wall(), uptimeMs: null }),
    gateway: gatewayOf(ports, life),
    sink: topicSinkOf(params, ports, life, monotonic),
    limiters: {
      dispatch: createLocalLimiter({ rate: settings.rate, clock: monotonic }),
      follow: createLocalLimiter({ rate: 'unlimited', clock: monotonic }),
    },
    leaseMs: settings.timeoutMs + leaveWithinMs,
    gatherMs: 5,
  });
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  const onFailure = (cause: unknown): void => {
    stop(String(cause));
    fail(cause);
  };
  const relay = startWorkers([deps.publisher], { clock: monotonic, signal: new AbortController().signal, onFailure });
  const workers = startWorkers(workersOf(serving, { deps, ledger }), { clock: monotonic, signal, onFailure });
  const work = createMessageProcessor<InstructionMessage>({
    ...deps,
    ledger,
    maxAmount: undefined,
    open: () => {
      throw new Error('no message of a simulation has a card');
    },
    async sendToDeadLetter({ record: { partition, offset }, reason }) {
      await perform(ports, life, 'a dead letter', () => void world.deadLetters.push(`${partition}:${offset}`));
      world.story.tell(name, `dead letter ${partition}/${offset}: ${reason}`);
    },
    onOutcome: () => undefined,
  });
  world.topic.join(createReader({ id: name, topic: world.topic, life, clock: monotonic, work, signal, onFailure }));
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  await Promise.race([stopped, failed]);
  serving.handle.takeWebhook = null;
  await workers.stop();
  await relay.stop();
}

function workersOf(
  { params: { world, name, settings }, life, handle, stop }: Serving,
  { deps, ledger }: { readonly deps: ReturnType<typeof createEngine>['deps']; readonly ledger: SharedLedger },
): readonly Worker[] {
  const operations = {
    ...deps,
    openSealed() {
      throw new Error('no command of a simulation brings a body');
    },
    onChange: () => undefined,
    onResumed: () => undefined,
    onReopened: () => undefined,
    follow: deps,
  };
  const commands = createRequestWorker(world, name, life, operations);
  const due = (limit: number) => ledger.claimDue({ limit, leaseMs: claimMs });
  const often: readonly Worker[] = [
    createDueWorker(deps, { due, claims: true, idleMs: settings.pollMs, waitMs: settings.waitMs }),
    deps.pauses,
    createParkedSweeper(deps),
    createOutboxTakeOver({ ledger, publisher: deps.publisher }),
    // Each command is carried out by one process at a time: the oldest one that lives.
    { ...commands, tick: async () => (world.instances.find((one) => one.isAlive())?.name === name ? commands.tick() : settings.pollMs) },
  ];
  return [
    ...often.map((worker) => atMostEvery(settings.pollMs, worker)),
    ...(world.hasWebhooks ? [receiverOf({ ledger, deps, life, handle, stop })] : []),
  ];
}

function receiverOf({
  ledger,
  deps,
  life,
  handle,
  stop,
}: Pick<Serving, 'life' | 'handle' | 'stop'> & {
  readonly deps: ReturnType<typeof createEngine>['deps'];
  readonly ledger: SharedLedger;
}): Worker {
  const receiver = createWebhookReceiver({
    ...deps,
    verifier: { verify: async () => true },
    assertLive: async () => void (await ledger.publishedMark()),
    onChange: () => deps.publisher.notify(),
    onFailure: (cause) => stop(String(cause)),
  });
  handle.takeWebhook = async (bytes) => {
    const { status } = await receiver.receive(bytes, undefined);
    return life.isAlive() ? status : never;
  };
  return receiver;
}

/** The time of Redis as an instance knows it: measured now and then, and carried on by a clock that a suspension stops. */
function redisTime(world: SharedWorld, machine: Machine): () => number {
  let [measuredAt, offset] = [machine.monotonic(), world.machine.wall() - machine.monotonic()];
  return () => {
    if (machine.monotonic() - measuredAt > measureEveryMs)
      [measuredAt, offset] = [machine.monotonic(), Math.max(offset, world.machine.wall() - machine.monotonic())];
    return machine.monotonic() + offset;
  };
}

/** Writes by the time of Redis itself. A write, or its answer, may get lost: the instance then ends. */
function sharedLedgerOf({ world, name, brokenWrites }: InstanceParams, ports: PortParams, life: Life): SharedLedger {
  const { store, keys, audit, dice } = world;
  // As the scripts do: a Redis that has seen fewer writes than this instance writes nothing.
  let seen = world.writes;
  const count = <Result>(apply: () => Result): Result => {
    if (world.writes < seen) throw new Error('Redis has an older copy of its data');
    seen = world.writes += 1;
    return apply();
  };
  return openMemoryLedger({
    ...{ store, rules: { keys, audit }, clock: { now: world.machine.wall }, owner: name },
    async carry(what, apply) {
      if (dice.chance(brokenWrites)) throw new Error(`Redis does not answer: ${what} is lost`);
      const result = await perform(ports, life, `the ledger's ${what}`, () => count(apply));
      if (dice.chance(brokenWrites)) throw new Error(`Redis does not answer: ${what} is written`);
      return result;
    },
  });
}

/** At least once: what was published and not noted is published again. */
function topicSinkOf({ world, publishMs }: InstanceParams, ports: PortParams, life: Life, clock: Clock): ResultSink {
  return {
    async publish(entries) {
      if (publishMs > 0) await clock.sleep(world.dice.between(0, publishMs));
      for (const { json } of entries) await perform(ports, life, 'a result', () => void ports.world.results.push(json));
      return { mark: null };
    },
    close: async () => undefined,
  };
}
