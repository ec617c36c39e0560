import { describe, expect, it } from 'vitest';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { readSessionEvidence, type SessionVerdict } from '../../../batches/record/session-evidence.ts';
import { sentRecord } from '../../support/builders.ts';

const ours = { record_id: 'inv-1', attempt: 1 };
const money = (amount: unknown = 1230, currency: unknown = 'eur') => ({ amount, currency });

interface Entry {
  readonly status: string;
  readonly amount?: unknown;
  readonly metadata?: unknown;
  readonly error?: unknown;
}
const entryOf = ({ status, ...more }: Entry, index: number) => ({
  id: `po_${index + 1}`,
  status,
  amount_details: 'amount' in more ? more.amount : money(),
  metadata: 'metadata' in more ? more.metadata : ours,
  ...('error' in more ? { error: more.error } : {}),
});
/** A session of `inv-1`; an entry is its status, or more of it. */
const sessionOf = (status: string, entries: readonly (string | Entry)[], more: object = {}) => ({
  id: 'ps_1',
  status,
  payments: entries.map((entry, index) => entryOf(typeof entry === 'string' ? { status: entry } : entry, index)),
  ...more,
});
const asks = { next_action: 'confirm' };

const evidenceOf = (shown: unknown, patch: Partial<LedgerRecord> = {}) => {
  const read = readSessionEvidence(shown, sentRecord(patch));
  if (read.type !== 'session') throw new Error(`the session is ${read.type}`);
  return read.session;
};
const verdictOf = (shown: unknown, patch: Partial<LedgerRecord> = {}): SessionVerdict => evidenceOf(shown, patch).verdict;
const known = { sessionId: 'ps_1', isSessionProven: true } as const;

describe('a session with one entry', () => {
  it.each([
    ['in_progress', 'in_progress', {}, 'pending'],
    ['created', 'in_progress', {}, 'pending'],
    ['in_progress', 'pending', asks, 'awaiting_confirmation'],
    ['in_progress', 'pending', {}, 'pending'],
    ['accepted', 'succeeded', {}, 'succeeded'],
    ['in_progress', 'succeeded', {}, 'succeeded'],
    ['cancelled', 'succeeded', {}, 'succeeded'],
    ['accepted', 'failed', {}, 'failed'],
    ['cancelled', 'failed', {}, 'failed'],
    ['canceled', 'failed', {}, 'failed'],
    // A session error is not final, not even beside a failed entry.
    ['error', 'failed', {}, 'pending'],
    ['error', 'in_progress', {}, 'pending'],
    ['in_progress', 'failed', {}, 'pending'],
    ['cancelled', 'in_progress', {}, 'pending'],
    ['canceled', 'pending', asks, 'pending'],
    ['in_progress', 'never_heard_of', asks, 'pending'],
    ['cancelled', 'cancelled', {}, 'cancelled'],
    ['canceled', 'canceled', {}, 'cancelled'],
    ['accepted', 'cancelled', {}, 'pending'],
    ['accepted', 'constructor', {}, 'pending'],
  ])('%s with entry %s and %j is %s', (status, entry, more, type) => {
    expect(verdictOf(sessionOf(status, [entry], more))).toEqual({ type });
  });
});

describe('a session with several entries', () => {
  it.each([
    ['accepted', ['failed', 'succeeded'], {}, 'succeeded'],
    ['accepted', ['succeeded', 'failed'], {}, 'succeeded'],
    ['cancelled', ['failed', 'succeeded'], {}, 'succeeded'],
    ['accepted', ['failed', 'in_progress'], {}, 'pending'],
    ['cancelled', ['failed', 'in_progress'], {}, 'pending'],
    ['cancelled', ['failed', 'pending'], {}, 'pending'],
    ['accepted', ['succeeded', 'in_progress'], {}, 'pending'],
    ['accepted', ['failed', 'failed'], {}, 'failed'],
    ['in_progress', ['failed', 'pending'], asks, 'awaiting_confirmation'],
    ['in_progress', ['in_progress', 'pending'], asks, 'pending'],
    ['in_progress', ['pending', 'pending'], asks, 'contradiction'],
    ['in_progress', ['succeeded', 'pending'], asks, 'contradiction'],
    ['canceled', ['failed', 'canceled'], {}, 'cancelled'],
    ['cancelled', ['cancelled', 'in_progress'], {}, 'pending'],
    ['cancelled', ['cancelled', 'succeeded'], {}, 'succeeded'],
    ['accepted', ['failed', 'cancelled'], {}, 'pending'],
    ['accepted', ['succeeded', 'succeeded'], {}, 'double_payment'],
    ['cancelled', ['succeeded', 'failed', 'succeeded'], {}, 'double_payment'],
  ])('%s with entries %j and %j is %s', (status, entries, more, type) => {
    expect(verdictOf(sessionOf(status, entries, more)).type).toBe(type);
  });

  it('of a payment is judged alike, whichever list its entries are in', () => {
    const { payments, ...rest } = sessionOf('accepted', ['failed', 'succeeded']);
    expect(verdictOf({ ...rest, acquiring_payments: payments }, { kind: 'payment' })).toEqual({ type: 'succeeded' });
    // In both lists it is one entry.
    expect(verdictOf({ ...rest, payments, acquiring_payments: payments })).toEqual({ type: 'succeeded' });
    const [first, second] = payments;
    expect(verdictOf({ ...rest, payments: [second], acquiring_payments: [{ ...first, status: 'succeeded' }] }).type).toBe('double_payment');
  });
});

it.each([
  ['cancelled', [], {}, 'cancelled'],
  ['accepted', [], {}, 'pending'],
  ['in_progress', [], asks, 'pending'],
])('a session %s without entries and %j is %s', (status, entries, more, type) => {
  expect(verdictOf(sessionOf(status, entries, { ...more, metadata: ours, amount_details: money() }))).toEqual({ type });
});

it('a session that we had cancelled is cancelled, though its entry is called failed', () => {
  expect(verdictOf(sessionOf('cancelled', ['failed']), { cancelSession: 'ps_1' })).toEqual({ type: 'cancelled' });
  expect(verdictOf(sessionOf('cancelled', ['failed', 'succeeded']), { cancelSession: 'ps_1' })).toEqual({ type: 'succeeded' });
});

describe('the amounts of a session', () => {
  it.each([
    ['of its only entry', sessionOf('in_progress', ['pending'], asks), 'awaiting_confirmation'],
    [
      'in any case of the currency',
      sessionOf('in_progress', [{ status: 'pending', amount: money(1230, 'EuR') }], asks),
      'awaiting_confirmation',
    ],
    [
      'of its own only',
      sessionOf('in_progress', [{ status: 'pending', amount: undefined }], { ...asks, amount_details: money() }),
      'awaiting_confirmation',
    ],
    ['missing', sessionOf('in_progress', [{ status: 'pending', amount: undefined }], asks), 'amount_missing'],
    ['without currency', sessionOf('in_progress', [{ status: 'pending', amount: { amount: 1230 } }], asks), 'amount_missing'],
    ['other', sessionOf('in_progress', [{ status: 'pending', amount: money(1231) }], asks), 'amount_differs'],
    ['in another currency', sessionOf('in_progress', [{ status: 'pending', amount: money(1230, 'usd') }], asks), 'amount_differs'],
    [
      'other in all places',
      sessionOf('in_progress', [{ status: 'pending', amount: money(7) }], { ...asks, amount_details: money(7) }),
      'amount_differs',
    ],
    [
      'other in the session only',
      sessionOf('in_progress', ['pending'], { ...asks, amount_details: money(99_999_999, 'usd') }),
      'contradiction',
    ],
    ['other in a failed entry only', sessionOf('in_progress', [{ status: 'failed', amount: money(7) }, 'pending'], asks), 'contradiction'],
  ])('that asks for confirmation, %s: %s', (_name, shown, type) => {
    expect(verdictOf(shown).type).toBe(type);
  });

  it.each([
    ['equal', ['succeeded'], {}, 'succeeded'],
    ['equal in the session too', ['succeeded'], { amount_details: money() }, 'succeeded'],
    ['other in the session', ['succeeded'], { amount_details: money(1231) }, 'amount_differs'],
    ['other in the entry', [{ status: 'succeeded', amount: money(1231) }], {}, 'amount_differs'],
    ['other in a failed entry', [{ status: 'failed', amount: money(1231) }, 'succeeded'], {}, 'succeeded'],
    ['of the session, which has one entry', [{ status: 'succeeded', amount: undefined }], { amount_details: money() }, 'succeeded'],
    [
      'of the session, which has two entries',
      ['failed', { status: 'succeeded', amount: undefined }],
      { amount_details: money() },
      'amount_missing',
    ],
    ['missing', [{ status: 'succeeded', amount: undefined }], {}, 'amount_missing'],
  ])('that succeeded, %s', (_name, entries, more, type) => {
    expect(verdictOf(sessionOf('accepted', entries, more)).type).toBe(type);
  });

  it('that failed, or was cancelled, must not differ either', () => {
    expect(verdictOf(sessionOf('accepted', [{ status: 'failed', amount: money(7) }]))).toEqual({ type: 'amount_differs', claim: 'failed' });
    expect(verdictOf(sessionOf('cancelled', [], { metadata: ours, amount_details: money(7) }))).toEqual({
      type: 'amount_differs',
      claim: 'cancelled',
    });
    expect(verdictOf(sessionOf('accepted', [{ status: 'failed', amount: undefined }]))).toEqual({
      type: 'amount_missing',
      claim: 'failed',
    });
  });

  it('are all shown to people', () => {
    const shown = sessionOf('accepted', ['failed', { status: 'succeeded', amount: money(7, 'usd') }], { amount_details: money() });
    expect(evidenceOf(shown).shown).toEqual([money('1230', 'EUR'), money('1230', 'EUR'), money('7', 'USD')]);
  });
});

describe('whose a session is', () => {
  const silent = { status: 'succeeded', metadata: undefined };

  it.each([
    ['the session names the record', sessionOf('accepted', [silent], { metadata: ours }), true],
    ['an entry names the record', sessionOf('accepted', [silent, { status: 'failed' }]), true],
    ['the attempt is a text', sessionOf('accepted', [{ status: 'succeeded', metadata: { record_id: 'inv-1', attempt: '1' } }]), true],
    ['nothing names the record', sessionOf('accepted', [silent]), false],
    ['only the record id is there', sessionOf('accepted', [{ status: 'succeeded', metadata: { record_id: 'inv-1' } }]), false],
    ['only the attempt is there', sessionOf('accepted', [{ status: 'succeeded', metadata: { attempt: 1 } }]), false],
    ['the metadata is a text', sessionOf('accepted', [{ status: 'succeeded', metadata: 'inv-1' }]), false],
  ])('is decided by its metadata: %s', (_name, shown, isProven) => {
    expect(evidenceOf(shown)).toMatchObject({ isProven, verdict: { type: isProven ? 'succeeded' : 'unproven' } });
  });

  it('stays the record’s once it was accepted: entries without metadata are its own', () => {
    expect(evidenceOf(sessionOf('accepted', [silent]), known)).toMatchObject({ isProven: true, verdict: { type: 'succeeded' } });
    expect(evidenceOf(sessionOf('accepted', [silent]), { ...known, isSessionProven: false })).toMatchObject({
      verdict: { type: 'unproven' },
    });
  });

  it.each([
    { record_id: 'inv-2', attempt: 1 },
    { record_id: 'inv-1', attempt: 2 },
    { record_id: 'inv-1', attempt: 1, idempotency_key: 'another' },
    { record_id: { toString: 'inv-1' }, attempt: 1 },
  ])('is another record’s when its metadata is %j', (metadata) => {
    expect(readSessionEvidence(sessionOf('accepted', [{ status: 'succeeded', metadata }]), sentRecord())).toEqual({ type: 'untrusted' });
    expect(readSessionEvidence(sessionOf('accepted', ['succeeded'], { metadata }), sentRecord())).toEqual({ type: 'untrusted' });
    // Beside an entry that is ours it contradicts.
    expect(verdictOf(sessionOf('accepted', ['succeeded', { status: 'failed', metadata }])).type).toBe('contradiction');
    expect(verdictOf(sessionOf('accepted', [{ status: 'succeeded', metadata }]), known).type).toBe('contradiction');
  });

  it('is not the record’s when another one is; an unproven one gives way to a proven one only', () => {
    const other = { ...sessionOf('accepted', ['succeeded']), id: 'ps_2' };
    expect(readSessionEvidence(other, sentRecord(known))).toEqual({ type: 'untrusted' });
    const unproven = sentRecord({ ...known, isSessionProven: false });
    expect(readSessionEvidence(other, unproven)).toMatchObject({ session: { sessionId: 'ps_2', isProven: true } });
    expect(readSessionEvidence({ ...sessionOf('accepted', [silent]), id: 'ps_2' }, unproven)).toEqual({ type: 'untrusted' });
  });
});

it('the entry that decides is named, and the error of the gateway is masked', () => {
  const error = { code: 'account_not_found', description: 'no account 4242424242424242' };
  const failed = evidenceOf(sessionOf('accepted', [{ status: 'failed', error }]));
  expect(failed).toMatchObject({ entryId: 'po_1', reason: { code: 'account_not_found' } });
  expect(JSON.stringify(failed)).not.toContain('4242424242424242');
  expect(evidenceOf(sessionOf('accepted', ['failed', 'succeeded'])).entryId).toBe('po_2');
  expect(evidenceOf(sessionOf('in_progress', [], { metadata: ours, error })).reason).toMatchObject({ code: 'account_not_found' });
});
