/**
 * What both profiles share of the wiring: the gateway, its breaker, the publisher, and the rules. What stands behind
 * ledger, sink and limiters comes from `alone.ts` or `distributed.ts`.
 */
import { randomUUID } from 'node:crypto';
import { createFingerprints } from '../../batches/record/fingerprint.ts';
import type { DispatchDeps } from '../../batches/pipeline/dispatch.ts';
import type { ProcessFileDeps } from '../../batches/pipeline/process-file.ts';
import type { GatewayBreaker } from '../../batches/pipeline/send.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { Limiter } from '../../batches/ports/limiter.ts';
import type { ResultSink } from '../../batches/ports/result-sink.ts';
import type { LedgerRecord } from '../../batches/record/record.ts';
import { createCircuitBreaker, type CircuitBreaker, type BreakerChange } from '../../batches/pipeline/circuit-breaker.ts';
import { createSemaphore } from '../../batches/pipeline/bounded-window.ts';
import { createSendQueue, capacityFor } from '../../batches/pipeline/send-queue.ts';
import { createGateway } from '../../producers/gateway.ts';
import { messageOf } from '../../batches/pipeline/notice.ts';
import { createOutboxRelay, type OutboxRelay } from '../../batches/pipeline/outbox-relay.ts';
import { startWorkers, type RunningWorkers } from '../../batches/pipeline/worker.ts';
import type { Signer } from '../../batches/gateway/signature.ts';
import { monotonicClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { Logger } from '../logger.ts';
import { meteredGateway, meteredSink, type Metrics } from '../service/metrics.ts';
import { transitionSettings } from './transition-settings.ts';
import type { Shutdown } from '../service/shutdown.ts';

/** Everything that dispatching and following records needs. */
export type StackDeps = ProcessFileDeps &
  DispatchDeps & { readonly ledger: Ledger; readonly limiter: Limiter; readonly publisher: OutboxRelay; readonly clock: Clock };

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
  /** Counts what goes out, where somebody wants it counted. */
  readonly metrics?: Metrics | undefined;
  readonly clock: Clock;
  readonly stopping: Shutdown;
  readonly logger: Logger;
}

export function createGatewayStack(params: GatewayStackParams): GatewayStack {
  const { config, signer, ledger, ledgerKey, limiters, metrics, clock, stopping, logger } = params;
  const sink = metrics === undefined ? params.sink : meteredSink(params.sink, metrics, clock);
  const { settings } = config;
  const timeoutMs = settings.GATEWAY_TIMEOUT_MS;
  const url = settings.GATEWAY_URL ?? '';
  const project = settings.GATEWAY_PROJECT ?? '';

  const calls = createGateway({
    url,
    project,
    submerchant: settings.GATEWAY_SUBMERCHANT,
    signer,
    idempotencyHeader: settings.GATEWAY_IDEMPOTENCY_HEADER,
    timeoutMs,
    connections: settings.DISPATCH_CONCURRENCY,
    clock,
  });
  const gateway = metrics === undefined ? calls : meteredGateway(calls, metrics, monotonicClock);
  const breaker = createCircuitBreaker({
    clock,
    random: Math.random,
    probe: async () => {
      const answer = await gateway.balance();
      return answer.type === 'answer' && answer.httpStatus < 500;
    },
    onChange: (change) => tellBreaker(logger, url, change),
  });
  const outage = trackOutage(breaker, clock);
  const publisher = createOutboxRelay({ ledger, sink, ...(params.gatherMs === undefined ? {} : { batchDelayMs: params.gatherMs }) });
  const publishing = startRelay(publisher, stopping);
  const rules = transitionSettings(config);

  const deps: StackDeps = {
    ledger,
    gateway,
    sendQueue: createSendQueue({
      capacity: capacityFor(settings.DISPATCH_RATE),
      closedForMs: limiters.dispatch.closedForMs,
      clock: monotonicClock,
    }),
    limiter: limiters.dispatch,
    followLimiter: limiters.follow,
    breaker: outage.way,
    clock,
    settings: rules,
    slot: createSemaphore(settings.DISPATCH_CONCURRENCY),
    followSlot: createSemaphore(settings.DISPATCH_CONCURRENCY),
    owner: randomUUID(),
    leaseMs: params.leaseMs,
    signal: stopping.signal,
    haltRun: (reason) => stopping.stop(`the gateway says that our set-up is wrong (${reason.code}): ${reason.description}`),
    confirm: settings.GATEWAY_CONFIRM,
    alert: (message, record: LedgerRecord) => logger.error({ record_id: record.recordId, batch_id: record.batchId }, `ALERT: ${message}`),
    fingerprints: createFingerprints(ledgerKey),
    publisher,
    closedSince: () => breaker.openSince(),
    unreachableSince: outage.since,
    stop: (why) => stopping.stop(why),
  };

  return {
    deps,
    breaker,
    async close() {
      try {
        await publishing.stop();
      } finally {
        await sink.close();
        await gateway.close();
      }
    },
  };
}

/** Publishes until it is stopped, also while the run is stopping: what is in flight ends with results of its own. */
export const startRelay = (relay: OutboxRelay, stopping: Pick<Shutdown, 'stop'>): RunningWorkers =>
  startWorkers([relay], {
    clock: monotonicClock,
    signal: new AbortController().signal,
    onFailure: (cause) => stopping.stop(messageOf(cause)),
  });

/** Failures in a row that are no accident any more. */
const outageFailures = 3;

/**
 * Since when nothing reached the gateway. The breaker opens only after many failures, which a file of a few rows,
 * each tried again after a growing pause, takes minutes to gather: the wait for a gateway is counted by this.
 */
function trackOutage(breaker: CircuitBreaker, clock: Clock): { readonly way: GatewayBreaker; readonly since: () => number | null } {
  let failures = 0;
  let firstAt = 0;
  return {
    way: {
      waitUntilClosed: (signal) => breaker.waitUntilClosed(signal),
      isOpen: () => breaker.isOpen(),
      record(outcome) {
        if (outcome !== 'transport_failure') failures = 0;
        else if ((failures += 1) === 1) firstAt = clock.now();
        breaker.record(outcome === 'reached' ? 'reached' : 'transport_failure');
      },
    },
    since: () => (failures >= outageFailures ? firstAt : null),
  };
}

function tellBreaker(logger: Logger, url: string, change: BreakerChange): void {
  if (change.type === 'opened')
    logger.warn({ gateway: url }, 'the gateway cannot be reached: sending is paused, and it is probed until it answers');
  else logger.info({ gateway: url, closed_for_ms: change.at - change.since }, 'the gateway answers again: sending goes on');
}
