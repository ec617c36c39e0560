/** What a person decided, and what the gateway shows afterwards. */
import { describe, expect, it } from 'vitest';
import { alertAfterEnd, contradictionAlert, newAlert } from '../../../batches/record/alert.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { raiseAlert } from '../../../batches/record/record-alerts.ts';
import { readSessionEvidence, type SessionEvidence } from '../../../batches/record/session-evidence.ts';
import { at, sentRecord, session, transitionSettings } from '../../support/builders.ts';

type Parts = NonNullable<Parameters<typeof session>[0]>;
const ended = (status: 'succeeded' | 'failed' | 'cancelled', patch: Partial<LedgerRecord> = {}): LedgerRecord =>
  sentRecord({
    status,
    resolvedBy: 'ann',
    reason: { code: 'resolved', description: 'the bank says so' },
    leaseOwner: null,
    leaseUntil: null,
    ...patch,
  });
const withSession = { sessionId: 'ps_1', isSessionProven: true, alreadyReceived: true } as const;

const shows = (record: LedgerRecord, parts: Parts): SessionEvidence => {
  const read = readSessionEvidence(session(parts), record);
  if (read.type !== 'session') throw new Error(`the session is ${read.type}`);
  return read.session;
};
const kindOf = (record: LedgerRecord, parts: Parts) => alertAfterEnd(record, shows(record, parts))?.alert ?? 'nothing';

const paid: Parts = { status: 'accepted', entryStatus: 'succeeded' };
const failed: Parts = { status: 'accepted', entryStatus: 'failed' };
const cancelled: Parts = { status: 'cancelled', entryStatus: 'cancelled' };
const running: Parts = {};
const asks: Parts = { nextAction: 'confirm', entryStatus: 'pending' };

describe.each([
  ['whose session was known', withSession],
  ['whose session was not known', { sessionId: null }],
] as const)('a record that a person ended, %s', (_, known) => {
  it.each([
    ['succeeded', 'succeeded', paid, 'nothing'],
    ['succeeded', 'failed', failed, 'resolved_differently'],
    ['succeeded', 'cancelled', cancelled, 'resolved_differently'],
    ['succeeded', 'running', running, 'nothing'],
    ['succeeded', 'asking for confirmation', asks, 'nothing'],
    ['succeeded', 'succeeded with another amount', { ...paid, amount: 1229 }, 'resolved_differently'],
    ['failed', 'succeeded', paid, 'resolved_differently'],
    ['failed', 'failed', failed, 'nothing'],
    ['failed', 'cancelled', cancelled, 'nothing'],
    ['failed', 'failed with another amount', { ...failed, amount: 1229 }, 'nothing'],
    ['failed', 'succeeded with another amount', { ...paid, amount: 1229 }, 'resolved_differently'],
    ['cancelled', 'succeeded', paid, 'resolved_differently'],
    ['cancelled', 'failed', failed, 'nothing'],
  ] as const)('as %s, and is shown as %s: %s', (status, _what, parts, alert) => {
    expect(kindOf(ended(status, known), parts)).toBe(alert);
  });
});

describe('a record that a person ended as failed or cancelled', () => {
  it.each(['failed', 'cancelled'] as const)('%s is contradicted by a first session that is still open', (status) => {
    for (const parts of [running, asks]) {
      expect(kindOf(ended(status, { sessionId: null }), parts)).toBe('resolved_differently');
      expect(kindOf(ended(status, withSession), parts)).toBe('nothing');
    }
  });
});

describe('after the word of a person', () => {
  it('two entries that succeeded are a possible double payment', () => {
    const two = session(paid);
    const [entry] = two['payments'] as object[];
    const record = ended('succeeded', withSession);
    const read = readSessionEvidence({ ...two, payments: [entry, { ...entry, id: 'po_2' }] }, record);
    expect(read.type === 'session' ? alertAfterEnd(record, read.session)?.alert : read.type).toBe('possible_double_payment');
  });

  it('another entry of its session that succeeded agrees with it', () => {
    expect(kindOf(ended('succeeded', { ...withSession, entryId: 'po_0' }), paid)).toBe('nothing');
  });

  it('a contradiction that is on the record already, which the person had seen, is no other alert', () => {
    const open = sentRecord({ ...withSession, status: 'unknown' });
    const wrong = { ...paid, amount: 1229 };
    const before = contradictionAlert(open, shows(open, wrong));
    if (before === null) throw new Error('nothing contradicts');
    const { alerts } = raiseAlert(transitionSettings, open, before, at)?.after ?? open;
    expect(kindOf(ended('succeeded', { ...withSession, alerts }), wrong)).toBe('nothing');
    expect(kindOf(ended('succeeded', { ...withSession, alerts }), { ...paid, amount: 1228, currency: 'usd' })).toBe('nothing');
    expect(kindOf(ended('succeeded', { ...withSession, alerts }), failed)).toBe('resolved_differently');
  });

  it('a refusal of the first send contradicts only that it succeeded', () => {
    const refused = { type: 'refused', code: 'account_not_found', reason: { code: 'account_not_found', description: 'd' } } as const;
    const alertOf = (record: LedgerRecord) => newAlert(record, record, refused)?.alert;
    expect(alertOf(ended('succeeded', { sessionId: null }))).toBe('resolved_differently');
    expect(alertOf(ended('failed', { sessionId: null }))).toBeUndefined();
    expect(alertOf(ended('cancelled', { sessionId: null }))).toBeUndefined();
  });

  it('an end that the gateway proved is contradicted by a mismatch of evidence', () => {
    expect(kindOf(ended('failed', { ...withSession, resolvedBy: null }), paid)).toBe('evidence_mismatch');
    expect(kindOf(ended('succeeded', { ...withSession, resolvedBy: null }), failed)).toBe('evidence_mismatch');
  });
});
