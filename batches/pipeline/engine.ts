/**
 * Puts the pipeline together over its ports: what a process needs to send, to follow and to publish. Profiles hand in real
 * ports, the simulation simulated ones; neither wires a step of its own.
 */
import type { GatewayResponse } from '../gateway/gateway-response.ts';
import { toMap } from '../gateway/session.ts';
import type { Clock } from '../ports/clock.ts';
import type { Gateway } from '../ports/gateway.ts';
import { openGate, type IntentGate } from '../ports/intent-gate.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Limiter } from '../ports/limiter.ts';
import type { Random } from '../ports/random.ts';
import type { ResultSink } from '../ports/result-sink.ts';
import { noTracing, type Tracer } from '../ports/tracer.ts';
import type { Alert } from '../record/alert.ts';
import type { Fingerprints } from '../record/fingerprint.ts';
import type { MachineClocks, Reason } from '../record/record.ts';
import type { TransitionSettings } from '../record/resend-rules.ts';
import { createSemaphore, type Semaphore } from './bounded-window.ts';
import { createCardBodies } from './card-bodies.ts';
import { createCircuitBreaker, type BreakerChange, type CircuitBreaker } from './circuit-breaker.ts';
import type { DispatchDeps } from './dispatch.ts';
import type { DueWorkerDeps } from './due-worker.ts';
import { createWaitReporter, type Wait } from './notice.ts';
import { createFundsGuard } from './funds-guard.ts';
import { createOutboxRelay, type OutboxRelay } from './outbox-relay.ts';
import { alwaysOpen, type BankingDays } from '../record/banking-days.ts';
import { createPauseWatch, type PauseWatch } from './pause-watch.ts';
import { createPublication, PublishedSessions, type Publication } from './publication.ts';
import { createAlertRaiser } from './raise-alert.ts';
import type { ProcessFileDeps } from './process-file.ts';
import { createSendMonitor } from './send-monitor.ts';
import { createSendQueue, type SendQueue } from './send-queue.ts';
import { tracedSink } from './spans.ts';

export interface EngineParams {
  readonly ledger: Ledger;
  readonly gateway: Gateway;
  readonly sink: ResultSink;
  readonly limiters: { readonly dispatch: Limiter; readonly follow: Limiter };
  /** The ledger's time, for everything that is kept. */
  readonly clock: Clock;
  /** Never set back or forward, for pauses between sends. */
  readonly monotonic: Clock;
  readonly random: Random;
  /** The clocks of this machine that the age of a send is judged by. */
  readonly machine: () => MachineClocks;
  /** Names this process in its leases; no other process has the same. */
  readonly owner: string;
  /** How long after its intent an exchange may take, the wait for a slot included; what outlives it goes back to the queue unsent. */
  readonly leaseMs: number;
  readonly settings: TransitionSettings;
  /** Calls in flight, of sends and of status checks each. */
  readonly concurrency: number;
  readonly confirm: 'match' | 'manual';
  /** Payments that wait for their capture; where it is left out, as `confirm` says. */
  readonly capture?: 'auto' | 'manual' | undefined;
  readonly fingerprints: Fingerprints;
  /** By default payouts leave on every day. */
  readonly bankingDays?: BankingDays | undefined;
  /** Aborted when the process is to stop. */
  readonly signal: AbortSignal;
  /** Ends the whole process, with a clause for people; `refusal` is the gateway's, when it rejects the configuration. */
  readonly stop: (why: string, refusal?: Reason) => void;
  /** Where alerts go; each is also written onto its record. */
  readonly alert: (alert: Alert) => Promise<void>;
  readonly onWait: (wait: Wait) => void;
  readonly onBreakerChange: (change: BreakerChange) => void;
  /** When intents may be written; always where it is left out. */
  readonly intents?: IntentGate;
  /** Records of the batch, which a pause held up, are due. */
  readonly onResumed?: (batchId: string) => void;
  /** None where it is left out. */
  readonly tracer?: Tracer;
  /** How long the relay gathers events before it publishes them. */
  readonly gatherMs?: number;
}

/** Everything that sending and following records needs. */
export type EngineDeps = ProcessFileDeps &
  DispatchDeps &
  DueWorkerDeps & {
    readonly pauses: PauseWatch;
    readonly ledger: Ledger;
    readonly limiter: Limiter;
    readonly publisher: OutboxRelay;
    readonly publication: Publication;
    readonly clock: Clock;
    readonly slot: Semaphore;
    readonly breaker: CircuitBreaker;
    readonly sendQueue: SendQueue;
  };

export interface Engine {
  readonly deps: EngineDeps;
  readonly breaker: Pick<CircuitBreaker, 'isOpen' | 'openSince'>;
}

export function createEngine(params: EngineParams): Engine {
  const { ledger, gateway, sink, limiters, clock, stop, concurrency } = params;
  const breaker = createCircuitBreaker({
    clock,
    random: params.random,
    probe: async () => isApiAnswer(await gateway.balance()),
    onChange: params.onBreakerChange,
  });
  const tracer = params.tracer ?? noTracing;
  const sessions = new PublishedSessions();
  const publisher = createOutboxRelay({
    ledger,
    sink: sessions.notedBy(tracedSink(sink, tracer)),
    ...(params.gatherMs === undefined ? {} : { batchDelayMs: params.gatherMs }),
  });
  const waits = createWaitReporter({ clock, onWait: params.onWait });
  const monitor = createSendMonitor({
    waits,
    breaker,
    limiter: limiters.dispatch,
    clock,
    haltRun: (reason) => stop(`the gateway rejects the configuration (${reason.code}): ${reason.description}`, reason),
  });
  const { owner, leaseMs, machine, settings, signal, confirm, fingerprints } = params;
  const alert = createAlertRaiser({ ledger, clock, settings, sink: params.alert });
  const deps: EngineDeps = {
    ...{ ledger, gateway, clock, owner, leaseMs, machine, settings, signal, confirm, alert, fingerprints, stop },
    sendQueue: createSendQueue({ limiter: limiters.dispatch, clock: params.monotonic }),
    cardBodies: createCardBodies(),
    funds: createFundsGuard({ ledger, gateway, clock }),
    pauses: createPauseWatch({ ledger, clock, settings, onResumed: params.onResumed ?? (() => undefined), onEnded: publisher.notify }),
    limiter: limiters.dispatch,
    followLimiter: limiters.follow,
    breaker,
    intents: params.intents ?? openGate,
    monitor,
    slot: createSemaphore(concurrency),
    tracer,
    followSlot: createSemaphore(concurrency),
    publisher,
    publication: createPublication({ publisher, sessions, clock: params.monotonic }),
    capture: params.capture ?? 'as_confirm',
    bankingDays: params.bankingDays ?? alwaysOpen,
    heldUp: monitor.heldUp,
    waits,
  };
  return { deps, breaker };
}

/** A probe counts as answered only in the form of the gateway's API: a maintenance page is no answer. */
function isApiAnswer(response: GatewayResponse): boolean {
  if (response.type !== 'answer' || response.httpStatus >= 500) return false;
  const status = toMap(response.json)?.['status'];
  return status === 'ok' || status === 'error';
}
