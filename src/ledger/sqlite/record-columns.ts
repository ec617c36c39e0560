/**
 * The columns of a record that a step may change, in the groups in which they change together: an update names only
 * the groups that differ, so that it touches no index in vain.
 */
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { statusCode } from '../codes.ts';

export type ColumnValue = number | string | null | Uint8Array;

interface ChangeGroup {
  readonly columns: readonly string[];
  same(before: LedgerRecord, after: LedgerRecord): boolean;
  /** Adds the values of the columns, in their order. */
  push(values: ColumnValue[], after: LedgerRecord): void;
}

export const chainBytes = ({ audit }: LedgerRecord): Uint8Array | null => (audit === null ? null : Buffer.from(audit.chain, 'hex'));

const amendmentsText = ({ amendments }: LedgerRecord): string | null => (amendments.length === 0 ? null : JSON.stringify(amendments));

const alertsText = ({ alerts }: LedgerRecord): string | null => (alerts.length === 0 ? null : JSON.stringify(alerts));

const isUnproven = ({ sessionId, isSessionProven }: LedgerRecord): boolean => sessionId !== null && !isSessionProven;

export const changeGroups: readonly ChangeGroup[] = [
  {
    columns: ['status'],
    same: (before, after) => before.status === after.status,
    push: (values, after) => values.push(statusCode[after.status]),
  },
  {
    columns: ['first_sent_at', 'sends'],
    same: (before, after) => before.firstSentAt === after.firstSentAt && before.sends === after.sends,
    push: (values, after) => values.push(after.firstSentAt, after.sends),
  },
  {
    columns: ['first_sent_wall', 'first_sent_uptime'],
    same: (before, after) =>
      before.sentClocks?.wallAt === after.sentClocks?.wallAt && before.sentClocks?.uptimeMs === after.sentClocks?.uptimeMs,
    push: (values, after) => values.push(after.sentClocks?.wallAt ?? null, after.sentClocks?.uptimeMs ?? null),
  },
  {
    columns: ['key_lifetime_ms', 'idempotency_header'],
    same: (before, after) => before.keyLifetimeMs === after.keyLifetimeMs && before.idempotencyHeader === after.idempotencyHeader,
    push: (values, after) => values.push(after.keyLifetimeMs, after.idempotencyHeader),
  },
  {
    columns: ['lease_owner', 'lease_until'],
    same: (before, after) => before.leaseOwner === after.leaseOwner && before.leaseUntil === after.leaseUntil,
    push: (values, after) => values.push(after.leaseOwner, after.leaseUntil),
  },
  {
    columns: ['arrived', 'session_id', 'session_unproven', 'entry_id'],
    same: (before, after) =>
      before.alreadyReceived === after.alreadyReceived &&
      before.sessionId === after.sessionId &&
      before.isSessionProven === after.isSessionProven &&
      before.entryId === after.entryId,
    push: (values, after) => values.push(after.alreadyReceived ? 1 : 0, after.sessionId, isUnproven(after) ? 1 : 0, after.entryId),
  },
  {
    columns: ['confirm_session', 'cancel_session'],
    same: (before, after) => before.confirmSession === after.confirmSession && before.cancelSession === after.cancelSession,
    push: (values, after) => values.push(after.confirmSession, after.cancelSession),
  },
  {
    columns: ['reason_code', 'reason_description'],
    same: (before, after) => before.reason?.code === after.reason?.code && before.reason?.description === after.reason?.description,
    push: (values, after) => values.push(after.reason?.code ?? null, after.reason?.description ?? null),
  },
  {
    columns: ['resend_code', 'resend_description'],
    same: (before, after) => before.resend?.code === after.resend?.code && before.resend?.description === after.resend?.description,
    push: (values, after) => values.push(after.resend?.code ?? null, after.resend?.description ?? null),
  },
  {
    columns: ['due_at'],
    same: (before, after) => before.dueAt === after.dueAt,
    push: (values, after) => values.push(after.dueAt),
  },
  {
    columns: ['checks'],
    same: (before, after) => before.checks === after.checks,
    push: (values, after) => values.push(after.checks),
  },
  {
    columns: ['audit_number', 'audit_chain'],
    same: (before, after) => before.audit?.chain === after.audit?.chain,
    push: (values, after) => values.push(after.audit?.number ?? null, chainBytes(after)),
  },
  {
    columns: ['alerts', 'has_alert'],
    same: (before, after) => before.alerts === after.alerts,
    push: (values, after) => values.push(alertsText(after), after.alerts.some(({ acknowledged }) => !acknowledged) ? 1 : null),
  },
  {
    columns: ['resolved_by', 'awaits_since', 'previous_session', 'amendments'],
    same: (before, after) =>
      before.resolvedBy === after.resolvedBy &&
      before.awaitsConfirmationSince === after.awaitsConfirmationSince &&
      before.previousSession === after.previousSession &&
      before.amendments === after.amendments,
    push: (values, after) => values.push(after.resolvedBy, after.awaitsConfirmationSince, after.previousSession, amendmentsText(after)),
  },
  {
    columns: ['attempt', 'idempotency_key'],
    same: (before, after) => before.attempt === after.attempt && before.idempotencyKey === after.idempotencyKey,
    push: (values, after) => values.push(after.attempt, after.idempotencyKey),
  },
];
