/** What every `serve` does beside paying: watches the drop folder, answers over HTTP, and waits to be stopped. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { prepareDropFolder } from '../../consumers/drop-folder/folders.ts';
import { watchDropFolder } from '../../consumers/drop-folder/watch.ts';
import type { WebhookReceiver } from '../../consumers/webhook/webhook-receiver.ts';
import { monotonicClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes } from '../exit.ts';
import type { Mapping } from '../../batches/csv-row/mapping.ts';
import { loadMapping } from '../files/mapping-file.ts';
import { createSequences } from '../../consumers/drop-folder/sequences.ts';
import { isLoopback } from '../config/values.ts';
import { inboxAccess } from './inbox-access.ts';
import type { Check } from './http/routes.ts';
import { startHttp } from './http/server.ts';
import { messageOf } from '../../batches/pipeline/notice.ts';
import { noteReturned, otherFileText, processDroppedFile, type InboxDeps } from './process-dropped-file.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from './metrics.ts';
import type { Shutdown } from './shutdown.ts';
import { webhookRoute } from './webhooks.ts';

export interface ServiceParams {
  readonly config: Config;
  readonly logger: Logger;
  readonly stopping: Shutdown;
  readonly metrics: Metrics;
  /** Starts the work, and returns what ends it. */
  readonly begin: () => () => Promise<void>;
  /** What `/readyz` asks, by name. */
  readonly checks: Readonly<Record<string, Check>>;
  /** Null without a public key of the gateway. */
  readonly webhooks: WebhookReceiver | null;
  readonly inbox: Omit<InboxDeps, OfService>;
}

/** Dropped files that are processed at once. They are sent one after the other; the rest of the time is waiting for the gateway. */
const filesAtOnce = 16;
const httpCloseMs = 2_000;

/** Reports what is wrong about the drop folder before anything else starts. */
export async function checkInbox(config: Config): Promise<void> {
  const { settings } = config;
  if (settings.INBOX_DIR === undefined) return;
  await inboxMapping(config);
  try {
    await prepareDropFolder(settings.INBOX_DIR, inboxAccess(settings));
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    throw new CommandError(exitCodes.usage, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** What the service itself knows for the drop folder. */
export type OfService = 'maxAmount' | 'maxBatchTotal' | 'mapping' | 'isLive' | 'sequences' | 'logger' | 'parts';

/** Null when the files of the folder have our own names. @throws {CommandError} exit 1 when it cannot be used */
const inboxMapping = async ({ settings: { INBOX_MAPPING: given }, dataDir }: Config): Promise<Mapping | null> =>
  given === undefined ? null : await loadMapping('INBOX_MAPPING', given, dataDir);

/** Resolves when `serve` was stopped and nothing is in flight any more; answers over HTTP until then. */
export async function startService(params: ServiceParams): Promise<void> {
  const { config, logger, stopping, metrics, checks, webhooks, begin } = params;
  const { settings } = config;
  const { signal } = stopping;
  const http = await startHttp({
    host: settings.HTTP_HOST,
    port: settings.HTTP_PORT,
    logger,
    ...webhookRoute(webhooks, { logger, metrics }),
    service: {
      fatal: () => (stopping.failed() ? stopping.why() : null),
      checks: { ...checks, running: () => ({ ok: !signal.aborted, ...(signal.aborted ? { detail: 'stopping' } : {}) }) },
      metrics: metrics.scrape,
    },
  });
  logger.info({ url: http.url }, 'serving');
  try {
    const end = begin();
    try {
      await Promise.all([settings.INBOX_DIR === undefined ? undefined : watchInbox(settings.INBOX_DIR, params), untilAborted(signal)]);
    } finally {
      await end();
    }
  } finally {
    await http.close(httpCloseMs);
  }
}

async function watchInbox(dir: string, { config, logger, stopping, metrics, inbox }: ServiceParams): Promise<void> {
  const { settings } = config;
  const mapping = await inboxMapping(config);
  const deps = {
    ...inbox,
    logger,
    maxAmount: settings.MAX_AMOUNT,
    maxBatchTotal: settings.MAX_BATCH_TOTAL,
    mapping,
    isLive: settings.GATEWAY_URL !== undefined && !isLoopback(settings.GATEWAY_URL),
    sequences: createSequences({ dir, clock: monotonicClock, patienceMs: settings.INBOX_REST }),
    parts: new Map<string, string>(),
  };
  const folder = watchDropFolder({
    dir,
    owner: randomUUID(),
    host: hostname(),
    pid: process.pid,
    clock: monotonicClock,
    random: Math.random,
    signal: stopping.signal,
    onWarning: (message) => logger.warn(message),
    concurrency: filesAtOnce,
    restMs: settings.INBOX_REST,
    sign: settings.INBOX_REQUIRE ?? 'rest',
    access: inboxAccess(settings),
    answerOther: otherFileText,
    onReturned: (returned) => noteReturned(deps.parts, returned),
    handle: (file) => processDroppedFile(deps, file),
  });
  metrics.feed({
    dropFolder: () => {
      const { waiting, processing, setAside, others, done, refused, returned } = folder.state();
      return { waiting, processing, set_aside: setAside, other: others, done, refused, returned };
    },
  });
  logger.info({ dir }, 'watching the drop folder');
  try {
    await folder.running;
  } catch (cause) {
    stopping.stop(messageOf(cause));
    throw cause;
  }
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
