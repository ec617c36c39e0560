/**
 * What both profiles share of the wiring: the gateway, its breaker, the outbox relay, and the rules. Ledger, sink and
 * limiters are handed in.
 */
import { randomUUID } from 'node:crypto';
import { createEngine, type EngineDeps } from '../../batches/pipeline/engine.ts';
import { createFingerprints } from '../../batches/record/fingerprint.ts';
import type { AlertSink } from '../../batches/ports/alert-sink.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Gateway } from '../../batches/ports/gateway.ts';
import type { IntentGate } from '../../batches/ports/intent-gate.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { Limiter } from '../../batches/ports/limiter.ts';
import type { ResultSink } from '../../batches/ports/result-sink.ts';
import type { Tracer } from '../../batches/ports/tracer.ts';
import type { LedgerRecord, MachineClocks } from '../../batches/record/record.ts';
import type { CircuitBreaker, BreakerChange } from '../../batches/pipeline/circuit-breaker.ts';
import { createWebhookReceiver, type WebhookReceiver } from '../../consumers/webhook/webhook-receiver.ts';
import { createGateway } from '../../producers/gateway.ts';
import { messageOf, type Wait } from '../../batches/pipeline/notice.ts';
import type { OutboxRelay } from '../../batches/pipeline/outbox-relay.ts';
import { startWorkers, type RunningWorkers } from '../../batches/pipeline/worker.ts';
import type { Signer } from '../../batches/gateway/signature.ts';
import { monotonicClock } from '../clock.ts';
import { loadBankingDays } from '../config/banking-days.ts';
import { keyLifetimeMs, type Config } from '../config/config.ts';
import type { Logger } from '../logger.ts';
import { type Metrics } from '../service/metrics.ts';
import { meteredGateway, meteredSink } from '../service/metered.ts';
import { createAlertReporter } from './report-alert.ts';
import { setupRemedy } from './setup-remedy.ts';
import type { ProfileParams } from './profile.ts';
import { transitionSettings } from './transition-settings.ts';
import type { Shutdown } from '../service/shutdown.ts';

export interface GatewayStack {
  readonly deps: EngineDeps;
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
  readonly alerts: AlertSink;
  readonly limiters: { readonly dispatch: Limiter; readonly follow: Limiter };
  readonly capture?: 'auto' | 'manual';
  readonly gatherMs?: number;
  /** How long after its intent an exchange may take, the wait for a slot included; what outlives it goes back to the queue unsent. */
  readonly leaseMs: number;
  /** The clocks of this machine that the age of a send is judged by. */
  readonly machine: () => MachineClocks;
  /** When intents may be written; always where it is left out. */
  readonly intents?: IntentGate;
  /** Records of the batch, which a pause held up, are due. */
  readonly onResumed?: (batchId: string) => void;
  /** Counts what goes out, where somebody wants it counted. */
  readonly metrics?: Metrics | undefined;
  readonly tracer?: Tracer;
  readonly clock: Clock;
  readonly stopping: Shutdown;
  readonly logger: Logger;
}

export function createGatewayStack(params: GatewayStackParams): GatewayStack {
  const { config, ledger, metrics, clock, stopping, logger, limiters, machine, leaseMs, gatherMs } = params;
  const { settings } = config;
  if (keyLifetimeMs(settings) === null)
    logger.warn(
      'GATEWAY_KEY_LIFETIME is not set: a send without a reliable answer is never repeated; evidence or a manual decision ends it',
    );
  const sink = metrics === undefined ? params.sink : meteredSink(params.sink, metrics, clock);
  const gateway = openGateway(params);
  const rules = transitionSettings(config, params.ledgerKey);
  const { deps, breaker } = createEngine({
    ...{ ledger, gateway, sink, limiters, clock, machine, leaseMs },
    ...(gatherMs === undefined ? {} : { gatherMs }),
    ...(params.intents === undefined ? {} : { intents: params.intents }),
    ...(params.onResumed === undefined ? {} : { onResumed: params.onResumed }),
    ...(params.tracer === undefined ? {} : { tracer: params.tracer }),
    monotonic: monotonicClock,
    random: Math.random,
    owner: randomUUID(),
    settings: rules,
    concurrency: settings.DISPATCH_CONCURRENCY,
    confirm: settings.GATEWAY_CONFIRM,
    capture: params.capture,
    fingerprints: createFingerprints(params.ledgerKey),
    bankingDays: loadBankingDays(config),
    signal: stopping.signal,
    stop: (why, refusal) => stopping.stop(why, refusal === undefined ? undefined : setupRemedy(refusal.code, settings)),
    alert: createAlertReporter({ keys: rules.keys, sink: params.alerts, clock, logger, ...(metrics === undefined ? {} : { metrics }) }),
    onWait: reportWait(logger),
    onBreakerChange: (change) => reportBreaker(logger, settings.GATEWAY_URL ?? '', change),
  });
  const publishing = startRelay(deps.publisher, stopping);
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    try {
      await publishing.stop();
    } finally {
      await sink.close();
      await params.alerts.close();
      await gateway.close();
    }
  };
  return { deps, breaker, close: () => (closing ??= close()) };
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
  else
    logger.warn(
      fields,
      `the gateway gives every instruction the same answer (${kind}): sending is paused, and single instructions are tried`,
    );
}

/** @param follow what a changed record needs beside being published */
export const openWebhooks = (
  { verifier, logger }: Pick<ProfileParams, 'verifier' | 'logger'>,
  deps: EngineDeps,
  { follow, assertLive }: { readonly follow: (record: LedgerRecord) => void; readonly assertLive: () => Promise<void> },
): WebhookReceiver | null =>
  verifier === null
    ? null
    : createWebhookReceiver({
        ...deps,
        verifier,
        assertLive,
        onChange(record) {
          follow(record);
          deps.publisher.notify();
        },
        onFailure: (cause) => logger.error({ err: cause }, 'a webhook could not be written; the gateway sends it again'),
      });
