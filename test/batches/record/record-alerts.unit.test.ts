import { describe, expect, it } from 'vitest';
import { readAuditEntry } from '../../../batches/audit/audit-entry.ts';
import { alertOf, type Alert } from '../../../batches/record/alert.ts';
import type { LedgerRecord, RecordAlert } from '../../../batches/record/record.ts';
import { acknowledgeAlerts, maxRecordAlerts, raiseAlert } from '../../../batches/record/record-alerts.ts';
import { recordView } from '../../../batches/record/record-view.ts';
import { statuses, type RecordStatus } from '../../../batches/record/status.ts';
import { at, sentRecord, transitionSettings } from '../../support/builders.ts';

const recordStatuses = statuses.filter((status): status is RecordStatus => status !== 'conflict' && status !== 'duplicate');
const refund = (record: LedgerRecord, fact = 'ps_1:rf_1'): Alert =>
  alertOf('refunded', record, { sessionId: 'ps_1', fact, description: 'Money came back.' });
const raise = (record: LedgerRecord, alert = refund(record)) => raiseAlert(transitionSettings, record, alert, at);

describe('an alert on its record', () => {
  it.each(recordStatuses)('is written while the record is %s, and neither its status nor its results change', (status) => {
    const record = sentRecord({ status });
    const change = raise(record);
    expect(change?.after).toEqual({
      ...record,
      version: record.version + 1,
      audit: change?.after.audit,
      alerts: [{ alert: 'refunded', fact: 'ps_1:rf_1', at, acknowledged: false }],
    });
    expect(change?.event).toBeUndefined();
    expect(change?.body).toBeUndefined();
    expect(readAuditEntry(change?.audit?.at(-1)?.text ?? '')).toMatchObject({
      event: 'alert',
      detail: { alert: 'refunded', fact: 'ps_1:rf_1', session_id: 'ps_1', description: 'Money came back.' },
    });
  });

  it('is there once for each kind and fact, acknowledged or not', () => {
    const once = raise(sentRecord())?.after ?? sentRecord();
    expect(raise(once)).toBeNull();
    const seen = acknowledgeAlerts(transitionSettings, once, { by: 'ann', reason: 'known', at })?.after ?? once;
    expect(raise(seen)).toBeNull();
    expect(raise(once, refund(once, 'ps_1:rf_2'))?.after.alerts).toHaveLength(2);
    expect(raise(once, { ...refund(once), alert: 'charged_back' })?.after.alerts).toHaveLength(2);
  });

  it('takes the place of the oldest acknowledged one when the record has as many as it keeps', () => {
    const alerts = Array.from({ length: maxRecordAlerts }, (_, index): RecordAlert => ({
      ...{ alert: 'refunded', fact: `f${index}`, at },
      acknowledged: index === 3 || index === 5,
    }));
    const after = raise(sentRecord({ alerts }))?.after.alerts;
    expect(after).toHaveLength(maxRecordAlerts);
    expect(after?.map(({ fact }) => fact)).toEqual([...alerts.map(({ fact }) => fact).filter((fact) => fact !== 'f3'), 'ps_1:rf_1']);
  });

  it('leaves a record as it is that has as many open ones as it keeps', () => {
    const alerts = Array.from({ length: maxRecordAlerts }, (_, index) => ({
      alert: 'refunded',
      fact: `f${index}`,
      at,
      acknowledged: false,
    }));
    expect(raise(sentRecord({ alerts }))).toBeNull();
  });

  it('is shown with its time until a person acknowledges it, who is named in the trail with the reason', () => {
    const raised = raise(sentRecord({ status: 'succeeded' }))?.after ?? sentRecord();
    const timed = { record: raised, admittedAt: at, changedAt: at };
    expect(recordView(timed, at).alerts).toEqual([{ alert: 'refunded', at: '2026-11-21T08:00:00.000Z' }]);
    const change = acknowledgeAlerts(transitionSettings, raised, { by: 'ann', reason: 'paid back by hand', at: at + 1 });
    const after = change?.after ?? raised;
    expect(recordView({ ...timed, record: after }, at)).not.toHaveProperty('alerts');
    expect(readAuditEntry(change?.audit?.[0]?.text ?? '')).toEqual({
      ...{ number: raised.audit === null ? 0 : raised.audit.number + 1, at: at + 1, event: 'alert', by: 'ann' },
      detail: { acknowledged: 1, alerts: 'refunded', reason: 'paid back by hand' },
    });
    expect(acknowledgeAlerts(transitionSettings, after, { by: 'bob', reason: 'again', at })).toBeNull();
  });
});
