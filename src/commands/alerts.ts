/** Lists alerts that no person has acknowledged, as the ledger has them, and acknowledges those of a record. */
import type { AlertEvent } from '../../batches/record/alert-event.ts';
import { createKeyDerivation, type KeyDerivation } from '../../batches/record/idempotency-key.ts';
import type { LedgerRecord } from '../../batches/record/record.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { openLedgerReader } from '../profiles/open-profile.ts';
import type { LedgerReader } from '../profiles/profile.ts';
import { alertListText } from '../terminal/alert-list.ts';
import { columnsOf } from '../terminal/width.ts';
import { operateAll, personOf, reasonOf, type PersonOptions } from './operate.ts';

const pageSize = 500;

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

/** What the ledger has of an alert; amounts seen at the gateway are in the alert event only. */
export type KnownAlert = Omit<AlertEvent, 'seen'>;

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
      else if (shown.length < pageSize) shown.push(alert);
    }
    if (!json) process.stdout.write(`${alertListText(shown, count, columnsOf(process.stdout))}\n`);
    return exitCodes.ok;
  } finally {
    await close();
  }
}

async function* openAlerts(ledger: LedgerReader['ledger'], keys: KeyDerivation): AsyncGenerator<KnownAlert> {
  for (let after: string | undefined; ;) {
    const page = await ledger.alerted({ limit: pageSize, ...(after === undefined ? {} : { after }) });
    for (const { record } of page) yield* await alertsOf(ledger, keys, record);
    if (page.length < pageSize) return;
    after = page.at(-1)?.cursor;
  }
}

/** The audit trail has the words of each alert. */
async function alertsOf(ledger: LedgerReader['ledger'], keys: KeyDerivation, record: LedgerRecord): Promise<readonly KnownAlert[]> {
  const entries = (await ledger.trail(record.recordId)).map(({ text }) => JSON.parse(text) as TrailEntry);
  const { recordId, batchId, amountMinor, currency } = record;
  return record.alerts
    .filter(({ acknowledged }) => !acknowledged)
    .map(({ alert, fact, at }) => {
      const detail = entries.find(
        (entry) => entry.event === 'alert' && entry.detail['alert'] === alert && entry.detail['fact'] === fact,
      )?.detail;
      const sessionId = detail?.['session_id'];
      return {
        event_id: keys.alertId({ alert, about: recordId, fact }),
        version: 1,
        alert: alert as KnownAlert['alert'],
        record_id: recordId,
        batch_id: batchId,
        ...(typeof sessionId === 'string' ? { session_id: sessionId } : {}),
        expected: { amount_details: { amount: Number(amountMinor), currency } },
        description: String(detail?.['description'] ?? ''),
        occurred_at: new Date(at).toISOString(),
      };
    });
}

interface TrailEntry {
  readonly event: string;
  readonly detail: Readonly<Record<string, unknown>>;
}
