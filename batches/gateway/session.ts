/** A session as the gateway shows it, read whole: every entry and every amount. Source: docs/gateway.md. */
import { readCustomerAction, type CustomerAction } from './customer-action.ts';

/** In minor units; the currency in upper case. */
export interface ShownAmount {
  readonly minor: bigint;
  readonly currency: string;
}

export interface GatewayError {
  readonly code: string;
  readonly description: string | undefined;
}

/** Statuses that are not listed count as running: nothing is concluded from them. */
export type EntryStatus = 'succeeded' | 'failed' | 'cancelled' | 'waiting' | 'running';

/** Money that went back after an entry had succeeded. */
export interface Refund {
  readonly id: string | undefined;
  readonly amount: ShownAmount | undefined;
  readonly isChargeback: boolean;
  /** It was asked for and not made. */
  readonly isDeclined: boolean;
}

export interface SessionEntry {
  readonly id: string | undefined;
  readonly status: EntryStatus;
  readonly amount: ShownAmount | undefined;
  readonly metadata: unknown;
  readonly error: GatewayError | undefined;
  readonly refunds: readonly Refund[];
  /** What the payer has to do. */
  readonly customerAction: CustomerAction | null;
}

export interface GatewaySession {
  readonly id: string;
  /** As it is shown; it is compared with nothing but itself. */
  readonly updatedAt: string | undefined;
  readonly status: 'accepted' | 'cancelled' | 'open';
  /** What it asks us for. */
  readonly asksFor: 'confirm' | 'capture' | null;
  readonly amount: ShownAmount | undefined;
  readonly metadata: unknown;
  readonly entries: readonly SessionEntry[];
  readonly error: GatewayError | undefined;
  readonly customerAction: CustomerAction | null;
}

/** `unreadable`: a session that breaks its own form, so that nothing in it is believed. */
export type SessionReading =
  { readonly type: 'none' } | { readonly type: 'unreadable' } | { readonly type: 'session'; readonly session: GatewaySession };

type JsonMap = Readonly<Record<string, unknown>>;

export const toMap = (value: unknown): JsonMap | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonMap) : undefined;

/** A text of ordinary length, as ids, codes and statuses are. */
export const toText = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' && value.length <= 256 ? value : undefined;

/** Far deeper than any session. What shows one is refused before, since its copies are compared level by level. */
export const maxSessionDepth = 64;

const entryStatuses: ReadonlyMap<string, EntryStatus> = new Map([
  ['succeeded', 'succeeded'],
  ['failed', 'failed'],
  ['pending', 'waiting'],
  // Documented of sessions only, in both spellings.
  ['cancelled', 'cancelled'],
  ['canceled', 'cancelled'],
]);
const maxEntries = 1_000;

class UnreadableError extends Error {}

/** @param value the member `session` of an answer or webhook */
export function readSession(value: unknown): SessionReading {
  if (value === undefined || value === null) return { type: 'none' };
  const map = toMap(value);
  const id = toText(map?.['id']);
  const status = toText(map?.['status']);
  if (map === undefined || id === undefined || status === undefined) return { type: 'unreadable' };
  try {
    return { type: 'session', session: sessionFrom(map, id, status) };
  } catch (cause) {
    if (cause instanceof UnreadableError) return { type: 'unreadable' };
    throw cause;
  }
}

const sessionFrom = (map: JsonMap, id: string, status: string): GatewaySession => ({
  id,
  updatedAt: toText(map['updated_at']),
  // Both spellings occur. A session in `error` is not final.
  status: status === 'canceled' || status === 'cancelled' ? 'cancelled' : status === 'accepted' ? 'accepted' : 'open',
  asksFor: map['next_action'] === 'confirm' || map['next_action'] === 'capture' ? map['next_action'] : null,
  amount: readAmount(map['amount_details']),
  metadata: readMetadata(map['metadata']),
  // A session of either kind has one of the lists; an entry in the other one counts like any other.
  entries: withoutCopies([...listOf(map['payments']), ...listOf(map['acquiring_payments'])]).map(readEntry),
  error: readGatewayError(map['error']),
  customerAction: actionOf(map),
});

const actionOf = (map: JsonMap): CustomerAction | null =>
  readCustomerAction(map['customer_interaction']) ?? readCustomerAction(map['next_action']);

/** What identifies a record is text or a plain number. A member of any other type becomes an empty text, which equals none. */
function readMetadata(value: unknown): unknown {
  const map = toMap(value);
  if (map === undefined) return value;
  const names = Object.keys(map);
  if (names.every((name) => isPlain(map[name]))) return map;
  return Object.fromEntries(names.map((name) => [name, isPlain(map[name]) ? map[name] : '']));
}

const isPlain = (member: unknown): boolean => member === null || typeof member === 'string' || typeof member === 'number';

function listOf(value: unknown): readonly JsonMap[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > maxEntries) throw new UnreadableError();
  return value.map((one) => {
    const entry = toMap(one);
    if (entry === undefined) throw new UnreadableError();
    return entry;
  });
}

/** An entry that is in both lists is one entry, as long as both say the same of it. */
function withoutCopies(entries: readonly JsonMap[]): readonly JsonMap[] {
  if (entries.length < 2) return entries;
  const seen = new Set<string>();
  return entries.filter((entry) => {
    if (toText(entry['id']) === undefined) return true;
    const text = JSON.stringify(entry);
    const isNew = !seen.has(text);
    seen.add(text);
    return isNew;
  });
}

const readEntry = (entry: JsonMap): SessionEntry => ({
  id: toText(entry['id']),
  status: entryStatuses.get(toText(entry['status']) ?? '') ?? 'running',
  amount: readAmount(entry['amount_details']),
  metadata: readMetadata(entry['metadata']),
  error: readGatewayError(entry['error']),
  refunds: listOf(entry['refunds']).map(readRefund),
  customerAction: actionOf(entry),
});

const declined: ReadonlySet<unknown> = new Set(['declined', 'error', 'failed']);

const readRefund = (refund: JsonMap): Refund => ({
  id: toText(refund['id']),
  amount: readAmount(refund['amount_details']),
  isChargeback: refund['is_chargeback'] === true,
  isDeclined: declined.has(refund['status']),
});

function readAmount(value: unknown): ShownAmount | undefined {
  if (value === undefined || value === null) return undefined;
  const details = toMap(value);
  if (details === undefined) throw new UnreadableError();
  const { amount, currency } = details;
  if (amount === undefined || amount === null || currency === undefined || currency === null) return undefined;
  if (!Number.isSafeInteger(amount) || typeof currency !== 'string') throw new UnreadableError();
  return { minor: BigInt(amount as number), currency: currency.toUpperCase() };
}

export function readGatewayError(value: unknown): GatewayError | undefined {
  const error = toMap(value);
  const code = toText(error?.['code']);
  return code === undefined ? undefined : { code, description: toText(error?.['description']) };
}
