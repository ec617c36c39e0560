import { describe, expect, it } from 'vitest';
import { decideAdmission } from '../../../batches/record/admission.ts';
import { applyFirstSend } from '../../../batches/record/apply-evidence.ts';
import { readFirstSend } from '../../../batches/record/evidence.ts';
import { recordIntent } from '../../../batches/record/transitions.ts';
import { isParked, park, unpark, waitsForResume } from '../../../batches/record/parking.ts';
import { cancelRecord, currentFingerprint, resolveRecord, retryRecord, whyNotRetry } from '../../../batches/record/person-steps.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import {
  admission,
  at,
  batchA,
  instructionOf,
  lineOf,
  queuedRecord,
  sentRecord,
  transitionSettings,
  valid,
} from '../../support/builders.ts';

const person = { by: 'alice', reason: 'looked', at };
const body = Buffer.from('{"a":1}');
const failed = (patch: Partial<LedgerRecord> = {}): LedgerRecord =>
  sentRecord({ status: 'failed', sessionId: 'ps_1', isSessionProven: true, leaseOwner: null, leaseUntil: null, ...patch });
const retried = (record: LedgerRecord) => retryRecord(transitionSettings, record, { ...person, body });
const after = (decision: ReturnType<typeof retried>): LedgerRecord => {
  if (decision.type !== 'change') throw new Error(decision.why);
  return decision.change.after;
};

describe('a retry', () => {
  it('opens the next attempt under its own key, and forgets everything of the former one but its session', () => {
    const decision = retried(failed());
    expect(after(decision)).toMatchObject({
      status: 'queued',
      attempt: 2,
      idempotencyKey: transitionSettings.keys.idempotencyKey('payout', 'inv-1', 2),
      sends: 0,
      firstSentAt: null,
      sessionId: null,
      confirmSession: null,
      alreadyReceived: false,
      previousSession: 'ps_1',
      dueAt: at,
    });
    expect(decision).toMatchObject({
      change: { body: { keep: body }, event: { status: 'queued', attempt: 2, error: { code: 'retried' } } },
    });
  });

  it.each<[string, Partial<LedgerRecord>]>([
    ['succeeded', { status: 'succeeded' }],
    ['in progress', { status: 'in_progress' }],
    ['unknown', { status: 'unknown' }],
    ['rejected', { status: 'rejected' }],
    ["failed by a person's word", { resolvedBy: 'bob' }],
    ['cancelled before it was sent', { status: 'cancelled', sends: 0, sessionId: null }],
    ['cancelled without a session', { status: 'cancelled', sessionId: null }],
    [
      'failed with an alert that is not acknowledged',
      { alerts: [{ alert: 'possible_double_payment', fact: 'f', at, acknowledged: false }] },
    ],
    ['failed with a card number', { hasCardNumber: true }],
  ])('is refused for a record that is %s', (_, patch) => {
    expect(retried(failed(patch))).toMatchObject({ type: 'refused', why: expect.stringContaining('cannot be retried') as string });
  });

  it('is unchanged when it is asked again', () => {
    expect(retried(after(retried(failed())))).toMatchObject({ type: 'unchanged' });
  });

  it('of one that was cancelled before its attempt was sent keeps the session of the attempt before', () => {
    const second = after(retried(failed()));
    const cancelled = after(cancelRecord(transitionSettings, second, person));
    expect(whyNotRetry(cancelled)).toBeNull();
    expect(after(retried(cancelled))).toMatchObject({ attempt: 3, previousSession: 'ps_1' });
  });

  it('of other content keeps both, shows where its money goes, and either is a duplicate afterwards', () => {
    const amendment = { fingerprint: 'other', destination: 'FR**…9999' };
    const decision = retryRecord(transitionSettings, failed({ fingerprint: 'first' }), { ...person, body, amendment });
    expect(decision).toMatchObject({ change: { event: { destination: 'FR**…9999', fingerprint: 'first' } } });
    const record = after(decision);
    expect(currentFingerprint(record)).toBe('other');
    const asked = (print: string) => {
      const { content, ...place } = admission(lineOf(batchA, 9), valid(instructionOf('inv-1')));
      if (content.type !== 'valid') throw new Error('refused');
      const known = { record, fields: () => content.fields, lastSequence: 0 };
      const decided = decideAdmission(transitionSettings, { ...place, content: { ...content, fingerprint: print } }, known);
      return decided.type === 'settled' ? decided.status : decided.type;
    };
    expect(['first', 'other', 'third'].map(asked)).toEqual(['duplicate', 'duplicate', 'conflict']);
  });

  it('of one that waits for its body sends the same attempt', () => {
    const second = after(retried(failed()));
    const parked = park(transitionSettings, second, { reason: { code: 'body_missing', description: 'd' }, at })?.after ?? second;
    expect(after(retried(parked))).toMatchObject({ attempt: 2, idempotencyKey: second.idempotencyKey, dueAt: at, previousSession: 'ps_1' });
  });
});

describe('what is sent from the body that the ledger keeps', () => {
  it.each([
    ['a retry', after(retried(failed()))],
    ['a record that was parked', queuedRecord({ dueAt: at })],
  ])('of %s is due again with its body when it proves unsent', (_, record) => {
    const terms = transitionSettings;
    const clocks = { wallAt: at, uptimeMs: null };
    const intent = recordIntent(record, { owner: 'me', at, clocks, leaseMs: 1_000, bytes: body, terms }).after;
    const unsent = readFirstSend({ type: 'transport', proof: 'not_sent', code: 'lease_over', message: 'm' }, intent);
    const change = applyFirstSend(transitionSettings, intent, { intent, evidence: unsent, at: at + 5 });
    expect(change?.after).toMatchObject({ status: 'queued', dueAt: at + 5, sends: 0 });
    expect(change?.body).toBeUndefined();
  });

  it('of a row is not due, and its body is erased: its file brings it again', () => {
    const clocks = { wallAt: at, uptimeMs: null };
    const intent = recordIntent(queuedRecord(), { owner: 'me', at, clocks, leaseMs: 1_000, bytes: body, terms: transitionSettings }).after;
    const unsent = readFirstSend({ type: 'transport', proof: 'not_sent', code: 'lease_over', message: 'm' }, intent);
    expect(applyFirstSend(transitionSettings, intent, { intent, evidence: unsent, at })).toMatchObject({
      after: { status: 'queued', dueAt: null },
      body: { eraseAt: at },
    });
  });
});

describe('a cancelled record', () => {
  const again = (record: LedgerRecord) =>
    decideAdmission(transitionSettings, admission(lineOf(batchA, 9), valid(instructionOf('inv-1', { amountMinor: 7n }), 'other')), {
      record,
      fields: () => ({ paths: '', digests: new Uint8Array() }),
      lastSequence: 0,
    }).type;

  it('leaves its id free when it was never sent, and bound when an earlier attempt was', () => {
    const unsent = cancelRecord(transitionSettings, queuedRecord(), person);
    expect(unsent).toMatchObject({
      change: { body: { eraseAt: at }, event: { status: 'cancelled', error: { code: 'cancelled_by_operator' } } },
    });
    expect(again(after(unsent))).toBe('admitted');
    expect(again(after(cancelRecord(transitionSettings, after(retried(failed())), person)))).toBe('settled');
  });

  it.each(['submitting', 'in_progress', 'unknown', 'succeeded', 'failed'] as const)('is not made of one that is %s', (status) => {
    expect(cancelRecord(transitionSettings, sentRecord({ status }), person)).toMatchObject({ type: 'refused' });
  });
});

describe('a resolution', () => {
  const resolve = (record: LedgerRecord) =>
    resolveRecord(transitionSettings, record, { ...person, as: 'failed', evidence: 'statement DE89370400440532013000' });

  it('waits for the end of a send that may be in flight', () => {
    const record = sentRecord({ leaseUntil: at + 1 });
    expect(resolve(record)).toMatchObject({ type: 'refused', why: expect.stringContaining(new Date(at + 1).toISOString()) as string });
    expect(resolve({ ...record, leaseUntil: at })).toMatchObject({ type: 'change' });
  });

  it('shows who made it, and masks what looks like an account', () => {
    const decision = resolve(sentRecord({ status: 'unknown', leaseOwner: null, leaseUntil: null }));
    expect(decision).toMatchObject({
      change: { event: { status: 'failed', final: true, resolved_by: 'alice', error: { code: 'resolved_by_operator' } } },
    });
    expect(JSON.stringify(decision, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))).not.toContain(
      '0532013000',
    );
  });
});

describe('a parked record', () => {
  const reason = { code: 'paused', description: 'd' } as const;
  const parked = park(transitionSettings, queuedRecord(), { reason, bytes: body, at });

  it('publishes its reason once and keeps its body', () => {
    expect(parked).toMatchObject({
      body: { keep: body },
      event: { status: 'queued', final: false, error: reason },
      after: { sequence: 1, dueAt: null },
    });
    expect(park(transitionSettings, parked?.after ?? queuedRecord(), { reason, bytes: body, at })).toBeNull();
    expect(park(transitionSettings, sentRecord(), { reason, at })).toBeNull();
  });

  it('is due when the pause ends; with a card number only its row can send it', () => {
    const record = parked?.after ?? queuedRecord();
    expect([isParked(record), waitsForResume(record)]).toEqual([true, true]);
    expect(unpark(transitionSettings, record, { at: at + 5 })?.after).toMatchObject({ reason: null, dueAt: at + 5 });
    expect(unpark(transitionSettings, { ...record, hasCardNumber: true }, { at: at + 5 })?.after).toMatchObject({
      reason: null,
      dueAt: null,
    });
    expect(park(transitionSettings, queuedRecord({ hasCardNumber: true }), { reason, bytes: body, at })?.body).toBeUndefined();
  });
});
