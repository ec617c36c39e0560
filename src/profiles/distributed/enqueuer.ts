/** `run` in the distributed profile: it enqueues a file and watches what other instances make of it. */
import { cancelAllQueued } from '../../../batches/pipeline/cancel-queued.ts';
import { createAlertRaiser } from '../../../batches/pipeline/raise-alert.ts';
import { createOutboxRelay } from '../../../batches/pipeline/outbox-relay.ts';
import type { EnqueueDeps } from '../../../batches/pipeline/enqueue-file.ts';
import type { Clock } from '../../../batches/ports/clock.ts';
import { noTracing } from '../../../batches/ports/tracer.ts';
import { createFingerprints } from '../../../batches/record/fingerprint.ts';
import { formatDuration } from '../../duration.ts';
import { resultsFromTopic } from '../../kafka/results-reader.ts';
import { startRelay } from '../gateway-stack.ts';
import { pauseOf } from '../../../batches/record/pause.ts';
import { gatesOf, holdGates } from '../hold-gates.ts';
import { pauseReporter, stopWhilePaused } from '../pauses.ts';
import { sharedOperator } from '../operations.ts';
import type { Profile, ProfileParams } from '../profile.ts';
import { createAlertReporter } from '../report-alert.ts';
import { transitionSettings } from '../transition-settings.ts';
import { connect, type Connected } from './connect.ts';
import { submitToTopic, topicOf, type SubmitDeps } from './submit.ts';

/** Without a new row for so long the display says so. */
const quietMs = 10_000;
const batchDelayMs = 5;

/** @throws {CommandError} see `connect` */
export async function openEnqueuer(params: ProfileParams): Promise<Profile> {
  const { config, stopping, logger, patienceMs, detach } = params;
  const connected = await connect(params);
  const { ledger, clock, sink } = connected;
  await holdGates(ledger, { asked: gatesOf(config), logger, now: clock.now });
  const relay = createOutboxRelay({ ledger, sink, batchDelayMs });
  const publishing = startRelay(relay, stopping);
  const quiet = createQuietWatch(clock);
  const deps = enqueueDeps(params, connected, relay);
  const reporter = createAlertReporter({ keys: deps.settings.keys, sink: connected.alerts, clock: connected.clock, logger });
  const alert = createAlertRaiser({ ledger, clock, settings: deps.settings, sink: reporter });
  return {
    ledger,
    clock,
    async submit(request) {
      const end = await submitToTopic(deps, {
        ...request,
        detach,
        idleTimeoutMs: patienceMs,
        onLook: quiet.look,
        onPaused: pauseReporter(logger, request.batch.batchId),
      });
      if (end === 'paused') stopWhilePaused(stopping, pauseOf(await ledger.pauses(), request.batch.batchId), request.waitMs);
      if (end === 'stalled') {
        stopping.stop(
          `no instance consumed the instructions for ${formatDuration(patienceMs ?? 0)}: start disburse serve with the same KAFKA_BROKERS, REDIS_URL and prefixes, or find out what blocks it`,
        );
      }
      return end;
    },
    operate: sharedOperator({ ...deps, follow: null, ledger, alert }, connected.ledgerKey),
    alert,
    unfinishedFiles: () => Promise.resolve([]),
    cancelQueued: (batchId, reason) => cancelAllQueued(deps, batchId, reason),
    note: () => (quiet.isQuiet() ? 'no progress for a while: check that disburse serve is running and Kafka answers' : null),
    results: (since) =>
      resultsFromTopic(config, {
        from: since,
        follow: false,
        signal: new AbortController().signal,
        onWarning: (message) => logger.warn(message),
      }),
    webhooks: null,
    workers: () => [],
    checks: () => ({}),
    metricSources: () => ({}),
    finish: () => publishing.stop(),
    // The instances of `serve` do it.
    runMaintenance: () => Promise.resolve(),
    close: () => connected.close(),
  };
}

const enqueueDeps = (
  { config, tracer = noTracing }: ProfileParams,
  connected: Connected,
  publisher: EnqueueDeps['publisher'],
): SubmitDeps => ({
  ...topicOf(connected, config.settings.KAFKA_GROUP),
  ledger: connected.ledger,
  clock: connected.clock,
  publisher,
  tracer,
  settings: transitionSettings(config, connected.ledgerKey),
  fingerprints: createFingerprints(connected.ledgerKey),
});

/** Since when the ledger knows no more rows than before, until all are sent. */
function createQuietWatch(clock: Pick<Clock, 'now'>) {
  let watching: { readonly since: number; readonly received: number } | null = null;
  return {
    look(received: number, sent: boolean): void {
      if (sent) watching = null;
      else if (watching?.received !== received) watching = { since: clock.now(), received };
    },
    isQuiet: (): boolean => watching !== null && clock.now() - watching.since > quietMs,
  };
}
