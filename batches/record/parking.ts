/**
 * Parking: what is admitted and may not be sent now waits in the ledger, so that nothing behind it waits. A parked record is
 * `queued` with a reason; it has no due time until what it waits for has come.
 */
import type { Change } from './change.ts';
import { whyHeld, type Approval, type Hold } from './gates.ts';
import type { Pause } from './pause.ts';
import type { LedgerRecord, Reason } from './record.ts';
import type { TransitionSettings } from './resend-rules.ts';
import { recordEvent } from './result-event.ts';
import { schedule, write } from './step.ts';

/** Why a record is parked; `body_missing` and `earlier_attempt` wait for a person. */
export const parkingCodes = [
  'paused',
  'underfunded',
  'day_total_reached',
  'not_before',
  'awaiting_approval',
  'body_missing',
  'earlier_attempt',
] as const;
export type ParkingCode = (typeof parkingCodes)[number];

/** What ends with a pause. */
const endsWithPause: ReadonlySet<string> = new Set(['paused', 'underfunded']);

export const isParked = ({ status, reason }: LedgerRecord): boolean =>
  status === 'queued' && reason !== null && (parkingCodes as readonly string[]).includes(reason.code);

/** Whether it waits for a person to look, rather than for the end of a pause. */
export const waitsForLook = (record: LedgerRecord): boolean =>
  isParked(record) && (record.reason?.code === 'body_missing' || record.reason?.code === 'earlier_attempt');

/** Whether it can be sent as soon as nothing pauses it. */
export const waitsForResume = (record: LedgerRecord): boolean => isParked(record) && endsWithPause.has(record.reason?.code ?? '');

/** Whether it can be sent as soon as its file is approved. */
export const waitsForApproval = (record: LedgerRecord): boolean => isParked(record) && record.reason?.code === 'awaiting_approval';

/** Whether it is sent by itself at a time that has not come, or when a person raises the limit of the day. */
export const waitsForDay = (record: LedgerRecord): boolean => isParked(record) && record.reason?.code === 'day_total_reached';

/** Whether it is sent by itself at a time that is known. */
export const waitsForTime = (record: LedgerRecord): boolean =>
  isParked(record) && record.dueAt !== null && (record.reason?.code === 'not_before' || record.reason?.code === 'day_total_reached');

/**
 * @property bytes kept for the time when it is sent; never with a card number
 * @property dueAt when it is looked at again by itself; absent for what only a person ends
 */
export interface Parking {
  readonly reason: Reason & { readonly code: ParkingCode };
  readonly dueAt?: number;
  readonly bytes?: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Null when it is parked for this reason already, or is not queued any more: nothing more is published then. */
export function park(rules: TransitionSettings, record: LedgerRecord, { reason, bytes, dueAt: again, at }: Parking): Change | null {
  // A body with a card number is never kept: only its row or message can be sent.
  const dueAt = again === undefined || record.hasCardNumber ? null : again;
  const isSame = record.reason?.code === reason.code;
  if (record.status !== 'queued' || (isSame && record.dueAt === dueAt)) return null;
  // What waits for another day waits for the same: nothing more is published.
  if (isSame && dueAt !== null) return schedule(record, { reason, dueAt });
  const note = { event: 'paused', detail: { code: reason.code, description: reason.description } } as const;
  const change = write(rules, record, { patch: { reason, dueAt, sequence: record.sequence + 1 }, note, at });
  return {
    ...change,
    event: recordEvent(rules.keys, change.after, at),
    ...(bytes === undefined || record.hasCardNumber ? {} : { body: { keep: bytes } }),
  };
}

/** Due at once; null when it does not wait for that. @param by who ended the pause; absent where disburse noticed its end */
export const unpark = (
  rules: TransitionSettings,
  record: LedgerRecord,
  { by, at }: { readonly by?: string; readonly at: number },
): Change | null =>
  waitsForResume(record) || waitsForDay(record)
    ? write(rules, record, {
        // A body with a card number is never kept: only its row or message can be sent.
        patch: { reason: null, dueAt: record.hasCardNumber ? null : at },
        note: { event: 'resumed', ...(by === undefined ? {} : { by }), detail: {} },
        at,
      })
    : null;

/** Due at once; null when it does not wait for that. It is published: a rebuilt ledger knows by it that the file is approved. */
export function approve(rules: TransitionSettings, record: LedgerRecord, { by, reason, hash }: Approval, at: number): Change | null {
  if (!waitsForApproval(record)) return null;
  const told = { code: 'approved', description: `${by} approved its file: ${reason}` };
  const change = write(rules, record, {
    patch: { reason: told, dueAt: record.hasCardNumber ? null : at, sequence: record.sequence + 1 },
    note: { event: 'approved', by, detail: { reason, hash } },
    at,
  });
  return { ...change, event: recordEvent(rules.keys, change.after, at) };
}

/** How a record is parked that a gate holds. */
export const holdParking = (hold: Hold): Pick<Parking, 'reason' | 'dueAt'> => ({
  reason: { code: hold.code, description: `It waits to be sent: ${whyHeld(hold)}.` },
  ...('until' in hold ? { dueAt: hold.until } : {}),
});

/** The reason of a record that a pause parks. */
export const pauseReason = (pause: Pause, why: string): Parking['reason'] => ({
  code: pause.code === 'underfunded' ? 'underfunded' : 'paused',
  description: `It waits to be sent: ${why}.`,
});

/** Why the next attempt may not be sent: an alert, which no person has acknowledged, says that an earlier one was paid. */
export function whyHeldByAlert({ recordId, attempt, alerts }: LedgerRecord): Parking['reason'] | null {
  if (attempt === 1 || !alerts.some(({ alert, acknowledged }) => alert === 'possible_double_payment' && !acknowledged)) return null;
  return {
    code: 'earlier_attempt',
    description: `The gateway shows that an earlier attempt of record ${recordId} was paid, so attempt ${attempt} is not sent. A person must look at both there; then disburse alerts acknowledge ${recordId} and disburse retry ${recordId}, or cancel it.`,
  };
}
