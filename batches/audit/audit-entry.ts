/** One entry of the audit trail of a record, as a ledger keeps it and as `disburse explain` shows it. */

export const auditEvents = [
  'admitted',
  'duplicate',
  'conflict',
  'rejected',
  'intent',
  'not_sent',
  'answer',
  'resend',
  'status_check',
  'webhook',
  'report',
  'confirm',
  'cancel',
  'status',
  'alert',
  'paused',
  'resumed',
  'cancelled',
  'retried',
  'resolved',
  'approved',
  'restored',
  'retention',
] as const;

export type AuditEventName = (typeof auditEvents)[number];

export type AuditDetail = Readonly<Record<string, string | number | boolean>>;

/** What a step writes into the trail. @property by who decided it; absent for what disburse does by itself */
export interface AuditNote {
  readonly event: AuditEventName;
  readonly by?: string;
  readonly detail: AuditDetail;
}

/**
 * How far the trail of a record goes.
 *
 * @property number of the newest entry, from 1
 * @property chain 64 hex digits: the published hash of that entry, and a half that is kept only here, so that the end of a
 *   trail cannot be cut by somebody who can only read it
 */
export interface AuditHead {
  readonly number: number;
  readonly chain: string;
}

/**
 * An entry as it is kept.
 *
 * @property text JSON, hashed as it is: `{"number","at","event","by"?,"detail"}`; `at` is milliseconds since the epoch
 * @property hash 32 hex digits
 */
export interface AuditEntry {
  readonly number: number;
  readonly text: string;
  readonly hash: string;
}

/** What is appended by one step: usually one entry. */
export interface AuditStep {
  readonly head: AuditHead;
  readonly entries: readonly AuditEntry[];
}

/** The content of an entry's text. */
export interface ReadAuditEntry extends AuditNote {
  readonly number: number;
  readonly at: number;
}

/** The published half of the newest entry's hash. */
export const publishedHash = ({ chain }: AuditHead): string => chain.slice(0, 32);

/** @returns undefined for a text that is no entry */
export function readAuditEntry(text: string): ReadAuditEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { number, at, event, by, detail } = (value ?? {}) as Partial<ReadAuditEntry>;
  const isEntry =
    typeof number === 'number' &&
    typeof at === 'number' &&
    (auditEvents as readonly unknown[]).includes(event) &&
    (by === undefined || typeof by === 'string') &&
    typeof detail === 'object';
  return isEntry ? (value as ReadAuditEntry) : undefined;
}

const beginning = /^\{"number":\d+,"at":\d+,"event":"([a-z_]+)"/;

/** The event of an entry, without reading all of it. @returns undefined for a text that is no entry */
export const auditEventOf = (text: string): AuditEventName | undefined => {
  const event = beginning.exec(text)?.[1];
  return auditEvents.find((one) => one === event) ?? readAuditEntry(text)?.event;
};
