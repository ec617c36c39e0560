import type { Ledger } from '../../batches/ports/ledger.ts';
import type { Batch } from '../../batches/record/batch.ts';
import { summarise, type Summary } from '../../batches/record/summary.ts';
import type { Config } from '../config/config.ts';
import { exitCodes, type ExitCode } from '../exit.ts';
import { openLedgerReader } from '../profiles/open-profile.ts';
import { paintFor, printable, table } from '../terminal/format.ts';
import { summaryText } from '../terminal/summary-text.ts';
import { chooseBatch } from './find-batch.ts';

/** Shows one batch, or all. Reads only, also while another process pays. */
export async function status(config: Config, wanted: string | undefined, { json = false }: { readonly json?: boolean }): Promise<ExitCode> {
  const { ledger, close } = await openLedgerReader(config, (message) => void process.stderr.write(`disburse: ${message}\n`));
  try {
    const batches = await ledger.batches();
    if (wanted === undefined) {
      const all = await Promise.all(batches.map((batch) => summaryOf(ledger, batch)));
      process.stdout.write(json ? all.map((one) => `${JSON.stringify(one)}\n`).join('') : `${listing(all)}\n`);
    } else {
      const summary = await summaryOf(ledger, chooseBatch(batches, wanted));
      process.stdout.write(`${json ? JSON.stringify(summary) : summaryText(summary, paintFor(process.stdout, process.env))}\n`);
    }
    return exitCodes.ok;
  } finally {
    await close();
  }
}

const summaryOf = async (ledger: Pick<Ledger, 'tallies'>, batch: Batch): Promise<Summary> =>
  summarise(batch, await ledger.tallies(batch.batchId));

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
