/**
 * What both profiles share of the wiring: the gateway, its breaker, the outbox relay, and the rules. Ledger, sink and
 * limiters are handed in.
 */
import { randomUUID } from 'node:crypto';
import { createFingerprints } from '../../batches/record/fingerprint.ts';
import type { DispatchDeps } from '../../batches/pipeline/dispatch.ts';
import type { DueWorkerDeps } from '../../batches/pipeline/due-worker.ts';
import type { ProcessFileDeps } from '../../batches/pipeline/process-file.ts';
import { createSendMonitor } from '../../batches/pipeline/send-monitor.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Gateway } from '../../batches/ports/gateway.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { Limiter } from '../../batches/ports/limiter.ts';
import type { ResultSink } from '../../batches/ports/result-sink.ts';
import type { GatewayResponse } from '../../batches/gateway/gateway-response.ts';
import { toMap } from '../../batches/gateway/session.ts';
import type { MachineClocks } from '../../batches/record/record.ts';
import type { Alert } from '../../batches/record/alert.ts';
import { createCircuitBreaker, type CircuitBreaker, type BreakerChange } from '../../batches/pipeline/circuit-breaker.ts';
import { createSemaphore } from '../../batches/pipeline/bounded-window.ts';
import { createSendQueue } from '../../batches/pipeline/send-queue.ts';
import { createGateway } from '../../producers/gateway.ts';
import { createWaitReporter, messageOf, type Wait } from '../../batches/pipeline/notice.ts';
import { createOutboxRelay, type OutboxRelay } from '../../batches/pipeline/outbox-relay.ts';
import { startWorkers, type RunningWorkers } from '../../batches/pipeline/worker.ts';
import type { Signer } from '../../batches/gateway/signature.ts';
import { monotonicClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { Logger } from '../logger.ts';
import { type Metrics } from '../service/metrics.ts';
import { meteredGateway, meteredSink } from '../service/metered.ts';
import { transitionSettings } from './transition-settings.ts';
import type { Shutdown } from '../service/shutdown.ts';

/** Everything that dispatching and following records needs. */
export type StackDeps = ProcessFileDeps &
  DispatchDeps &
  DueWorkerDeps & { readonly ledger: Ledger; readonly limiter: Limiter; readonly publisher: OutboxRelay; readonly clock: Clock };

export interface GatewayStack {
  readonly deps: StackDeps;
  readonly breaker: Pick<CircuitBreaker, 'isOpen' | 'openSince'>;
  /** Publishes what is decided, then closes everything in reverse. Rejects when something could not be written. */
  close(): Promise<void>;
}

export interface GatewayStackParams {
  readonly config: Config;
  readonly signer: Signer;
  readonly ledger: Ledger;
  readonly ledgerKey: Buffer;
  readonly sink: ResultSink;
  readonly limiters: { readonly dispatch: Limiter; readonly follow: Limiter };
  readonly gatherMs?: number;
  /** How long after its intent an exchange may take, the wait for a slot included; what outlives it goes back to the queue unsent. */
  readonly leaseMs: number;
  /** The clocks of this machine that the age of a send is judged by. */
  readonly machine: () => MachineClocks;
  /** Counts what goes out, where somebody wants it counted. */
  readonly metrics?: Metrics | undefined;
  readonly clock: Clock;
  readonly stopping: Shutdown;
  readonly logger: Logger;
}

export function createGatewayStack(params: GatewayStackParams): GatewayStack {
  const { ledger, metrics, clock, stopping } = params;
  const sink = metrics === undefined ? params.sink : meteredSink(params.sink, metrics, clock);
  const gateway = openGateway(params);
  const breaker = openBreaker(params, gateway);
  const publisher = createOutboxRelay({ ledger, sink, ...(params.gatherMs === undefined ? {} : { batchDelayMs: params.gatherMs }) });
  const publishing = startRelay(publisher, stopping);
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    try {
      await publishing.stop();
    } finally {
      await sink.close();
      await gateway.close();
    }
  };
  return { deps: stackDeps(params, { gateway, breaker, publisher }), breaker, close: () => (closing ??= close()) };
}

function openGateway({ config: { settings }, signer, metrics, clock }: GatewayStackParams): Gateway {
  const calls = createGateway({
    url: settings.GATEWAY_URL ?? '',
    project: settings.GATEWAY_PROJECT ?? '',
    submerchant: settings.GATEWAY_SUBMERCHANT,
    signer,
    idempotencyHeader: settings.GATEWAY_IDEMPOTENCY_HEADER,
    timeoutMs: settings.GATEWAY_TIMEOUT_MS,
    connections: settings.DISPATCH_CONCURRENCY,
    clock,
  });
  return metrics === undefined ? calls : meteredGateway(calls, metrics, monotonicClock);
}

const openBreaker = ({ config, clock, logger }: GatewayStackParams, gateway: Gateway): CircuitBreaker =>
  createCircuitBreaker({
    clock,
    random: Math.random,
    probe: async () => isApiAnswer(await gateway.balance()),
    onChange: (change) => reportBreaker(logger, config.settings.GATEWAY_URL ?? '', change),
  });

interface StackParts {
  readonly gateway: Gateway;
  readonly breaker: CircuitBreaker;
  readonly publisher: OutboxRelay;
}

function stackDeps(params: GatewayStackParams, { gateway, breaker, publisher }: StackParts): StackDeps {
  const { config, ledger, ledgerKey, limiters, clock, stopping, logger, leaseMs, machine } = params;
  const { settings } = config;
  const waits = createWaitReporter({ clock, onWait: reportWait(logger) });
  const monitor = createSendMonitor({
    waits,
    breaker,
    limiter: limiters.dispatch,
    clock,
    haltRun: (reason) => stopping.stop(`the gateway says that our set-up is wrong (${reason.code}): ${reason.description}`),
  });
  return {
    ledger,
    gateway,
    sendQueue: createSendQueue({ limiter: limiters.dispatch, clock: monotonicClock }),
    limiter: limiters.dispatch,
    followLimiter: limiters.follow,
    breaker,
    monitor,
    clock,
    settings: transitionSettings(config),
    slot: createSemaphore(settings.DISPATCH_CONCURRENCY),
    followSlot: createSemaphore(settings.DISPATCH_CONCURRENCY),
    owner: randomUUID(),
    leaseMs,
    machine,
    signal: stopping.signal,
    confirm: settings.GATEWAY_CONFIRM,
    alert: logAlert(logger),
    fingerprints: createFingerprints(ledgerKey),
    publisher,
    heldUp: monitor.heldUp,
    waits,
    stop: (why) => stopping.stop(why),
  };
}

const reportWait =
  (logger: Logger) =>
  ({ what, reason, endsAt }: Wait): void =>
    logger.warn(
      { code: reason.code, until: new Date(endsAt).toISOString() },
      `${what} wait until ${new Date(endsAt).toISOString()}: ${reason.description}`,
    );

/** Publishes until it is stopped, also while the run is stopping: what is in flight ends with results of its own. */
export const startRelay = (relay: OutboxRelay, stopping: Pick<Shutdown, 'stop'>): RunningWorkers =>
  startWorkers([relay], {
    clock: monotonicClock,
    signal: new AbortController().signal,
    onFailure: (cause) => stopping.stop(messageOf(cause)),
  });

function reportBreaker(logger: Logger, url: string, { type, kind, since, at }: BreakerChange): void {
  const fields = { gateway: url, ...(kind === null ? {} : { code: kind }) };
  if (type === 'closed') logger.info({ ...fields, closed_for_ms: at - since }, 'the gateway answers again: sending continues');
  else if (kind === null)
    logger.warn(fields, 'the gateway cannot be reached: sending is paused, and the gateway is probed until it answers');
  else logger.warn(fields, `the gateway answers every instruction alike (${kind}): sending is paused, and single ones are tried`);
}

/** A probe counts as answered only in the form of the gateway's API: a maintenance page is no answer. */
function isApiAnswer(response: GatewayResponse): boolean {
  if (response.type !== 'answer' || response.httpStatus >= 500) return false;
  const status = toMap(response.json)?.['status'];
  return status === 'ok' || status === 'error';
}

/** For people and their tools, once for each record and fact. */
const logAlert =
  (logger: Logger) =>
  ({ alert, record, sessionId, expected, seen, description }: Alert): void =>
    logger.error(
      { alert, record_id: record.recordId, batch_id: record.batchId, session_id: sessionId, expected, seen },
      `ALERT: ${description}`,
    );
