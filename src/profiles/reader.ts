/** What commands that only read have of a profile: the ledger, without its key and lock, and the result events. */

import type { Ledger } from '../../batches/ports/ledger.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import { readResults } from '../../producers/results-reader.ts';
import { redisParams, type Config } from '../config/config.ts';
import { resultsPath } from './data-dir.ts';

export interface LedgerReader {
  readonly ledger: Pick<Ledger, 'batch' | 'batches' | 'tallies'>;
  close(): Promise<void>;
}

/** Also while other processes pay. @throws LedgerMissingError */
export async function openLedgerReader(config: Config, onWarning: (message: string) => void): Promise<LedgerReader> {
  if (config.servers === null) {
    const { openReader } = await import('../ledger/sqlite/reader.ts');
    const ledger = await openReader(config.dataDir);
    return { ledger, close: () => ledger.close() };
  }
  const [{ connectRedis }, { openRedisReader }] = await Promise.all([
    import('../redis/connection.ts'),
    import('../ledger/redis/reader.ts'),
  ]);
  const connection = await connectRedis(redisParams(config, onWarning));
  try {
    const ledger = await openRedisReader({ connection, prefix: config.settings.REDIS_PREFIX });
    return {
      ledger,
      async close() {
        await ledger.close();
        await connection.close();
      },
    };
  } catch (cause) {
    await connection.close();
    throw cause;
  }
}

/**
 * @property follow continue with new events until the signal is aborted
 * @property from a number: milliseconds since the epoch; a reader may return earlier events too
 * @property onSkipped called for what is not a result event that this version reads
 * @property onCaughtUp called once with `follow`, when what there was at the start is read
 */
export interface EventReading {
  readonly follow: boolean;
  readonly from: 'beginning' | 'now' | number;
  readonly signal: AbortSignal;
  readonly onWarning: (message: string) => void;
  readonly onSkipped: (message: string) => void;
  readonly onCaughtUp?: () => void;
}

/** Result events: of the results file in its order, or of the results topic in the order of each partition. */
export async function* readEvents(config: Config, reading: EventReading): AsyncGenerator<ResultEvent, void, undefined> {
  if (config.servers !== null) {
    const { resultsFromTopic } = await import('../kafka/results-reader.ts');
    yield* resultsFromTopic(config, reading);
    return;
  }
  yield* readResults(resultsPath(config.dataDir), { ...reading, from: reading.from === 'now' ? 'now' : 'beginning' });
}
