/**
 * The wiring of the stand-alone profile, on one screen: what stands behind each port, and in which order it is
 * opened and closed.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createFingerprints } from '../batches/fingerprint.ts';
import type { Way } from '../batches/dispatch.ts';
import { createKeys } from '../batches/key.ts';
import type { Clock, Ledger, Limiter } from '../batches/ports.ts';
import type { LedgerRecord } from '../batches/record.ts';
import type { Rules } from '../batches/steps.ts';
import { createBreaker, type Breaker, type BreakerChange } from '../producers/breaker.ts';
import { createSlots } from '../producers/dispatcher.ts';
import { createGateway } from '../producers/gateway.ts';
import { createPublisher } from '../producers/publisher.ts';
import { openResultsFile } from '../producers/results-file.ts';
import type { Signer } from '../producers/signature.ts';
import { keyLifetimeMs, type Config } from './config.ts';
import { monotonicClock, preciseClock } from './clock.ts';
import { burstOf, createLocalLimiter } from './limiter/local.ts';
import type { Logger } from './logger.ts';
import type { PayDeps } from './pay-file.ts';
import type { Stopping } from './stopping.ts';

export const resultsPath = (dataDir: string): string => join(dataDir, 'results.jsonl');

export interface App {
  readonly deps: PayDeps;
  /** Publishes what is decided, then closes everything in reverse. Rejects when something could not be written. */
  close(): Promise<void>;
}

export interface AppParams {
  readonly config: Config;
  readonly signer: Signer;
  readonly ledger: Ledger;
  readonly ledgerKey: Buffer;
  readonly clock: Clock;
  readonly stopping: Stopping;
  readonly logger: Logger;
}

export async function openApp({ config, signer, ledger, ledgerKey, clock, stopping, logger }: AppParams): Promise<App> {
  const { settings } = config;
  const random = Math.random;
  const timeoutMs = settings.GATEWAY_TIMEOUT_MS;
  const url = settings.GATEWAY_URL ?? '';
  const project = settings.GATEWAY_PROJECT ?? '';

  const gateway = createGateway({
    url,
    project,
    submerchant: settings.GATEWAY_SUBMERCHANT,
    signer,
    idempotencyHeader: settings.GATEWAY_IDEMPOTENCY_HEADER,
    timeoutMs,
    connections: settings.DISPATCH_CONCURRENCY,
    clock,
  });
  const breaker = createBreaker({
    clock,
    random,
    probe: async () => {
      const answer = await gateway.balance();
      return answer.type === 'answer' && answer.httpStatus < 500;
    },
    onChange: (change) => tellBreaker(logger, url, change),
  });
  const outage = watchOutage(breaker, clock);
  const sink = await openResultsFile({
    path: resultsPath(config.dataDir),
    mark: await ledger.publishedMark(),
    onWarning: (message) => logger.warn(message),
  });
  const publisher = createPublisher({ ledger, sink, clock });
  publisher.running.catch((cause: unknown) => stopping.stop(cause instanceof Error ? cause.message : String(cause)));
  const rules: Rules = {
    keys: createKeys(project),
    random,
    followIntervalMs: settings.FOLLOW_INTERVAL_MS,
    keyLifetimeMs: keyLifetimeMs(settings),
    timeoutMs,
  };

  const deps: PayDeps = {
    ledger,
    gateway,
    limiter: limiterOf(settings.DISPATCH_RATE),
    pacer: limiterOf(settings.DISPATCH_RATE),
    followLimiter: limiterOf(settings.FOLLOW_RATE),
    way: outage.way,
    clock,
    rules,
    slot: createSlots(settings.DISPATCH_CONCURRENCY),
    followSlot: createSlots(settings.DISPATCH_CONCURRENCY),
    owner: randomUUID(),
    // Long enough for the wait for a slot and a whole exchange; what outlives it goes back to the queue unsent.
    leaseMs: 2 * timeoutMs + 60_000,
    signal: stopping.signal,
    stopTheRun: (reason) => stopping.stop(`the gateway says that our set-up is wrong (${reason.code}): ${reason.description}`),
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
    async close() {
      try {
        await publisher.stop();
      } finally {
        await sink.close();
        await gateway.close();
      }
    },
  };
}

/** Failures in a row that are no accident any more. */
const outageFailures = 3;

/**
 * Since when nothing reached the gateway. The breaker opens only after many failures, which a file of a few rows,
 * each tried again after a growing pause, takes minutes to gather: the wait for a gateway is counted by this.
 */
function watchOutage(breaker: Breaker, clock: Clock): { readonly way: Way; readonly since: () => number | null } {
  let failures = 0;
  let firstAt = 0;
  return {
    way: {
      pass: (signal) => breaker.pass(signal),
      isClosed: () => breaker.isOpen(),
      record(outcome) {
        if (outcome !== 'transport_failure') failures = 0;
        else if ((failures += 1) === 1) firstAt = clock.now();
        breaker.record(outcome === 'reached' ? 'reached' : 'transport_failure');
      },
    },
    since: () => (failures >= outageFailures ? firstAt : null),
  };
}

/** With a burst, what a late timer costs is caught up within it; without one, sleeps must end on time. */
function limiterOf(rate: number | 'unlimited'): Limiter {
  const precise = rate !== 'unlimited' && burstOf(rate) === 1;
  return createLocalLimiter({ rate, clock: precise ? preciseClock : monotonicClock, resolutionMs: 0, precise });
}

function tellBreaker(logger: Logger, url: string, change: BreakerChange): void {
  if (change.type === 'opened')
    logger.warn({ gateway: url }, 'the gateway cannot be reached: sending is paused, and it is probed until it answers');
  else logger.info({ gateway: url, closed_for_ms: change.at - change.since }, 'the gateway answers again: sending goes on');
}
