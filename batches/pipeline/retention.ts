/** When the stand-alone profile drops the stories of what ended long ago: `serve` meanwhile, `run` when all is told. */
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Logger } from '../../src/logger.ts';

interface StoriesDeps {
  readonly ledger: Pick<Ledger, 'purgeDetails'>;
  readonly clock: Clock;
  /** LEDGER_RETENTION. */
  readonly retentionMs: number;
  readonly signal: AbortSignal;
}

/** Paying goes on between two of them. */
const groupSize = 256;
const pauseMs = 50;
const everyMs = 60_000;
/** Whoever waits for so long should know what for. */
const quietMs = 1_000;
const fewest = 20_000;

/** Drops them until it is stopped, now and then, some at a time. */
export function startRetention(deps: StoriesDeps & { readonly stop: (why: string) => void }): { stop(): Promise<void> } {
  const { ledger, clock, retentionMs: olderThanMs, signal, stop } = deps;
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  const loop = async (): Promise<void> => {
    while (!both.aborted) {
      const dropped = await ledger.purgeDetails({ olderThanMs, limit: groupSize });
      await clock.sleep(dropped === groupSize ? pauseMs : everyMs, both).catch(() => undefined);
    }
  };
  const running = loop().catch((cause: unknown) => stop(cause instanceof Error ? cause.message : String(cause)));
  return {
    async stop() {
      ended.abort();
      await running;
    },
  };
}

/**
 * Drops what is due after a file of so many rows: at most twice as many, so that a ledger that grows by files is
 * kept up with, and some even after the smallest. A failure is told and fails nothing: the file was paid, and the next
 * run tries again.
 */
export async function purgeAfterRun(rows: number, deps: StoriesDeps & { readonly logger: Logger }): Promise<void> {
  const { ledger, clock, retentionMs: olderThanMs, signal, logger } = deps;
  const begun = clock.now();
  let isTold = false;
  try {
    for (let left = Math.max(fewest, 2 * rows); left > 0 && !signal.aborted;) {
      const limit = Math.min(groupSize, left);
      if ((await ledger.purgeDetails({ olderThanMs, limit })) < limit) return;
      left -= limit;
      if (isTold || clock.now() - begun < quietMs) continue;
      isTold = true;
      logger.info('what the ledger tells of records that ended longer than LEDGER_RETENTION ago is being dropped');
    }
  } catch (cause) {
    logger.warn(
      { err: cause },
      `what the ledger tells of old records could not be dropped: ${cause instanceof Error ? cause.message : String(cause)}`,
    );
  }
}
