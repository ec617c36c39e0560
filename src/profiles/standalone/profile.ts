/** The stand-alone profile: SQLite, a results file, limiters in this process, which pays by itself. */
import pLimit from 'p-limit';
import { createBatchFinisher, writeBatchState, type BatchFinisher } from '../../../batches/pipeline/batch-state.ts';
import { cancelAllQueued } from '../../../batches/pipeline/cancel-queued.ts';
import { waitUntilSettled } from '../../../batches/pipeline/batch-settlement.ts';
import { createDueScanner, type DueScanner } from '../../../batches/pipeline/due-scanner.ts';
import { createDueWorker, whyHeldUp } from '../../../batches/pipeline/due-worker.ts';
import { markAllInterrupted, processFile } from '../../../batches/pipeline/process-file.ts';
import { createRetention, purgeAfterRun } from '../../../batches/pipeline/retention.ts';
import type { Signer } from '../../../batches/gateway/signature.ts';
import type { Limiter } from '../../../batches/ports/limiter.ts';
import type { WebhookReceiver } from '../../../consumers/webhook/webhook-receiver.ts';
import { createAlertSink } from '../../../producers/alerts.ts';
import { openResultsFile } from '../../../producers/results-file.ts';
import { machineClocks, monotonicClock, preciseClock } from '../../clock.ts';
import { readAgain } from '../../files/payout-file.ts';
import { burstOf, createLocalLimiter } from '../../limiter/local.ts';
import { logNotice } from '../../logger.ts';
import { gatewayCheck } from '../../service/checks.ts';
import { meteredLedger } from '../../service/metered.ts';
import { ledgerSources, pausesCheck } from '../../service/operator-counts.ts';
import { breakerPosition } from '../../service/metric-feeds.ts';
import { alertsPath, resultsPath } from '../../ledger/data-dir.ts';
import { createGatewayStack, openWebhooks, type GatewayStack } from '../gateway-stack.ts';
import type { Profile, ProfileParams, SubmitRequest } from '../profile.ts';
import { answerPending, createCommandWorker, createOperator, sealedBodies, type Operate } from '../operations.ts';
import { gatesOf, holdGates } from '../hold-gates.ts';
import { pauseReporter, stopWhilePaused } from '../pauses.ts';
import { readAllResults } from './all-results.ts';
import { openStandaloneLedger, type OpenLedger } from './ledger.ts';

export type StandaloneParams = ProfileParams & { readonly signer: Signer };

export interface StandaloneProfile extends Profile {
  /** Carries out what other processes asked of this ledger. */
  answerCommands(): Promise<unknown>;
}

/** Between two looks at a batch that this process pays. */
const lookEveryMs = 100;

/** Instructions between admission and outcome: enough for intents to share a disk sync, little to hold in memory. */
const windowFor = (concurrency: number): number => Math.max(96, concurrency * 3);

/** What an open profile consists of. */
interface Parts extends OpenLedger {
  readonly params: StandaloneParams;
  readonly stack: GatewayStack;
  readonly scanner: DueScanner;
  readonly finisher: BatchFinisher;
  readonly webhooks: WebhookReceiver | null;
  readonly operator: Operate;
  /** Files are sent one after the other. */
  readonly oneFile: ReturnType<typeof pLimit>;
}

/** @throws LedgerError, see `openSqliteLedger` */
export async function openStandalone(params: StandaloneParams): Promise<StandaloneProfile> {
  const { metrics } = params;
  const opened = await openStandaloneLedger(params.config, params.newLedger, (message) => params.logger.warn(message));
  const open = metrics === undefined ? opened : { ...opened, ledger: meteredLedger(opened.ledger, metrics) };
  const { ledger, clock } = open;
  try {
    if (params.role !== 'operate') await holdGates(ledger, { asked: gatesOf(params.config), logger: params.logger, now: clock.now });
    const scanner = createDueScanner({ ledger, clock });
    const stack = await openStack(params, open, (batchId) => scanner.add(batchId));
    const finisher = createBatchFinisher({ ledger, clock });
    const operator = createOperator(
      {
        ...stack.deps,
        follow: stack.deps,
        openSealed: sealedBodies(open.ledgerKey),
        onChange: ({ batchId }) => scanner.add(batchId),
        onResumed: (batchId) => scanner.add(batchId),
        onReopened: (batchId) => finisher.add(batchId),
      },
      metrics,
    );
    const parts: Parts = {
      ...open,
      params,
      stack,
      scanner,
      webhooks: openWebhooks(params, stack.deps, {
        follow: ({ batchId }) => scanner.add(batchId),
        assertLive: async () => void (await ledger.publishedMark()),
      }),
      finisher,
      operator,
      oneFile: pLimit(1),
    };
    // A process that sends nothing leaves the sends of former ones to the next that does.
    if (params.role !== 'operate') await takeOver(parts);
    return profileOf(parts);
  } catch (cause) {
    await ledger.close();
    throw cause;
  }
}

async function openStack(params: StandaloneParams, open: OpenLedger, onResumed: (batchId: string) => void): Promise<GatewayStack> {
  const { config, logger } = params;
  const { settings, dataDir } = config;
  const sink = await openResultsFile({
    path: resultsPath(dataDir),
    mark: await open.ledger.publishedMark(),
    onWarning: (message) => logger.warn(message),
  });
  const alerts = createAlertSink(
    await openResultsFile({ path: alertsPath(dataDir), mark: null, what: 'alerts', onWarning: (message) => logger.warn(message) }),
  );
  const limiters = { dispatch: limiterOf(settings.DISPATCH_RATE), follow: limiterOf(settings.FOLLOW_RATE) };
  // No process waits for the end of a lease: one process pays, and the next one takes over what it left.
  return createGatewayStack({
    ...params,
    ...open,
    sink,
    alerts,
    limiters,
    machine: machineClocks,
    onResumed,
    leaseMs: 2 * settings.GATEWAY_TIMEOUT_MS + 60_000,
  });
}

/** With a burst, the limiter catches up within it what a late timer costs; without one, sleeps must end on time. */
function limiterOf(rate: number | 'unlimited'): Limiter {
  const precise = rate !== 'unlimited' && burstOf(rate) === 1;
  return createLocalLimiter({ rate, clock: precise ? preciseClock : monotonicClock, resolutionMs: 0, precise });
}

/** What former processes left: their sends become open, and everything open is followed, of whatever file it is. */
async function takeOver({ params, ledger, stack, scanner, finisher }: Parts): Promise<void> {
  for (const { batchId, state } of await ledger.batches()) {
    if (params.role === 'run' && state === 'finished') continue;
    await markAllInterrupted(stack.deps, batchId);
    scanner.add(batchId);
    stack.deps.pauses.parked(batchId);
    if (state === 'waiting') finisher.add(batchId);
  }
}

function profileOf(parts: Parts): StandaloneProfile {
  const { params, ledger, clock, stack, scanner, finisher, webhooks } = parts;
  const { role, patienceMs, stopping, logger, config } = params;
  const { settings, dataDir } = config;
  const { deps } = stack;
  const retentionMs = settings.LEDGER_RETENTION;
  return {
    ledger,
    clock,
    submit: (request) => submit(parts, request),
    alert: deps.alert,
    operate: parts.operator,
    answerCommands: () => answerPending(ledger.commands, parts.operator),
    unfinishedFiles: async () => (await ledger.batches()).filter(({ state }) => state !== 'finished').map(({ batchId }) => batchId),
    cancelQueued: (batchId, reason) => cancelAllQueued(deps, batchId, reason),
    note() {
      const held = deps.heldUp();
      return held === null ? null : `${whyHeldUp(held)}: waiting for it`;
    },
    results: () => readAllResults(dataDir),
    webhooks,
    workers: () => [
      createDueWorker(deps, { due: scanner.due, waitMs: patienceMs }),
      finisher,
      deps.pauses,
      createCommandWorker({ queue: ledger.commands, operator: parts.operator }),
      ...(webhooks === null ? [] : [webhooks]),
      // `run` purges after its report.
      ...(role === 'serve' ? [createRetention({ ledger, retentionMs })] : []),
    ],
    checks: () => ({
      ledger: async () => ledger.publishedMark().then(() => ({ ok: true })),
      gateway: () => gatewayCheck(stack.breaker),
      pauses: () => pausesCheck(ledger),
    }),
    metricSources: () => ({
      ...ledgerSources(ledger),
      dispatchRateLimit: () => deps.limiter.rate(),
      dispatchRateConfigured: () => settings.DISPATCH_RATE,
      breaker: () => breakerPosition(stack.breaker),
    }),
    finish: () => stack.close(),
    runMaintenance: (rows) => purgeAfterRun(rows, { ledger, clock, retentionMs, signal: stopping.signal, onNotice: logNotice(logger) }),
    async close() {
      try {
        await stack.close();
      } finally {
        await ledger.close();
      }
    },
  };
}

async function submit(
  parts: Parts,
  { batch, inspection, waitMs, follow, signal, isOneOfMany }: SubmitRequest,
): ReturnType<Profile['submit']> {
  const { params, ledger, clock, stack, scanner, finisher, oneFile } = parts;
  const { batchId } = batch;
  const { rows, errorsTotal } = inspection.preflight;
  const hasWebhooks = parts.webhooks !== null;
  const release = scanner.hold(batchId);
  try {
    const window = windowFor(params.config.settings.DISPATCH_CONCURRENCY);
    const file = { batch, rows: () => readAgain(inspection), hasBadRows: errorsTotal > 0, window };
    await oneFile(() => processFile(stack.deps, isOneOfMany === true ? { ...file, signal } : file));
    const end = await waitUntilSettled({
      ledger,
      clock,
      batchId,
      rows,
      waitMs,
      idleTimeoutMs: null,
      everyMs: lookEveryMs,
      signal,
      follow,
      hasWebhooks,
      pauseOf: (id) => stack.deps.pauses.of(id),
      holdOf: (id) => stack.deps.pauses.holdOf(id),
      heldMs: isOneOfMany === true ? waitMs : 0,
      onPaused: pauseReporter(params.logger, batchId),
    });
    if (end === 'paused' && isOneOfMany !== true) stopWhilePaused(params.stopping, await stack.deps.pauses.of(batchId), waitMs);
    const state = await writeBatchState(ledger, { batchId, rows, stopped: end === 'stopped', at: clock.now() });
    if (state === 'waiting') finisher.add(batchId);
    return end;
  } finally {
    release();
  }
}
