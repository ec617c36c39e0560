import type { Batch } from '../../batches/record/batch.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import { summarise, type Summary } from '../../batches/record/summary.ts';
import { redisParams, type Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { openReader } from '../ledger/sqlite/reader.ts';
import { summaryText } from '../terminal/summary-text.ts';
import { paintFor, printable, table } from '../terminal/format.ts';

/** Shows one batch, or all. Reads only, also while another process pays. */
export async function status(config: Config, wanted: string | undefined, options: { readonly json?: boolean }): Promise<ExitCode> {
  const { ledger, close } = await openLedger(config);
  try {
    const batches = await ledger.batches();
    const summaries = async (chosen: readonly Batch[]): Promise<Summary[]> =>
      Promise.all(chosen.map(async (batch) => summarise(batch, await ledger.tallies(batch.batchId))));

    if (wanted === undefined) {
      const all = await summaries(batches);
      process.stdout.write(options.json === true ? all.map((one) => `${JSON.stringify(one)}\n`).join('') : `${listing(all)}\n`);
      return exitCodes.ok;
    }
    const [summary] = await summaries([choose(batches, wanted)]);
    if (summary === undefined) return exitCodes.usage;
    process.stdout.write(
      options.json === true ? `${JSON.stringify(summary)}\n` : `${summaryText(summary, paintFor(process.stdout, process.env))}\n`,
    );
    return exitCodes.ok;
  } finally {
    await close();
  }
}

type Reader = Pick<Ledger, 'batches' | 'tallies'>;

async function openLedger(config: Config): Promise<{ readonly ledger: Reader; readonly close: () => Promise<void> }> {
  if (config.servers === null) {
    const ledger = await openReader(config.dataDir);
    return { ledger, close: () => ledger.close() };
  }
  const [{ connectRedis }, { openRedisReader }] = await Promise.all([
    import('../redis/connection.ts'),
    import('../ledger/redis/reader.ts'),
  ]);
  const connection = await connectRedis(redisParams(config, (message) => void process.stderr.write(`disburse: ${message}\n`)));
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

function choose(batches: readonly Batch[], wanted: string): Batch {
  const found = batches.filter((batch) => batch.batchId === wanted || (wanted.length >= 6 && batch.batchId.startsWith(wanted)));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw new CommandError(
    exitCodes.usage,
    found.length === 0
      ? `no batch ${printable(wanted)} is known here. disburse status lists all; is it the ledger that it was paid from?`
      : `${found.length} batches begin with ${printable(wanted)}. Give more characters.`,
  );
}

function listing(all: readonly Summary[]): string {
  if (all.length === 0) return 'No batches yet.';
  const rows = all.map((one) => [
    /^[0-9a-f]{64}$/.test(one.batch_id) ? one.batch_id.slice(0, 12) : printable(one.batch_id),
    printable(one.file),
    one.state,
    String(one.received.count),
    String(one.statuses['succeeded']?.count ?? 0),
    one.balanced ? 'yes' : 'NO',
    one.started_at,
  ]);
  return table([['batch', 'file', 'state', 'rows', 'succeeded', 'balanced', 'started'], ...rows], new Set([3, 4]));
}
