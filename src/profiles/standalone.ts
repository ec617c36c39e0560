/** The wiring of the stand-alone profile: SQLite, a results file, limiters in this process. */
import { hostname } from 'node:os';
import { resultsPath } from './data-dir.ts';
import { createKeyDerivation } from '../../batches/record/idempotency-key.ts';
import type { Batch } from '../../batches/record/batch.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { Limiter } from '../../batches/ports/limiter.ts';
import { openResultsFile } from '../../producers/results-file.ts';
import type { Signer } from '../../batches/gateway/signature.ts';
import { createGatewayStack, type GatewayStack } from './gateway-stack.ts';
import { monotonicClock, neverEarlierThan, preciseClock, systemClock } from '../clock.ts';
import { isLoopback } from '../config/values.ts';
import type { Config } from '../config/config.ts';
import { loadLedgerKey } from '../ledger/ledger-key.ts';
import { openSqliteLedger, requireLedger } from '../ledger/sqlite/ledger.ts';
import { burstOf, createLocalLimiter } from '../limiter/local.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../service/metrics.ts';
import type { Shutdown } from '../service/shutdown.ts';

/** The ledger and its clock, before anything is wired to them. */
export interface OpenLedger {
  readonly ledger: Ledger;
  readonly ledgerKey: Buffer;
  readonly clock: Clock;
}

/** What a ledger is bound to. */
export function bindingOf({ settings }: Config) {
  const { GATEWAY_URL: gateway = '', GATEWAY_PROJECT: project = '', GATEWAY_SUBMERCHANT: submerchant } = settings;
  return { gateway, project, ...(submerchant === undefined ? {} : { submerchant }) };
}

/** @throws LedgerError, see `openSqliteLedger` */
export async function openStandaloneLedger(config: Config, newLedger: boolean): Promise<OpenLedger> {
  const { settings, dataDir } = config;
  const binding = bindingOf(config);
  const mayCreate = isLoopback(binding.gateway) || newLedger;
  // Asked first, so that a refused run leaves no key behind.
  if (!mayCreate) requireLedger(dataDir);
  const ledgerKey = loadLedgerKey({ dir: dataDir, file: settings.LEDGER_KEY_FILE });
  const ledger = await openSqliteLedger({
    dir: dataDir,
    binding,
    ledgerKey,
    keys: createKeyDerivation(binding.project),
    clock: systemClock,
    host: hostname(),
    mayCreate,
  });
  return { ledger, ledgerKey, clock: neverEarlierThan(newestTime(await ledger.batches()), systemClock) };
}

/** The newest time that the ledger has written, in milliseconds since the epoch. */
const newestTime = (batches: readonly Batch[]): number =>
  batches.reduce((newest, batch) => Math.max(newest, batch.startedAt, batch.finishedAt ?? 0, batch.lastSentAt ?? 0), 0);

interface AloneParams extends OpenLedger {
  readonly config: Config;
  readonly signer: Signer;
  readonly stopping: Shutdown;
  readonly logger: Logger;
  readonly metrics?: Metrics | undefined;
}

export async function openStandalone(params: AloneParams): Promise<GatewayStack> {
  const { config, ledger, logger } = params;
  const { settings, dataDir } = config;
  const sink = await openResultsFile({
    path: resultsPath(dataDir),
    mark: await ledger.publishedMark(),
    onWarning: (message) => logger.warn(message),
  });
  const limiters = {
    dispatch: limiterOf(settings.DISPATCH_RATE),
    follow: limiterOf(settings.FOLLOW_RATE),
  };
  // Nobody waits for it to be over: one process pays, and what it left is taken over when the next one starts.
  return createGatewayStack({ ...params, sink, limiters, leaseMs: 2 * settings.GATEWAY_TIMEOUT_MS + 60_000 });
}

/** With a burst, what a late timer costs is caught up within it; without one, sleeps must end on time. */
function limiterOf(rate: number | 'unlimited'): Limiter {
  const precise = rate !== 'unlimited' && burstOf(rate) === 1;
  return createLocalLimiter({ rate, clock: precise ? preciseClock : monotonicClock, resolutionMs: 0, precise });
}
