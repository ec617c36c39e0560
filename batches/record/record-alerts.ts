/** Alerts on the record that they name, beside the sink where all alerts go: what `records` shows until a person acknowledges it. */
import type { AuditNote } from '../audit/audit-entry.ts';
import { hasAlert, type Alert } from './alert.ts';
import type { Change } from './change.ts';
import { fromDetail } from './person-steps.ts';
import type { LedgerRecord, RecordAlert } from './record.ts';
import type { TransitionSettings } from './resend-rules.ts';
import { write } from './step.ts';

/** Alerts that a record keeps. */
export const maxRecordAlerts = 20;

type AuditRules = Pick<TransitionSettings, 'audit'>;

/**
 * Writes an alert onto its record, also onto a final one: its status stays, and no result is published. The oldest
 * acknowledged alerts give way. A record whose alerts are all open and as many as it can keep stays as it is: the sink has
 * every alert.
 *
 * @param at milliseconds since the epoch
 * @returns null when the record has the alert already, or no room for it
 */
export function raiseAlert(rules: AuditRules, record: LedgerRecord, alert: Alert, at: number): Change | null {
  if (hasAlert(record, alert)) return null;
  const kept = withRoom(record.alerts);
  if (kept === null) return null;
  const raised: RecordAlert = { alert: alert.alert, fact: alert.fact, at, acknowledged: false };
  const { sessionId, description } = alert;
  const detail = { alert: alert.alert, fact: alert.fact, ...(sessionId === null ? {} : { session_id: sessionId }), description };
  return write(rules, record, { patch: { alerts: [...kept, raised] }, note: { event: 'alert', detail }, at });
}

/** Without the oldest acknowledged ones, so that one more has room; null when all are open. */
function withRoom(alerts: readonly RecordAlert[]): readonly RecordAlert[] | null {
  let excess = alerts.length + 1 - maxRecordAlerts;
  const kept = alerts.filter(({ acknowledged }) => {
    if (excess <= 0 || !acknowledged) return true;
    excess -= 1;
    return false;
  });
  return excess > 0 ? null : kept;
}

export interface Acknowledgement {
  /** Who has looked at the alerts. */
  readonly by: string;
  /** Where that person is; absent on the command line. */
  readonly from?: string | undefined;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A person has looked at every alert of the record. @returns null when none is open */
export function acknowledgeAlerts(rules: AuditRules, record: LedgerRecord, { by, from, reason, at }: Acknowledgement): Change | null {
  const open = record.alerts.filter(({ acknowledged }) => !acknowledged);
  if (open.length === 0) return null;
  const kinds = [...new Set(open.map(({ alert }) => alert))].join(', ');
  const note: AuditNote = { event: 'alert', by, detail: { acknowledged: open.length, alerts: kinds, reason, ...fromDetail(from) } };
  return write(rules, record, { patch: { alerts: record.alerts.map((one) => ({ ...one, acknowledged: true })) }, note, at });
}
