/** A row of the report against the ledger: every decision, and what is raised. */
import { describe, expect, it } from 'vitest';
import { readAuditEntry } from '../../../batches/audit/audit-entry.ts';
import { decideRow, firstRow, type Decision, type Earlier, type Found } from '../../../batches/reconciliation/match-report.ts';
import { applyReport, reportEvidence } from '../../../batches/reconciliation/report-evidence.ts';
import type { ReportRow } from '../../../batches/reconciliation/report-row.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { learnFromWebhook } from '../../../batches/record/webhook-evidence.ts';
import { at, keys, queuedRecord, session, transitionSettings } from '../../support/builders.ts';
import { endedRecord, lostRecord, metadataOf, openRecord, reportRow } from './report-rows.ts';

const decide = (row: ReportRow, found: Partial<Found>, earlier: Partial<Earlier> = {}): Decision =>
  decideRow(
    row,
    { bySession: undefined, byEntry: undefined, byMetadata: undefined, ...found },
    { keys, earlier: { ...firstRow, ...earlier } },
  );

/** The decision in words: its type, its code, and the alerts that it raises. */
function inWords(decision: Decision): string {
  const alerts = 'alerts' in decision ? decision.alerts.map(({ alert }) => ` !${alert}`).join('') : '';
  return `${decision.type}${decision.type === 'different' ? ` ${decision.code}` : ''}${alerts}`;
}

const whole = metadataOf('inv-1');
const foreignKey = metadataOf('inv-1', 1, { idempotency_key: 'a29b4d4c-1111-5222-8333-944455556666' });
const withoutKey = JSON.stringify({ record_id: 'inv-1', attempt: 1 });
const second = endedRecord('succeeded', { recordId: 'inv-2', sessionId: 'ps_2', entryId: 'po_2' });
const attempt2 = (patch: Partial<LedgerRecord> = {}): LedgerRecord =>
  lostRecord({ attempt: 2, idempotencyKey: keys.idempotencyKey('payout', 'inv-1', 2), ...patch });

type Case = readonly [title: string, row: Partial<ReportRow>, found: Partial<Found>, expected: string];

const ends: readonly Case[] = [
  ['session known and proven, amount equal, no metadata', {}, { bySession: openRecord() }, 'ends'],
  ['session known and proven, metadata cut', { merchantMetadata: '{"record_id":"inv-' }, { bySession: openRecord() }, 'ends'],
  ['session known and proven, metadata of the caller only', { merchantMetadata: '{"invoice":7}' }, { bySession: openRecord() }, 'ends'],
  ['session unknown, whole metadata with record id, attempt and key', { merchantMetadata: whole }, { byMetadata: lostRecord() }, 'ends'],
  [
    'session unknown, whole metadata with record id and attempt, no key shown',
    { merchantMetadata: withoutKey },
    { byMetadata: lostRecord() },
    'ends',
  ],
  ['submitting, whole metadata', { merchantMetadata: whole }, { byMetadata: lostRecord({ status: 'submitting' }) }, 'ends'],
  ['session kept as unproven, whole metadata', { merchantMetadata: whole }, { bySession: openRecord({ isSessionProven: false }) }, 'ends'],
  [
    'another session kept as unproven, whole metadata',
    { merchantMetadata: whole },
    { byMetadata: openRecord({ sessionId: 'ps_9', isSessionProven: false }) },
    'ends',
  ],
  ['entry known, session not', {}, { byEntry: openRecord({ sessionId: null, isSessionProven: false }) }, 'ends'],
  ['queued according to the ledger, whole metadata', { merchantMetadata: whole }, { byMetadata: queuedRecord() }, 'ends !ledger_behind'],
];

const matched: readonly Case[] = [
  ['succeeded, same session and entry', {}, { bySession: endedRecord('succeeded') }, 'matched'],
  ['succeeded, entry not known', {}, { bySession: endedRecord('succeeded', { entryId: null }) }, 'matched'],
  [
    'succeeded by the word of a person without a session, whole metadata',
    { merchantMetadata: whole },
    { byMetadata: endedRecord('succeeded', { sessionId: null, isSessionProven: false, entryId: null }) },
    'matched',
  ],
];

const different: readonly Case[] = [
  ['open, other amount', { amountMinor: 1229n }, { bySession: openRecord() }, 'different amount_differs !evidence_mismatch'],
  ['open, negative amount', { amountMinor: -1230n }, { bySession: openRecord() }, 'different amount_differs !evidence_mismatch'],
  ['open, other currency', { currency: 'USD' }, { bySession: openRecord() }, 'different currency_differs !evidence_mismatch'],
  [
    'open, whole metadata, other amount',
    { merchantMetadata: whole, amountMinor: 1n },
    { byMetadata: lostRecord() },
    'different amount_differs !evidence_mismatch',
  ],
  ['succeeded, other amount', { amountMinor: 1n }, { bySession: endedRecord('succeeded') }, 'different amount_differs !evidence_mismatch'],
  ['failed', {}, { bySession: endedRecord('failed') }, 'different status_differs !evidence_mismatch'],
  ['cancelled', {}, { bySession: endedRecord('cancelled') }, 'different status_differs !evidence_mismatch'],
  [
    'refused by the gateway, whole metadata',
    { merchantMetadata: whole },
    { byMetadata: endedRecord('failed', { sessionId: null, isSessionProven: false, entryId: null }) },
    'different status_differs !evidence_mismatch',
  ],
  [
    'succeeded with another session, whole metadata',
    { merchantMetadata: whole, sessionId: 'ps_9', operationId: 'po_9' },
    { byMetadata: endedRecord('succeeded') },
    'different other_session !possible_double_payment',
  ],
  [
    'open with another proven session, whole metadata',
    { merchantMetadata: whole, sessionId: 'ps_9', operationId: 'po_9' },
    { byMetadata: openRecord() },
    'different other_session !possible_double_payment',
  ],
  [
    'succeeded with another entry of the same session',
    { operationId: 'po_9' },
    { bySession: endedRecord('succeeded') },
    'different possible_double_payment !possible_double_payment',
  ],
  [
    'session of one record, whole metadata of another one',
    { merchantMetadata: metadataOf('inv-2') },
    { bySession: openRecord(), byMetadata: second },
    'different metadata_differs !evidence_mismatch',
  ],
  [
    'session of one record, cut metadata of another one',
    { merchantMetadata: '{"record_id":"other' },
    { bySession: openRecord() },
    'different metadata_differs !evidence_mismatch',
  ],
  [
    'session known, key of another project',
    { merchantMetadata: foreignKey },
    { bySession: openRecord(), byMetadata: openRecord() },
    'different metadata_differs !evidence_mismatch',
  ],
  [
    'session known, a member of the metadata twice',
    { merchantMetadata: '{"record_id":"inv-1","record_id":"inv-1","attempt":1}' },
    { bySession: openRecord() },
    'different metadata_differs !evidence_mismatch',
  ],
  ['entry of another record', {}, { bySession: openRecord(), byEntry: second }, 'different entry_differs !evidence_mismatch'],
  ['entry known under another session', { sessionId: 'ps_9' }, { byEntry: openRecord() }, 'different entry_differs !evidence_mismatch'],
  [
    'earlier attempt, whole metadata',
    { merchantMetadata: whole },
    { byMetadata: attempt2() },
    'different earlier_attempt !possible_double_payment',
  ],
  [
    'earlier attempt, by its session, metadata cut',
    { merchantMetadata: '{"record_id":"inv-' },
    { bySession: attempt2() },
    'different earlier_attempt !possible_double_payment',
  ],
  [
    'later attempt than the ledger knows',
    { merchantMetadata: metadataOf('inv-1', 2) },
    { byMetadata: lostRecord() },
    'different later_attempt !ledger_behind',
  ],
  ['type of payment unknown', { type: 'other', typeOfPayment: 'Reversal' }, { bySession: openRecord() }, 'different type_unknown'],
];

const undecided: readonly Case[] = [
  ['session unknown, metadata cut inside the record id', { merchantMetadata: '{"record_id":"inv-' }, {}, 'candidates'],
  ['session unknown, metadata cut to plain text', { merchantMetadata: 'inv-1' }, {}, 'candidates'],
  ['session unknown, metadata cut behind the record id', { merchantMetadata: '{"record_id":"inv-1"' }, {}, 'candidates'],
  [
    'session kept as unproven, metadata cut',
    { merchantMetadata: '{"record_id":"inv-' },
    { bySession: openRecord({ isSessionProven: false }) },
    'candidates',
  ],
];

const onlyThere: readonly Case[] = [
  ['session unknown, no metadata', {}, {}, 'only_there'],
  ['session unknown, metadata of another form', { merchantMetadata: '{"invoice":7}' }, {}, 'only_there'],
  ['session unknown, metadata cut before the record id', { merchantMetadata: '{"reco' }, {}, 'only_there'],
  ['record unknown, whole metadata with our key', { merchantMetadata: whole }, {}, 'only_there !ledger_behind'],
  ['record unknown, whole metadata without a key', { merchantMetadata: withoutKey }, {}, 'only_there'],
  ['record id known, key of another project', { merchantMetadata: foreignKey }, { byMetadata: lostRecord() }, 'only_there'],
  [
    'record id known, whole metadata without an attempt',
    { merchantMetadata: '{"record_id":"inv-1"}' },
    { byMetadata: lostRecord() },
    'only_there',
  ],
  [
    'record id known, a member of the metadata twice',
    { merchantMetadata: '{"record_id":"inv-1","attempt":1,"attempt":1}' },
    { byMetadata: lostRecord() },
    'only_there',
  ],
];

const refunds: readonly Case[] = [
  ['of a record that succeeded', { type: 'refund', operationId: 'rf_1' }, { bySession: endedRecord('succeeded') }, 'refund !refunded'],
  [
    'of a record that succeeded, by whole metadata',
    { type: 'refund', merchantMetadata: whole, sessionId: 'ps_9' },
    { byMetadata: endedRecord('succeeded') },
    'refund !refunded',
  ],
  ['of an open record', { type: 'refund' }, { bySession: openRecord() }, 'refund'],
  ['of a record that failed', { type: 'refund' }, { bySession: endedRecord('failed') }, 'refund'],
  ['of a record that is not known', { type: 'refund', merchantMetadata: 'inv-1' }, {}, 'refund'],
];

describe.each([
  ['a row that proves the success of an open record ends it', ends],
  ['a row of a record that succeeded matches it', matched],
  ['a row that contradicts is different and changes nothing', different],
  ['a row that proves nothing only has candidates', undecided],
  ['a row of no record of ours is only there', onlyThere],
  ['a refund ends nothing', refunds],
] as const)('%s', (_group, cases) => {
  it.each(cases)('%s', (_title, row, found, expected) => {
    expect(inWords(decide(reportRow(row), found))).toBe(expected);
  });
});

describe('rows of one report', () => {
  it.each([
    ['the same operation again, with equal content, is repeated', { entry: 'repeated' }, 'repeated'],
    [
      'the same operation again, with other content, is different',
      { entry: 'contradicting' },
      'different entry_differs !evidence_mismatch',
    ],
    [
      'another operation for a record that an earlier row ended is a possible double payment',
      { otherEntryOf: () => 'po_0' },
      'different possible_double_payment !possible_double_payment',
    ],
  ] as const)('%s', (_title, earlier, expected) => {
    expect(inWords(decide(reportRow(), { bySession: openRecord() }, earlier))).toBe(expected);
  });
});

describe('the evidence of a row', () => {
  it.each([
    ['in progress', openRecord(), ''],
    ['unknown, by whole metadata', lostRecord(), whole],
    ['queued, by whole metadata', queuedRecord(), whole],
  ])('ends a record that is %s as succeeded, with session and entry', (_title, record, merchantMetadata) => {
    const decision = decide(reportRow({ merchantMetadata }), { bySession: record });
    if (decision.type !== 'ends') throw new Error(decision.type);
    const change = applyReport(transitionSettings, decision.record, decision.evidence, at);
    expect(change?.expected).toBe(record.version);
    expect(change?.after).toMatchObject({ status: 'succeeded', sessionId: 'ps_1', entryId: 'po_1', isSessionProven: true, dueAt: null });
    expect(change?.event).toMatchObject({ status: 'succeeded', record_id: 'inv-1' });
  });

  it('makes of a record what a webhook of the same session makes of it, and leaves its own entry in the audit trail', () => {
    const record = lostRecord();
    const read = reportEvidence(reportRow({ merchantMetadata: whole }), record);
    if (read.type !== 'session') throw new Error(read.type);
    const shown = session({ status: 'accepted', entryStatus: 'succeeded', metadata: JSON.parse(whole) });
    const told = learnFromWebhook(transitionSettings, record, { type: 'payment_finished', session: shown }, at);
    const change = applyReport(transitionSettings, record, read.session, at);
    expect({ ...change?.after, audit: null }).toEqual({ ...told.change?.after, audit: null });
    expect(readAuditEntry(change?.audit?.at(-1)?.text ?? '')?.event).toBe('report');
  });

  it('changes no record that has ended', () => {
    const record = endedRecord('failed');
    const read = reportEvidence(reportRow(), record);
    if (read.type !== 'session') throw new Error(read.type);
    expect(applyReport(transitionSettings, record, read.session, at)).toBeNull();
  });

  it('has the fact of the webhook that says the same, so that both are one alert', () => {
    const record = endedRecord('failed');
    const decision = decide(reportRow(), { bySession: record });
    const shown = session({ status: 'accepted', entryStatus: 'succeeded', metadata: JSON.parse(whole) });
    const told = learnFromWebhook(transitionSettings, record, { type: 'payment_finished', session: shown }, at);
    expect('alerts' in decision ? decision.alerts : []).toEqual(told.alerts);
  });
});
