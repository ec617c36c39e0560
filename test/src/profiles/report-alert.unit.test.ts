import { describe, expect, it } from 'vitest';
import { alertOf, type AlertKind } from '../../../batches/record/alert.ts';
import { createLogger } from '../../../src/logger.ts';
import { createAlertReporter } from '../../../src/profiles/report-alert.ts';
import { sentRecord } from '../../support/builders.ts';

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
    return { lines, counted, report: createAlertReporter({ logger, metrics: { alert: (kind) => void counted.push(kind) } }) };
  };

  it('is one log line with a stable event name and both amounts, and one count, however often it is met', () => {
    const { lines, counted, report } = reporting();
    report(mismatch);
    report(mismatch);
    report({ ...mismatch, sessionId: 'ps_2' });
    report({ ...mismatch, record: { ...record, recordId: 'inv-2' } });
    expect(counted).toEqual(['evidence_mismatch', 'evidence_mismatch', 'evidence_mismatch']);
    expect(lines).toHaveLength(3);
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

  it('shows an amount that is none as the gateway shows it', () => {
    const { lines, report } = reporting();
    report({ ...mismatch, seen: [{ amount: '1e3', currency: 'doge' }] });
    expect(lines[0]?.['msg']).toContain('The gateway shows DOGE 1e3.');
  });
});
