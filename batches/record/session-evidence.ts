/**
 * What a session of the gateway proves about a record: the whole of it is judged, every entry and every amount, so that
 * no entry is believed beside another one that says otherwise.
 */
import type { CustomerAction } from '../gateway/customer-action.ts';
import {
  readSession,
  toMap,
  type GatewayError,
  type GatewaySession,
  type Refund,
  type SessionEntry,
  type ShownAmount,
} from '../gateway/session.ts';
import { maskQuoted } from '../instruction/masks.ts';
import { withSession } from './packed.ts';
import type { LedgerRecord, Reason } from './record.ts';

/** What a session says, before its amounts are compared. */
export type SessionClaim = 'pending' | 'awaiting_confirmation' | 'awaiting_capture' | 'succeeded' | 'failed' | 'cancelled';

/** Whether a session of this claim waits for our confirmation or capture. */
export const asksUs = (claim: string | null): claim is 'awaiting_confirmation' | 'awaiting_capture' =>
  claim === 'awaiting_confirmation' || claim === 'awaiting_capture';

/**
 * - a claim of its own: every amount that is needed is shown, and all of them equal the ledger's
 * - `unproven`: nothing in it names this record, so nothing is concluded from it
 * - `amount_missing`, `amount_differs`: what it claims is not believed
 * - `contradiction`: its parts exclude each other, or name another record
 * - `double_payment`: more than one entry succeeded
 */
export type SessionVerdict =
  | { readonly type: SessionClaim }
  | { readonly type: 'unproven' }
  | { readonly type: 'amount_missing' | 'amount_differs'; readonly claim: SessionClaim }
  | { readonly type: 'contradiction'; readonly description: string }
  | { readonly type: 'double_payment' };

export interface SessionEvidence {
  readonly sessionId: string;
  readonly entryId: string | null;
  /** Our metadata is in it, or it was accepted for this record before. */
  readonly isProven: boolean;
  readonly verdict: SessionVerdict;
  /** The gateway's own error, masked. */
  readonly reason: Reason | null;
  /** The payer has to act before it goes on; how, where that is shown. Null: nothing says so. */
  readonly payer: { readonly action: CustomerAction | null } | null;
  /** Money that went back, or is to. */
  readonly refunds: readonly Refund[];
  readonly updatedAt: string | undefined;
  /** Every amount that it shows, for people. */
  readonly shown: readonly { readonly amount: string; readonly currency: string }[];
}

export type SessionEvidenceReading =
  | { readonly type: 'none' }
  /** It breaks its own form, or speaks of another record, attempt or session. */
  | { readonly type: 'untrusted' }
  | { readonly type: 'session'; readonly session: SessionEvidence };

/** @param value the member `session` of an answer or webhook */
export function readSessionEvidence(value: unknown, asked: LedgerRecord): SessionEvidenceReading {
  const read = readSession(value);
  if (read.type === 'none') return read;
  if (read.type === 'unreadable') return { type: 'untrusted' };
  const { session } = read;
  const record = withSession(asked, session.id);
  const owners = session.entries.map((entry) => ownerOf(entry.metadata, record));
  const sessionOwner = ownerOf(session.metadata, record);
  const isKnown = record.sessionId === session.id;
  const isProven = (isKnown && record.isSessionProven) || sessionOwner === 'ours' || owners.includes('ours');
  if (sessionOwner === 'other' || (!isProven && owners.includes('other'))) return { type: 'untrusted' };
  // One session a record; only an unproven one gives way, to a proven one.
  if (record.sessionId !== null && !isKnown && (record.isSessionProven || !isProven)) return { type: 'untrusted' };
  return {
    type: 'session',
    session: {
      sessionId: session.id,
      entryId: decisiveEntry(session.entries)?.id ?? null,
      isProven,
      verdict: !isProven
        ? { type: 'unproven' }
        : owners.includes('other')
          ? { type: 'contradiction', description: 'One of its entries names another record or attempt.' }
          : judge(session, record),
      reason: reasonOf(session.entries.find(({ error }) => error !== undefined)?.error ?? session.error),
      payer: actionOf(session),
      refunds: session.entries.flatMap(({ refunds }) => refunds),
      updatedAt: session.updatedAt,
      shown: shownAmounts(session).map(({ minor, currency }) => ({ amount: String(minor), currency })),
    },
  };
}

/**
 * Whose it is, by the metadata that we sent. Record id and attempt must both be there to prove that it is ours; one
 * member that differs proves that it is not.
 */
function ownerOf(metadata: unknown, record: LedgerRecord): 'ours' | 'other' | 'silent' {
  const map = toMap(metadata);
  const recordId = map?.['record_id'];
  const attempt = map?.['attempt'];
  const key = map?.['idempotency_key'];
  if (differs(recordId, record.recordId) || differs(attempt, String(record.attempt)) || differs(key, record.idempotencyKey)) return 'other';
  return isShown(recordId) && isShown(attempt) ? 'ours' : 'silent';
}

const isShown = (value: unknown): boolean => value !== undefined && value !== null;

const differs = (value: unknown, expected: string): boolean =>
  isShown(value) && (typeof value === 'string' || typeof value === 'number' ? String(value) : '') !== expected;

/** What the payer has to do for an entry that can still succeed. */
function actionOf({ entries, customerAction }: GatewaySession): SessionEvidence['payer'] {
  const running = entries.filter(({ status }) => status === 'running' || status === 'waiting');
  if (running.length === 0) return null;
  const action = running.map((entry) => entry.customerAction).find((one) => one !== null) ?? customerAction;
  return action === null ? null : { action };
}

const inOrder = ['succeeded', 'waiting', 'running', 'failed', 'cancelled'] as const;

const decisiveEntry = (entries: readonly SessionEntry[]): SessionEntry | undefined =>
  entries.length < 2
    ? entries[0]
    : inOrder.map((status) => entries.find((entry) => entry.status === status)).find((entry) => entry !== undefined);

const shownAmounts = ({ amount, entries }: GatewaySession): readonly ShownAmount[] =>
  [amount, ...entries.map((entry) => entry.amount)].filter((one) => one !== undefined);

function countOf<T>(all: readonly T[], which: (one: T) => boolean): number {
  let count = 0;
  for (const one of all) if (which(one)) count += 1;
  return count;
}

function judge(session: GatewaySession, record: LedgerRecord): SessionVerdict {
  const { entries, status } = session;
  const having = (wanted: SessionEntry['status']): number => countOf(entries, (entry) => entry.status === wanted);
  const waiting = having('waiting');
  const running = having('running');
  if (having('succeeded') > 1) return { type: 'double_payment' };
  const paid = entries.find((entry) => entry.status === 'succeeded');
  if (paid !== undefined) {
    if (waiting > 0) return { type: 'contradiction', description: 'One of its entries succeeded while another one waits.' };
    if (running > 0) return { type: 'pending' };
    // The amount of the session is that of its only entry.
    const own = paid.amount ?? (entries.length === 1 ? session.amount : undefined);
    return withAmounts('succeeded', record, own === undefined ? [] : [own, session.amount]);
  }
  const ended = waiting + running > 0 ? null : endOf(session, having('cancelled'), record);
  if (ended !== null) return withAmounts(ended, record, shownAmounts(session));
  const asks = asksOf(session, record);
  if (asks !== null && status !== 'cancelled' && waiting > 0 && running === 0) {
    if (waiting > 1) return { type: 'contradiction', description: 'Several of its entries wait for confirmation.' };
    return withAmounts(asks, record, [
      entries.find((entry) => entry.status === 'waiting')?.amount ?? session.amount,
      ...shownAmounts(session),
    ]);
  }
  const pending = withAmounts('pending', record, shownAmounts(session));
  return pending.type === 'amount_missing' ? { type: 'pending' } : pending;
}

/** Only payments are captured. */
const asksOf = ({ asksFor }: GatewaySession, { kind }: LedgerRecord): 'awaiting_confirmation' | 'awaiting_capture' | null =>
  asksFor === 'confirm' ? 'awaiting_confirmation' : asksFor === 'capture' && kind === 'payment' ? 'awaiting_capture' : null;

/** How a session ended of which no entry succeeded or can succeed any more; null: it has not ended. */
function endOf({ id, status, entries }: GatewaySession, cancelled: number, record: LedgerRecord): 'failed' | 'cancelled' | null {
  if (status === 'cancelled') return entries.length === 0 || cancelled > 0 || record.cancelSession === id ? 'cancelled' : 'failed';
  return status === 'accepted' && entries.length > 0 && cancelled === 0 ? 'failed' : null;
}

/** @param needed the first one must be shown; all that are must equal the ledger's */
function withAmounts(claim: SessionClaim, record: LedgerRecord, needed: readonly (ShownAmount | undefined)[]): SessionVerdict {
  const isEqual = ({ minor, currency }: ShownAmount): boolean => minor === record.amountMinor && currency === record.currency;
  const shown = countOf(needed, (one) => one !== undefined);
  const equal = countOf(needed, (one) => one !== undefined && isEqual(one));
  if (equal < shown) {
    if (asksUs(claim) && equal > 0)
      return { type: 'contradiction', description: 'It shows other amounts or currencies besides the requested ones.' };
    return { type: 'amount_differs', claim };
  }
  return needed[0] === undefined ? { type: 'amount_missing', claim } : { type: claim };
}

/**
 * Webhooks overtake each other, and the answers of sends: of a session that is known, what shows no end says nothing against
 * what is decided or held. Status checks need no such rule, since each is newer than the one before.
 */
export function isEarlierStage(record: LedgerRecord, { sessionId, isProven, verdict }: SessionEvidence): boolean {
  if (record.sessionId !== sessionId || !record.isSessionProven || !isProven) return false;
  const claim = verdict.type === 'amount_missing' ? verdict.claim : verdict.type;
  const isDecided = record.status === 'unknown' || record.confirmSession !== null || record.cancelSession !== null;
  return isDecided && (claim === 'pending' || asksUs(claim));
}

/** A session accepted once for a record stays its session: any other one is a second session, whatever shows it. */
export const isSecondSession = (record: LedgerRecord, { sessionId }: SessionEvidence): boolean =>
  record.sessionId !== null && record.isSessionProven && record.sessionId !== sessionId;

/** What the gateway says may quote an account; the end is cut after masking, so that no half of a number remains. */
export const maskedText = (text: string): string => maskQuoted(text).slice(0, 500);

const reasonOf = (error: GatewayError | undefined): Reason | null =>
  error === undefined
    ? null
    : {
        code: maskedText(error.code.slice(0, 64)),
        description: maskedText(error.description ?? 'The gateway gave no description.'),
      };
