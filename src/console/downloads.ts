/** Files about a batch: the newest result of every row, and the rows to correct. */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hono } from 'hono';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import { systemClock } from '../clock.ts';
import { writeBatchResults } from '../files/batch-results.ts';
import { chooseBatch } from '../views/find-batch.ts';
import { Refusal, type ConsoleContext, type ConsoleEnv } from './access/guard.ts';
import { sendFile } from './actions/upload-actions.ts';
import type { ConsoleDeps } from './reading.ts';
import { checkRole, paramOf } from './routes.ts';

interface DownloadDeps extends ConsoleDeps {
  readonly results: (since: number) => AsyncIterable<ResultEvent>;
}

/** Results that were decided a moment ago are published soon. */
const patienceMs = 3_000;

export function addDownloads(app: Hono<ConsoleEnv>, { reader, results, config }: DownloadDeps): void {
  const batchOf = (c: ConsoleContext) => reader.read(({ ledger }) => chooseBatch(ledger, paramOf(c, 'id')));
  const nameOf = (file: string, end: string): string => `${file.replace(/\.(?:csv|xlsx)(?:\.gz)?$/i, '')}.${end}.csv`;
  app.get('/batches/:id/results.csv', async (c) => {
    const { batchId, file } = await batchOf(c);
    const write = (path: string): Promise<unknown> =>
      reader.read(({ ledger }) => writeBatchResults({ ledger, clock: systemClock, batchId, path, results, patienceMs }));
    return sendFile(nameOf(file, 'results'), write);
  });
  app.get('/batches/:id/errors.csv', async (c) => {
    // It has accounts as they were, so that a person can correct them.
    checkRole(c.get('person'), 'operator');
    const { batchId, file } = await batchOf(c);
    return sendFile(nameOf(file, 'errors'), (path) =>
      copyFile(join(config.dataDir, `${batchId}.errors.csv`), path).catch(() => {
        throw new Refusal(404, 'no_file', 'There is no file of rows to correct: every row was valid, or it was read elsewhere.');
      }),
    );
  });
}
