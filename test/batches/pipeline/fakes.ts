/** Small honest worlds behind the ports, written by hand: they keep what they are given and note the order of it. */
import type { GatewayResponse } from '../../../batches/gateway/gateway-response.ts';
import type { AdmitAndSendDeps } from '../../../batches/pipeline/admit-and-send.ts';
import type { DispatchDeps } from '../../../batches/pipeline/dispatch.ts';
import type { SendQueue } from '../../../batches/pipeline/send-queue.ts';
import { createCardBodies } from '../../../batches/pipeline/card-bodies.ts';
import { createWaitReporter } from '../../../batches/pipeline/notice.ts';
import { createSendMonitor } from '../../../batches/pipeline/send-monitor.ts';
import type { FollowDeps } from '../../../batches/pipeline/follow.ts';
import type { Clock } from '../../../batches/ports/clock.ts';
import type { Gateway } from '../../../batches/ports/gateway.ts';
import { openGate } from '../../../batches/ports/intent-gate.ts';
import type { Ledger } from '../../../batches/ports/ledger.ts';
import type { Limiter } from '../../../batches/ports/limiter.ts';
import { alwaysOpen } from '../../../batches/record/banking-days.ts';
import type { Hold } from '../../../batches/record/gates.ts';
import type { SetPause } from '../../../batches/record/pause.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import type { ResultEvent } from '../../../batches/record/result-event.ts';
import { noTracing } from '../../../batches/ports/tracer.ts';
import { createFakeGateway, type GatewayCall } from '../../support/fake-gateway.ts';
import { createVirtualClock, type VirtualClock } from '../../support/virtual-clock.ts';
import { at, session, transitionSettings } from '../../support/builders.ts';

/** A ledger of one record, with the compare and set of a real one. */
interface OneRecordLedger extends Pick<Ledger, 'advance' | 'body' | 'record'> {
  readonly current: () => LedgerRecord;
  readonly events: ResultEvent[];
  readonly kept: () => Uint8Array | undefined;
  /** Moves the record behind the caller's back, as another process or a webhook would. */
  set(patch: Partial<LedgerRecord>): void;
}

function oneRecordLedger(first: LedgerRecord, log: (what: string) => void, body?: Uint8Array): OneRecordLedger {
  let record = first;
  let kept = body;
  const events: ResultEvent[] = [];
  return {
    current: () => record,
    events,
    kept: () => kept,
    set(patch) {
      record = { ...record, ...patch, version: record.version + 1 };
    },
    async advance([change]) {
      await Promise.resolve();
      if (change === undefined) return [];
      if (change.expected !== record.version) return [{ ok: false, why: 'moved', current: record }];
      log(`durable ${change.after.status}`);
      record = change.after;
      if (change.event !== undefined) events.push(change.event);
      if (change.body !== undefined) kept = 'keep' in change.body ? change.body.keep : undefined;
      return [{ ok: true }];
    },
    record: () => Promise.resolve(record),
    body: () => Promise.resolve(kept),
  };
}

export const ok = (parts: Parameters<typeof session>[0] = {}): GatewayResponse => ({
  type: 'answer',
  httpStatus: 200,
  json: { status: 'ok', session: session(parts) },
});
export const refusal = (code: string, httpStatus = 400): GatewayResponse => ({
  type: 'answer',
  httpStatus,
  json: { status: 'error', error: { code, description: 'why' } },
});
export const lost: GatewayResponse = { type: 'transport', proof: 'open', code: 'connection_lost', message: 'The connection was lost.' };
export const refusedConnection: GatewayResponse = {
  type: 'transport',
  proof: 'not_sent',
  code: 'connection_refused',
  message: 'Nobody listens.',
};

export type FakeDeps = DispatchDeps &
  FollowDeps &
  Pick<AdmitAndSendDeps, 'pauses'> & { readonly limiter: Limiter; readonly clock: Clock; readonly gateway: Gateway };

export interface FakeWorld {
  readonly deps: FakeDeps;
  readonly clock: VirtualClock;
  readonly ledger: OneRecordLedger;
  /** What happened, in its order. */
  readonly log: string[];
  readonly alerts: string[];
  /** Long waits: what, why, and for how many milliseconds. */
  readonly reportedWaits: string[];
  readonly stops: string[];
  readonly pushedBack: { limiter: number; follow: number };
  /** How often the rate was asked to fall. */
  readonly slowedDown: { readonly count: number };
  readonly bytes: Uint8Array[];
  /** Places in the line that are taken now. */
  readonly placesHeld: () => number;
  stop(): void;
}

export interface FakeOptions {
  readonly record: LedgerRecord;
  readonly body?: Uint8Array;
  /** Answers in turn; the last one stays. */
  readonly init?: readonly GatewayResponse[];
  readonly status?: readonly GatewayResponse[];
  readonly confirm?: readonly GatewayResponse[];
  readonly cancel?: readonly GatewayResponse[];
  readonly capture?: readonly GatewayResponse[];
  readonly deps?: Partial<FakeDeps>;
  /** Called before each step of the log. */
  readonly before?: (what: string, world: FakeWorld) => void | Promise<void>;
  readonly leaseMs?: number;
  readonly pause?: SetPause;
  readonly hold?: Hold;
}

const nameOf = (call: GatewayCall): string => ('sessionId' in call ? `${call.type} ${call.sessionId}` : call.type);

export function fakeWorld(options: FakeOptions): FakeWorld {
  const clock = createVirtualClock(Date.parse('2026-11-21T08:00:00.000Z'));
  const controller = new AbortController();
  const log: string[] = [];
  const world = {} as { current: FakeWorld };
  const note = async (what: string): Promise<void> => {
    await options.before?.(what, world.current);
    log.push(what);
  };
  const ledger = oneRecordLedger(options.record, (what) => log.push(what), options.body);
  const bytes: Uint8Array[] = [];
  const pushedBack = { limiter: 0, follow: 0 };
  const slowedDown = { count: 0 };
  const places = new Set<symbol>();
  const line: Pick<SendQueue, 'acquire'> = {
    async acquire(signal) {
      signal.throwIfAborted();
      await note('place');
      signal.throwIfAborted();
      const place = Symbol('place');
      places.add(place);
      return { intended: () => undefined, leave: () => void places.delete(place) };
    },
  };
  const limiter = (name: 'limiter' | 'follow'): Limiter => ({
    async acquire(signal) {
      signal.throwIfAborted();
      await note(name === 'limiter' ? 'permit' : `permit ${name}`);
      signal.throwIfAborted();
    },
    pushBack(ms) {
      pushedBack[name] = ms;
    },
    closedForMs: () => 0,
    nextInMs: () => 0,
    slowDown() {
      slowedDown.count += 1;
    },
    rate: () => 'unlimited',
  });
  const turns = (answers: readonly GatewayResponse[] | undefined): (() => GatewayResponse) => {
    const left = [...(answers ?? [])];
    return () => {
      const next = left.length > 1 ? left.shift() : left[0];
      if (next === undefined) throw new Error('no answer was foreseen');
      return next;
    };
  };
  const answers: Readonly<Record<GatewayCall['type'], () => GatewayResponse>> = {
    init: turns(options.init),
    status: turns(options.status),
    confirm: turns(options.confirm),
    cancel: turns(options.cancel),
    capture: turns(options.capture),
    balance: turns(undefined),
  };
  const gateway = createFakeGateway({
    beforeSend: (call) => note(call.type === 'init' ? 'first byte?' : nameOf(call)),
    onHeldBack: () => void log.push('kept back'),
    respond(call) {
      if (call.type === 'init') {
        const key = call.idempotencyKey === options.record.idempotencyKey ? 'its key' : 'another key';
        log.push(`bytes ${call.kind} under ${key}`);
        bytes.push(call.bytes);
      }
      return answers[call.type]();
    },
  });
  const alerts: string[] = [];
  const stops: string[] = [];
  const reportedWaits: string[] = [];
  const waits = createWaitReporter({
    clock,
    onWait: ({ what, reason, endsAt }) => void reportedWaits.push(`${what} ${reason.code} ${endsAt - clock.now()}`),
  });
  const monitor = createSendMonitor({
    breaker: { record: (outcome) => void log.push(outcome.type), openSince: () => null, openKind: () => null },
    waits,
    limiter: limiter('limiter'),
    clock,
    haltRun: (reason) => void stops.push(reason.code),
  });
  world.current = {
    clock,
    ledger,
    log,
    alerts,
    reportedWaits,
    stops,
    pushedBack,
    slowedDown,
    bytes,
    placesHeld: () => places.size,
    stop: () => controller.abort(new Error('stopped')),
    deps: {
      ledger: ledger as unknown as Ledger,
      gateway,
      sendQueue: line,
      limiter: limiter('limiter'),
      followLimiter: limiter('follow'),
      waits,
      breaker: { waitUntilClosed: async () => note('way'), isOpen: () => false },
      intents: openGate,
      monitor,
      clock,
      settings: transitionSettings,
      cardBodies: createCardBodies(),
      funds: {
        async pause(batchId) {
          await note('paused underfunded');
          return { batchId, code: 'underfunded', by: 'disburse', reason: 'EUR 1.00 is missing', at: clock.now() };
        },
      },
      pauses: {
        of: () => Promise.resolve(options.pause),
        holdOf: () => Promise.resolve(options.hold ?? null),
        limitsDay: () => Promise.resolve(false),
        confirm: () => Promise.resolve('match'),
        parked: () => undefined,
      },
      slot: (work) => work(),
      tracer: noTracing,
      bankingDays: alwaysOpen,
      followSlot: (work) => work(),
      owner: 'me',
      machine: () => ({ wallAt: clock.now(), uptimeMs: null }),
      leaseMs: options.leaseMs ?? 60_000,
      signal: controller.signal,
      confirm: 'match',
      capture: 'auto',
      publication: { showsSession: async () => true },
      alert: async ({ alert, description }) => void alerts.push(`${alert}: ${description}`),
      ...options.deps,
    },
  };
  return world.current;
}

/** Waits as long as it may and gives no permit, so many times; then gives them. */
export const givesAfter = (refusals: number, { clock, deps }: FakeWorld): { limiter: Limiter; asked: () => number } => {
  let asked = 0;
  const acquire: Limiter['acquire'] = async (signal, withinMs = Number.POSITIVE_INFINITY) => {
    asked += 1;
    if (asked > refusals) return;
    await clock.sleep(withinMs, signal);
    throw new Error('no permit');
  };
  return { limiter: { ...deps.limiter, acquire }, asked: () => asked };
};
/** As the program's clock does after the machine's was set back. */
export const standingStill = ({ clock }: FakeWorld) => ({ now: () => at, sleep: clock.sleep });
