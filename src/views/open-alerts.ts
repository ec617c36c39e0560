/** Alerts that no person has acknowledged, as the ledger has them. */
import type { AlertEvent } from '../../batches/record/alert-event.ts';
import type { KeyDerivation } from '../../batches/record/idempotency-key.ts';
import type { LedgerRecord } from '../../batches/record/record.ts';
import type { LedgerReader } from '../profiles/profile.ts';

const pageSize = 500;

/** What the ledger has of an alert; amounts seen at the gateway are in the alert event only. */
export type KnownAlert = Omit<AlertEvent, 'seen'>;

/** In the order of the ledger. */
export async function* openAlerts(ledger: LedgerReader['ledger'], keys: KeyDerivation): AsyncGenerator<KnownAlert> {
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
