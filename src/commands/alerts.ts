/** Lists alerts that no person has acknowledged, as the ledger has them, and acknowledges those of a record. */
import { createKeyDerivation } from '../../batches/record/idempotency-key.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { openLedgerReader } from '../profiles/open-profile.ts';
import { alertListText } from '../terminal/alert-list.ts';
import { columnsOf } from '../terminal/width.ts';
import { openAlerts, type KnownAlert } from '../views/open-alerts.ts';
import { operateAll, reasonOf, type PersonOptions } from './operate.ts';
import { personOf } from './person.ts';

const shownAtMost = 500;

/** @param args nothing, or `acknowledge` and record ids */
export async function alerts(config: Config, args: readonly string[], options: PersonOptions): Promise<ExitCode> {
  const [action, ...recordIds] = args;
  if (action === undefined || action === 'list') return list(config, options.json);
  if (action !== 'acknowledge') throw new CommandError(exitCodes.usage, `alerts ${action}: expected list or acknowledge.`);
  if (recordIds.length === 0) throw new CommandError(exitCodes.usage, 'alerts acknowledge needs at least one record id.');
  const person = { by: personOf(options), reason: reasonOf(options) };
  return operateAll(
    config,
    [...new Set(recordIds)].map((recordId) => ({ type: 'acknowledge', recordId, ...person })),
    options.json,
  );
}

async function list(config: Config, json: boolean): Promise<ExitCode> {
  const warn = (message: string): void => void process.stderr.write(`disburse: ${message}\n`);
  const { ledger, close } = await openLedgerReader(config, warn);
  const keys = createKeyDerivation(config.settings.GATEWAY_PROJECT ?? '');
  try {
    let count = 0;
    const shown: KnownAlert[] = [];
    for await (const alert of openAlerts(ledger, keys)) {
      count += 1;
      if (json) process.stdout.write(`${JSON.stringify(alert)}\n`);
      else if (shown.length < shownAtMost) shown.push(alert);
    }
    if (!json) process.stdout.write(`${alertListText(shown, count, columnsOf(process.stdout))}\n`);
    return exitCodes.ok;
  } finally {
    await close();
  }
}
