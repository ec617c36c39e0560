/** What every `serve` does beside paying: watches the drop folder, answers over HTTP, and waits to be stopped. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { watchDropFolder } from '../consumers/drop-folder/watch.ts';
import { monotonicClock } from './clock.ts';
import type { ServeOptions } from './commands/serve.ts';
import type { Config } from './config.ts';
import type { App } from './app.ts';
import { startHttp, type Check, type CheckResult } from './http.ts';
import { takeFile, type InboxDeps } from './inbox.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import type { Stopping } from './stopping.ts';

export interface ServeParams {
  readonly config: Config;
  readonly options: ServeOptions;
  readonly logger: Logger;
  readonly stopping: Stopping;
}

export interface ServiceParams extends ServeParams {
  readonly metrics: Metrics;
  /** What `/readyz` asks, by name. */
  readonly checks: Readonly<Record<string, Check>>;
  readonly inbox: Pick<InboxDeps, 'clock' | 'pay' | 'writeResults'> & { readonly filesAtOnce: number };
}

const httpCloseMs = 2_000;

/** Resolves when `serve` was stopped and no file is in hand any more. */
export async function startService({ config, logger, stopping, metrics, checks, inbox }: ServiceParams): Promise<void> {
  const { settings } = config;
  const { signal } = stopping;
  const http = await startHttp({
    host: settings.HTTP_HOST,
    port: settings.HTTP_PORT,
    logger,
    fatal: () => stopping.why(),
    checks: { ...checks, running: () => ({ ok: !signal.aborted, ...(signal.aborted ? { detail: 'stopping' } : {}) }) },
    metrics: metrics.scrape,
  });
  logger.info({ url: http.url }, 'serving');
  try {
    await Promise.all([settings.INBOX_DIR === undefined ? undefined : watchInbox(settings.INBOX_DIR), untilAborted(signal)]);
  } finally {
    await http.close(httpCloseMs);
  }

  async function watchInbox(dir: string): Promise<void> {
    const { clock, pay, writeResults, filesAtOnce } = inbox;
    const folder = watchDropFolder({
      dir,
      owner: randomUUID(),
      host: hostname(),
      clock: monotonicClock,
      random: Math.random,
      signal,
      onWarning: (message) => logger.warn(message),
      concurrency: filesAtOnce,
      handle: (file) => takeFile({ clock, pay, writeResults, logger, maxAmount: settings.MAX_AMOUNT }, file),
    });
    metrics.feed({
      dropFolder: () => {
        const { waiting, processing, setAside, done, refused } = folder.state();
        return { waiting, processing, set_aside: setAside, done, refused };
      },
    });
    logger.info({ dir }, 'watching the drop folder');
    try {
      await folder.running;
    } catch (cause) {
      stopping.stop(cause instanceof Error ? cause.message : String(cause));
      throw cause;
    }
  }
}

/** A closed way is told, and no reason to be restarted. */
export const gatewayCheck = ({ breaker }: App): CheckResult =>
  breaker.isOpen() ? { ok: false, detail: 'the gateway cannot be reached' } : { ok: true };

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
