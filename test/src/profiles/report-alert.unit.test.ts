import { describe, expect, it } from 'vitest';
import { alertOf, type AlertKind } from '../../../batches/record/alert.ts';
import { createLogger } from '../../../src/logger.ts';
import { createAlertReporter } from '../../../src/profiles/report-alert.ts';
import { createAlertSink } from '../../../producers/alerts.ts';
import { alertSchema } from '../../../batches/record/alert-event.ts';
import { at, keys, sentRecord } from '../../support/builders.ts';

describe('an alert', () => {
  const record = sentRecord({ recordId: 'inv-1', amountMinor: 123_456n, currency: 'EUR', status: 'unknown' });
  const mismatch = alertOf('evidence_mismatch', record, {
    sessionId: 'ps_1',
    seen: [{ amount: '99', currency: 'usd' }],
    description: 'Session ps_1 shows another amount.',
  });
  const reporting = () => {
    const lines: Record<string, unknown>[] = [];
    const counted: AlertKind[] = [];
    const logger = createLogger('info', { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) });
    const written: string[] = [];
    const sink = createAlertSink({
      async publish(entries) {
        written.push(...entries.map(({ json }) => json));
        return { mark: null };
      },
      close: async () => undefined,
    });
    const metrics = { alert: (kind: AlertKind) => void counted.push(kind) };
    return { lines, counted, written, report: createAlertReporter({ keys, sink, clock: { now: () => at }, logger, metrics }) };
  };

  it('is one event, one log line with a stable event name and both amounts, and one count, however often it is met', async () => {
    const { lines, counted, written, report } = reporting();
    await Promise.all([report(mismatch), report(mismatch)]);
    await report(mismatch);
    await report({ ...mismatch, sessionId: 'ps_2', fact: 'ps_2' });
    await report({ ...mismatch, recordId: 'inv-2' });
    expect(counted).toEqual(['evidence_mismatch', 'evidence_mismatch', 'evidence_mismatch']);
    expect(lines).toHaveLength(3);
    const [event, ...others] = written.map((line) => alertSchema.parse(JSON.parse(line)));
    expect(others).toHaveLength(2);
    expect(event).toEqual({
      event_id: keys.alertId({ alert: 'evidence_mismatch', about: 'inv-1', fact: 'ps_1' }),
      version: 1,
      alert: 'evidence_mismatch',
      record_id: 'inv-1',
      batch_id: record.batchId,
      session_id: 'ps_1',
      expected: { amount_details: { amount: 123_456, currency: 'EUR' } },
      seen: { amount_details: [{ amount: 99, currency: 'usd' }] },
      description: 'Session ps_1 shows another amount.',
      occurred_at: '2026-11-21T08:00:00.000Z',
    });
    expect(lines[0]).toMatchObject({
      level: 'error',
      event: 'alert',
      alert: 'evidence_mismatch',
      record_id: 'inv-1',
      batch_id: record.batchId,
      session_id: 'ps_1',
      expected: { amount: '123456', currency: 'EUR' },
      seen: [{ amount: '99', currency: 'usd' }],
      msg: 'ALERT: record inv-1, EUR 1234.56. Session ps_1 shows another amount. The gateway shows USD 0.99.',
    });
  });

  it('shows an amount that is none as the gateway shows it', async () => {
    const { lines, report } = reporting();
    await report({ ...mismatch, seen: [{ amount: '1e3', currency: 'doge' }] });
    expect(lines[0]?.['msg']).toContain('The gateway shows DOGE 1e3.');
  });
});
