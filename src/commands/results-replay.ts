import type { ResultEvent } from '../../batches/record/result-event.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { openLedgerReader } from '../profiles/open-profile.ts';
import { printable } from '../terminal/format.ts';
import { columnsOf, wrapText } from '../terminal/width.ts';
import { chooseBatch } from '../views/find-batch.ts';
import { interruptible } from './interruptible.ts';
import type { ResultsOptions } from './results-options.ts';

/**
 * Publishes events of a batch, of a record or since a time again, with the ids that they have. Exit 2 when something was skipped
 * that is not a result event this version reads.
 */
export async function replayResults(config: Config, options: ResultsOptions): Promise<ExitCode> {
  const { batch, record, since, json } = options;
  if ([batch, record, since].filter((one) => one !== undefined).length !== 1)
    throw new CommandError(exitCodes.usage, 'results replay needs exactly one of --batch, --record and --since.');
  const warn = (message: string): void => void process.stderr.write(`${wrapText(`disburse: ${message}`, columnsOf(process.stderr))}\n`);
  const batchId = batch === undefined ? undefined : await batchIdOf(config, batch, warn);
  let skipped = 0;
  const replay = {
    matches: (event: ResultEvent): boolean =>
      (batchId === undefined || event.batch_id === batchId) &&
      (record === undefined || event.record_id === record) &&
      (since === undefined || Date.parse(event.occurred_at) >= since),
    onWarning: warn,
    onSkipped(message: string) {
      skipped += 1;
      warn(message);
    },
  };
  const replayed =
    config.servers === null
      ? await (await import('../profiles/standalone/replay-results.ts')).replayFile(config.dataDir, replay)
      : await replayOnTopic(config, { ...replay, from: since ?? 'beginning' });
  if (replayed === 0 && record !== undefined)
    throw new CommandError(exitCodes.usage, `no result of a record ${printable(record)} was found: nothing was published.`);
  const text = replayed === 1 ? '1 result was published again.' : `${replayed} results were published again.`;
  process.stdout.write(json ? `${JSON.stringify({ replayed })}\n` : `${text}\n`);
  return skipped > 0 ? exitCodes.needsAttention : exitCodes.ok;
}

async function batchIdOf(config: Config, named: string, warn: (message: string) => void): Promise<string> {
  const { ledger, close } = await openLedgerReader(config, warn);
  try {
    return (await chooseBatch(ledger, named)).batchId;
  } finally {
    await close();
  }
}

type TopicReplay = Omit<Parameters<typeof import('../profiles/distributed/replay-results.ts').replayTopic>[1], 'signal'>;

async function replayOnTopic(config: Config, replay: TopicReplay): Promise<number> {
  const interrupt = interruptible();
  try {
    const { replayTopic } = await import('../profiles/distributed/replay-results.ts');
    return await replayTopic(config, { ...replay, signal: interrupt.signal });
  } catch (cause) {
    if (!interrupt.signal.aborted) throw cause;
    throw new CommandError(exitCodes.stopped, 'interrupted: some results may be published again; run the same command again.', { cause });
  } finally {
    interrupt.release();
  }
}
