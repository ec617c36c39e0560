/** Reports as the sandbox makes them, read from disk and held beside a ledger: CSV and XLSX have one answer. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEndRecord } from '../../../batches/reconciliation/end-record.ts';
import { reconcile } from '../../../batches/reconciliation/reconcile.ts';
import type { ReconciliationAnswer } from '../../../batches/reconciliation/reconciliation-answer.ts';
import { openReport } from '../../../consumers/gateway-report/read-report.ts';
import { reportColumns, reportCsv, reportXlsx } from '../../../sandbox/report.ts';
import { createMemoryStore, openMemoryLedger } from '../../../src/ledger/memory/ledger.ts';
import { metadataOf } from '../../batches/reconciliation/report-rows.ts';
import { at, batchA, keys, manifest, transitionSettings } from '../../support/builders.ts';
import { admitted, intent, moved, step } from '../../support/ledger-steps.ts';

type Row = Readonly<Record<(typeof reportColumns)[number], string>>;

const rowOf = (recordId: string, patch: Partial<Row> = {}): Row => ({
  ...{ operationId: `po_${recordId}`, transactionDate: '2026-11-21', finishedAt: '2026-11-21T08:00:00Z', typeOfPayment: 'Advice' },
  ...{ paymentFast: 'false', paymentSessionId: `ps_${recordId}`, paymentSessionMerchantMetadata: metadataOf(recordId) },
  ...{ paymentMethodIdentity: 'BE68539007547034', product: 'payout', grossLocalAmount: '12.30', paymentLocalAmount: '12.30' },
  ...{ feesLocalAmount: '0.00', 'Currency amount': 'EUR', 'Currency fee': 'EUR', RRN: '000000000001' },
  ...patch,
});

const rows: readonly Row[] = [
  rowOf('lost'),
  rowOf('paid'),
  rowOf('paid', { typeOfPayment: 'Refund' }),
  rowOf('cut-1', { paymentSessionMerchantMetadata: metadataOf('cut-1').slice(0, 17) }),
  rowOf('other', { paymentLocalAmount: '12.29' }),
  rowOf('unknown', { paymentSessionMerchantMetadata: '' }),
  rowOf('broken', { 'Currency amount': 'EURO' }),
];

/** The answer, and the status of each record afterwards. */
async function answerTo(
  content: string | Buffer,
  name: string,
): Promise<{ answer: ReconciliationAnswer; statuses: string; alerts: string[] }> {
  const ledger = openMemoryLedger({ store: createMemoryStore(), rules: transitionSettings, clock: { now: () => at }, owner: 'one' });
  await ledger.openBatch(manifest(batchA));
  const recordIds = ['lost', 'paid', 'cut-1', 'other', 'here'];
  for (const [index, recordId] of recordIds.entries()) {
    const sent = await moved(ledger, intent(await admitted(ledger, recordId, index + 2)));
    if (recordId === 'paid' || recordId === 'here')
      await moved(
        ledger,
        step(sent, { status: 'succeeded', sessionId: `ps_${recordId}`, isSessionProven: true, entryId: `po_${recordId}`, dueAt: null }),
      );
  }
  const folder = mkdtempSync(join(tmpdir(), 'report-'));
  const alerts: string[] = [];
  try {
    const path = join(folder, name);
    writeFileSync(path, content);
    const { lines, days } = await openReport(path);
    const answer = await reconcile(lines, days, {
      ...{ keys, ledger },
      end: createEndRecord({ ledger, settings: transitionSettings, now: () => at }),
      raise: async ({ alert, recordId }) => void alerts.push(`${alert} ${recordId}`),
    });
    const records = await Promise.all(recordIds.map((recordId) => ledger.record(recordId)));
    return { answer, statuses: records.map((record) => `${record?.recordId} ${record?.status}`).join(', '), alerts };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('a report of the sandbox beside a ledger', () => {
  it('ends what it proves, and lists everything else once', async () => {
    const { answer, statuses, alerts } = await answerTo(reportCsv(rows), 'shop_2026-11-21_2026-11-21.csv');
    expect(answer).toMatchObject({
      ...{ rows: 7, matched: 1, ended: 1, repeated: 0, days: { from: '2026-11-21', to: '2026-11-21' } },
      refunds: [{ record_id: 'paid', session_id: 'ps_paid', line: 4 }],
      candidates: [{ record_id: 'cut-1', session_id: 'ps_cut-1', line: 5 }],
      different: [{ record_id: 'other', session_id: 'ps_other', line: 6, code: 'amount_differs' }],
      only_there: [{ session_id: 'ps_unknown', line: 7 }],
      unreadable: [{ session_id: 'ps_broken', line: 8, code: 'currency' }],
      only_here: [{ record_id: 'here', session_id: 'ps_here' }],
    });
    expect(statuses).toBe('lost succeeded, paid succeeded, cut-1 submitting, other submitting, here succeeded');
    expect(alerts).toEqual(['refunded paid', 'evidence_mismatch other']);
    const { rows: all, unreadable, ...decided } = answer.totals;
    const { only_here: _onlyHere, ...ofRows } = decided;
    expect(Object.values(ofRows).reduce((sum, { count }) => sum + count, unreadable.count)).toBe(all.count);
  });

  it('has the same answer as XLSX and as CSV', async () => {
    const name = 'shop_2026-11-21_2026-11-21';
    expect(await answerTo(await reportXlsx(rows), `${name}.xlsx`)).toEqual(await answerTo(reportCsv(rows), `${name}.csv`));
  });
});
