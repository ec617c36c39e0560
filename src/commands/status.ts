import type { Ledger } from '../../batches/ports/ledger.ts';
import type { Batch } from '../../batches/record/batch.ts';
import { summarise, type Summary } from '../../batches/record/summary.ts';
import type { Config } from '../config/config.ts';
import { exitCodes, type ExitCode } from '../exit.ts';
import { openLedgerReader } from '../profiles/open-profile.ts';
import type { LedgerReader } from '../profiles/profile.ts';
import { paintFor } from '../terminal/format.ts';
import { batchListText, summaryText } from '../terminal/summary-text.ts';
import { chooseBatch } from './find-batch.ts';

interface StatusOptions {
  readonly limit: number | 'all';
  readonly json: boolean;
}

/** Shows one batch, or the newest ones. Reads only, also while another process pays. */
export async function status(config: Config, named: string | undefined, { limit, json }: StatusOptions): Promise<ExitCode> {
  const warn = (message: string): void => void process.stderr.write(`disburse: ${message}\n`);
  const { ledger, close } = await openLedgerReader(config, warn);
  try {
    if (named === undefined) {
      const { shown, hasMore } = await newest(ledger, limit);
      process.stdout.write(json ? shown.map((one) => `${JSON.stringify(one)}\n`).join('') : `${batchListText(shown)}\n`);
      if (hasMore) warn(`the newest ${shown.length} batches are shown; --limit all shows every batch.`);
    } else {
      const summary = await summaryOf(ledger, await chooseBatch(ledger, named));
      process.stdout.write(
        `${json ? JSON.stringify(summary) : summaryText(summary, paintFor(process.stdout, process.env), process.stdout.columns)}\n`,
      );
    }
    return exitCodes.ok;
  } finally {
    await close();
  }
}

/** Summaries, newest first. */
async function newest(ledger: LedgerReader['ledger'], limit: StatusOptions['limit']) {
  const batches = limit === 'all' ? (await ledger.batches()).toReversed() : await ledger.batches({ newest: limit + 1 });
  const shown: Summary[] = [];
  for (const batch of limit === 'all' ? batches : batches.slice(0, limit)) shown.push(await summaryOf(ledger, batch));
  return { shown, hasMore: shown.length < batches.length };
}

const summaryOf = async (ledger: Pick<Ledger, 'tallies' | 'pauses'>, batch: Batch): Promise<Summary> =>
  summarise(batch, await ledger.tallies(batch.batchId), await ledger.pauses());
