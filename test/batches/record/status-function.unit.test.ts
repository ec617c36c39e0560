/** The status function over all pairs of what is known of a record and what the gateway shows: what holds in every one. */
import { describe, expect, it } from 'vitest';
import { alertAfterEnd } from '../../../batches/record/alert.ts';
import { applySession } from '../../../batches/record/apply-evidence.ts';
import { readStatusCheck } from '../../../batches/record/evidence.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { asksUs, type SessionEvidence } from '../../../batches/record/session-evidence.ts';
import { isFinal, mayFollow, statuses, type RecordStatus } from '../../../batches/record/status.ts';
import { at, queuedRecord, sentRecord, transitionSettings } from '../../support/builders.ts';

const ended: ReadonlySet<string> = new Set(['accepted', 'cancelled', 'canceled']);
const sessionStatuses = ['created', 'in_progress', 'accepted', 'cancelled', 'canceled', 'error', 'a_status_of_tomorrow'];
const entryStatuses = ['in_progress', 'pending', 'succeeded', 'failed', 'cancelled', 'canceled', 'a_status_of_tomorrow'];
const known: ReadonlySet<string> = new Set(entryStatuses.slice(0, -1));
const nextActions = [undefined, 'confirm', 'capture', 'an_action_of_tomorrow', { type: 'redirect', url: 'https://bank.example/' }];
const equal = { amount: 1230, currency: 'eur' };
const amounts = [equal, { amount: 1229, currency: 'eur' }, { amount: 1230, currency: 'usd' }, undefined];

interface Shown {
  readonly status: string;
  readonly entries: readonly string[];
  readonly nextAction: unknown;
  readonly amount: (typeof amounts)[number];
}

/** Every session with no entry, one, or a failed one and another. */
const allShown: readonly Shown[] = sessionStatuses.flatMap((status) =>
  [[], ...entryStatuses.map((entry) => [entry]), ...entryStatuses.map((entry) => ['failed', entry])].flatMap((entries) =>
    nextActions.flatMap((nextAction) => amounts.map((amount) => ({ status, entries, nextAction, amount }))),
  ),
);

const bodyOf = ({ status, entries, nextAction, amount }: Shown, record: LedgerRecord) => ({
  id: 'ps_1',
  status,
  next_action: nextAction,
  metadata: { record_id: record.recordId, attempt: record.attempt },
  [record.kind === 'payout' ? 'payments' : 'acquiring_payments']: entries.map((entry, index) => ({
    id: `po_${index}`,
    status: entry,
    ...(amount === undefined ? {} : { amount_details: amount }),
  })),
});

const recordStatuses = statuses.filter((status): status is RecordStatus => status !== 'conflict' && status !== 'duplicate');
const reason = { code: 'connection_lost', description: 'd' };

/** Records in each status, of both kinds, with what may be known beside it. */
const allKnown: readonly LedgerRecord[] = (['payout', 'payment'] as const).flatMap((kind) =>
  recordStatuses.flatMap((status): LedgerRecord[] => {
    if (status === 'queued' || status === 'rejected') return [queuedRecord({ status, kind })];
    const free = status === 'submitting' ? {} : { leaseOwner: null, leaseUntil: null };
    const of = (patch: Partial<LedgerRecord>): LedgerRecord => sentRecord({ kind, status, ...free, ...patch });
    const own = { sessionId: 'ps_1', isSessionProven: true, alreadyReceived: true };
    const all = [of({ reason }), of(own), of({ ...own, isSessionProven: false }), of({ ...own, confirmSession: 'ps_1' })];
    const cancelling = of({ ...own, cancelSession: 'ps_1', reason });
    return isFinal[status] ? [...all, cancelling, of({ ...own, resolvedBy: 'ann' }), of({ resolvedBy: 'ann' })] : [...all, cancelling];
  }),
);

function evidenceOf(shown: Shown, record: LedgerRecord): SessionEvidence {
  const read = readStatusCheck({ type: 'answer', httpStatus: 200, json: { status: 'ok', session: bodyOf(shown, record) } }, record);
  if (read.type !== 'session') throw new Error(`${JSON.stringify(shown)} is read as ${read.type}`);
  return read.session;
}

interface Pair {
  readonly record: LedgerRecord;
  readonly shown: Shown;
  readonly session: SessionEvidence;
  readonly after: LedgerRecord | null;
}

const pairsOf = (records: readonly LedgerRecord[]): readonly Pair[] =>
  records.flatMap((record) =>
    allShown.map((shown): Pair => {
      const session = evidenceOf(shown, record);
      return { record, shown, session, after: applySession(transitionSettings, record, session, at)?.after ?? null };
    }),
  );

/** Names the first pair in which something does not hold. */
function inEveryPair(
  pairs: readonly Pair[],
  holds: (record: LedgerRecord, shown: Shown, after: LedgerRecord, session: SessionEvidence) => boolean,
): void {
  expect(pairs.length).toBeGreaterThan(10_000);
  const odd = pairs.find(({ record, shown, session, after }) => !holds(record, shown, after ?? record, session));
  if (odd === undefined) return;
  const { kind, status, sessionId, confirmSession, cancelSession, resolvedBy } = odd.record;
  expect.unreachable(JSON.stringify({ record: { kind, status, sessionId, confirmSession, cancelSession, resolvedBy }, shown: odd.shown }));
}
const open = pairsOf(allKnown.filter(({ status }) => !isFinal[status] && status !== 'queued'));
const closed = allKnown.filter(({ status }) => isFinal[status]);

describe('in every pair of known state and evidence', () => {
  it('a final record does not change: what it is shown is an alert, or nothing', () => {
    expect(pairsOf(closed).filter(({ after }) => after !== null)).toEqual([]);
    const paid: Shown = { status: 'accepted', entries: ['succeeded'], nextAction: undefined, amount: equal };
    for (const record of closed.filter(({ status, sessionId }) => sessionId !== null && status !== 'rejected'))
      expect(alertAfterEnd(record, evidenceOf(paid, record)) === null, record.status).toBe(record.status === 'succeeded');
  });

  it('a session in error proves no failure and no cancellation, and neither does one of a status that is not known', () => {
    inEveryPair(open, (_, { status }, { status: end }) => {
      return ended.has(status) || (end !== 'failed' && end !== 'cancelled');
    });
  });

  it('a record is not final while an entry has a status that is not known, is running or waits', () => {
    inEveryPair(open, (_, { entries }, { status }) => {
      const isOpen = entries.some((entry) => !known.has(entry) || entry === 'in_progress' || entry === 'pending');
      return !isOpen || !isFinal[status];
    });
  });

  it('a record succeeds exactly when one entry has succeeded, no other one can, and amount and currency are equal', () => {
    inEveryPair(open, (_, { entries, amount }, { status }) => {
      const isPaid = entries.filter((entry) => entry === 'succeeded').length === 1 && amount === equal;
      return (status === 'succeeded') === isPaid;
    });
  });

  it('a record fails or is cancelled only when amounts are equal, or no amount is shown of a session that we cancelled', () => {
    inEveryPair(open, (record, { entries, amount }, { status: end }) => {
      if (end !== 'failed' && end !== 'cancelled') return true;
      const isOurs = record.cancelSession === 'ps_1' && end === 'cancelled';
      return isOurs || (entries.length === 0 && end === 'cancelled') || amount === equal;
    });
  });

  it('a status moves only forward, and both spellings of cancelled mean the same', () => {
    inEveryPair(open, (record, shown, end, session) => {
      const other = { ...shown, status: shown.status === 'cancelled' ? 'canceled' : shown.status };
      const isSame = JSON.stringify(session) === JSON.stringify(evidenceOf(other, record));
      return isSame && (end.status === record.status || mayFollow[record.status].includes(end.status));
    });
  });

  it('a session asks us for something only while one entry waits with equal amounts, and for a capture only of a payment', () => {
    inEveryPair(open, (record, { status, entries, nextAction, amount }, _, session) => {
      const { type } = session.verdict;
      const isAsked =
        (nextAction === 'confirm' || (nextAction === 'capture' && record.kind === 'payment')) &&
        status !== 'cancelled' &&
        status !== 'canceled' &&
        entries.at(-1) === 'pending' &&
        amount === equal;
      return asksUs(type) === isAsked && (!isAsked || (type === 'awaiting_capture') === (nextAction === 'capture'));
    });
  });
});
