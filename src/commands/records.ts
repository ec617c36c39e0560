import { recordView } from '../../batches/record/record-view.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { exitCodes, type ExitCode } from '../exit.ts';
import { openLedgerReader } from '../profiles/open-profile.ts';
import { paintFor } from '../terminal/format.ts';
import { recordListText } from '../terminal/record-list.ts';
import { selectionFrom, type WantedRecords } from '../views/select-records.ts';

export interface RecordsOptions extends WantedRecords {
  readonly exitStatus: boolean;
  readonly json: boolean;
}

/** Lists the state of records now: what is not final, or what has one of the given statuses. */
export async function records(config: Config, options: RecordsOptions): Promise<ExitCode> {
  const { json } = options;
  const warn = (message: string): void => void process.stderr.write(`disburse: ${message}\n`);
  const { ledger, close } = await openLedgerReader(config, warn);
  const now = systemClock.now();
  try {
    const selected = await selectionFrom(ledger, options, now);
    const pauses = await ledger.pauses();
    if (json) for (const record of selected.records) process.stdout.write(`${JSON.stringify(recordView(record, now, pauses))}\n`);
    else process.stdout.write(`${recordListText(selected, { now, pauses, paint: paintFor(process.stdout, process.env) })}\n`);
    if (json && selected.count > selected.records.length)
      warn(`${selected.count} records match; the first ${selected.records.length} are shown. Raise --limit to see more.`);
    return options.exitStatus && selected.count > 0 ? exitCodes.needsAttention : exitCodes.ok;
  } finally {
    await close();
  }
}
