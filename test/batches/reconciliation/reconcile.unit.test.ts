/** A whole report against a ledger: what is ended, what is listed, and what is raised. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createEndRecord } from '../../../batches/reconciliation/end-record.ts';
import { reconcile, type ReconcileDependencies } from '../../../batches/reconciliation/reconcile.ts';
import { createAnswer, differs, type ReconciliationAnswer } from '../../../batches/reconciliation/reconciliation-answer.ts';
import type { ReportDays, ReportLine, ReportRow, UnreadableRow } from '../../../batches/reconciliation/report-row.ts';
import type { SharedLedger } from '../../../batches/ports/ledger.ts';
import type { Alert } from '../../../batches/record/alert.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { createMemoryStore, openMemoryLedger } from '../../../src/ledger/memory/ledger.ts';
import { at, batchA, keys, manifest, transitionSettings } from '../../support/builders.ts';
import { admitted, intent, moved, step } from '../../support/ledger-steps.ts';
import { metadataOf, reportRow } from './report-rows.ts';

const day = '2026-11-21';
const today: ReportDays = { from: day, to: day };
const clock = { now: () => at };
let ledger: SharedLedger;
let line = 1;
let alerts: Alert[] = [];

beforeEach(async () => {
  ledger = openMemoryLedger({ store: createMemoryStore(), rules: transitionSettings, clock, owner: 'one' });
  await ledger.openBatch(manifest(batchA));
  line = 1;
  alerts = [];
});

const sent = async (recordId: string, kind: 'payout' | 'payment' = 'payout'): Promise<LedgerRecord> =>
  moved(ledger, intent(await admitted(ledger, recordId, (line += 1), { kind })));

const inProgress = async (recordId: string): Promise<LedgerRecord> =>
  moved(ledger, step(await sent(recordId), { status: 'in_progress', sessionId: `ps_${recordId}`, isSessionProven: true }));

const succeeded = async (recordId: string, kind: 'payout' | 'payment' = 'payout'): Promise<LedgerRecord> =>
  moved(
    ledger,
    step(await sent(recordId, kind), {
      ...{ status: 'succeeded', sessionId: `ps_${recordId}`, isSessionProven: true, entryId: `po_${recordId}`, dueAt: null },
    }),
  );

/** A row of a record's own session and operation. */
const rowOf = (recordId: string, patch: Partial<ReportRow> = {}): ReportLine => ({
  type: 'row',
  row: reportRow({ line: (line += 1), sessionId: `ps_${recordId}`, operationId: `po_${recordId}`, ...patch }),
});

const unreadable = (patch: Partial<UnreadableRow> = {}): ReportLine => ({
  type: 'unreadable',
  unreadable: {
    line: 9,
    column: 'paymentLocalAmount',
    code: 'amount_format',
    message: 'No.',
    operationId: null,
    sessionId: null,
    ...patch,
  },
});

async function* linesOf(lines: readonly ReportLine[]): AsyncGenerator<ReportLine> {
  yield* lines;
}

const run = (
  lines: readonly ReportLine[],
  { days = today, ...deps }: Partial<ReconcileDependencies> & { days?: ReportDays | null } = {},
): Promise<ReconciliationAnswer> =>
  reconcile(linesOf(lines), days, {
    keys,
    ledger,
    end: createEndRecord({ ledger, settings: transitionSettings, now: clock.now }),
    raise: async (alert) => void alerts.push(alert),
    ...deps,
  });

const idsIn = (items: ReconciliationAnswer['only_here']) => items.map(({ record_id }) => record_id);

describe('reconcile', () => {
  it('counts what agrees, ends what is open and proven, and then differs in nothing', async () => {
    await succeeded('a');
    await inProgress('b');
    await sent('c');
    const answer = await run([rowOf('a'), rowOf('b'), rowOf('c', { merchantMetadata: metadataOf('c') })]);
    expect(answer).toMatchObject({ rows: 3, matched: 1, ended: 2, repeated: 0, days: today });
    expect(answer.totals).toMatchObject({
      rows: { count: 3, amounts: { EUR: '36.90' } },
      matched: { count: 1, amounts: { EUR: '12.30' } },
      ended: { count: 2, amounts: { EUR: '24.60' } },
      only_here: { count: 0, amounts: {} },
    });
    expect(differs(answer)).toBe(false);
    expect(alerts).toEqual([]);
    for (const recordId of ['b', 'c']) {
      expect(await ledger.record(recordId)).toMatchObject({ status: 'succeeded', sessionId: `ps_${recordId}`, entryId: `po_${recordId}` });
      const events = (await ledger.outbox({ limit: 100 })).map(({ json }) => JSON.parse(json) as Record<string, unknown>);
      const last = events.filter(({ record_id }) => record_id === recordId).at(-1);
      expect(last).toMatchObject({ status: 'succeeded', session_id: `ps_${recordId}` });
    }
  });

  it('matches, in the same report again, what it ended the first time', async () => {
    await inProgress('b');
    expect(await run([rowOf('b')])).toMatchObject({ matched: 0, ended: 1 });
    expect(await run([rowOf('b')])).toMatchObject({ matched: 1, ended: 0 });
  });

  it('changes nothing in a dry run, and answers what it would do', async () => {
    const before = await inProgress('b');
    expect(await run([rowOf('b')], { end: null })).toMatchObject({ ended: 1, only_here: [] });
    expect(await ledger.record('b')).toEqual(before);
  });

  it('lists a payout that succeeded on a day of the report and is not in it, with what was expected', async () => {
    await succeeded('a');
    await succeeded('b');
    const answer = await run([rowOf('a')]);
    expect(answer.only_here).toEqual([
      {
        ...{ record_id: 'b', session_id: 'ps_b', entry_id: 'po_b' },
        expected: { status: 'succeeded', amount_details: { amount: 1230, currency: 'EUR' } },
      },
    ]);
    expect(answer.totals.only_here).toEqual({ count: 1, amounts: { EUR: '12.30' } });
    expect(differs(answer)).toBe(true);
  });

  it.each([
    ['on another day than the name of the report has', { from: '2026-11-22', to: '2026-11-22' }, []],
    ['on the last day of several', { from: '2026-11-19', to: day }, ['a']],
    ['on a day of the rows, where the name has none', null, ['a']],
  ])('lists as only here what succeeded %s: %#', async (_title, days, expected) => {
    await succeeded('a');
    const answer = await run([rowOf('x')], { days });
    expect(idsIn(answer.only_here)).toEqual(expected);
  });

  it('lists nothing as only here, and says so, when the days of the report are not known', async () => {
    await succeeded('a');
    expect(await run([rowOf('x', { transactionAt: null })], { days: null })).toMatchObject({ days: null, only_here: [] });
  });

  it('lists no payment as only here, since the report is one of payouts', async () => {
    await succeeded('a', 'payment');
    expect((await run([])).only_here).toEqual([]);
  });

  it('lists a row that is only at the gateway, with what was seen', async () => {
    const answer = await run([rowOf('x', { line: 7 })]);
    expect(answer.only_there).toEqual([
      { line: 7, session_id: 'ps_x', entry_id: 'po_x', seen: { type: 'Advice', amount_details: { amount: 1230, currency: 'EUR' } } },
    ]);
  });

  it('lists a row of another amount as different, raises an alert and changes nothing', async () => {
    const before = await inProgress('b');
    const answer = await run([rowOf('b', { line: 7, amountMinor: 1229n })]);
    expect(answer.different).toMatchObject([
      {
        ...{ line: 7, record_id: 'b', session_id: 'ps_b', code: 'amount_differs' },
        expected: { status: 'in_progress', amount_details: { amount: 1230, currency: 'EUR' } },
        seen: { type: 'Advice', amount_details: { amount: 1229, currency: 'EUR' } },
      },
    ]);
    expect(alerts).toMatchObject([{ alert: 'evidence_mismatch', recordId: 'b', seen: [{ amount: '1229', currency: 'EUR' }] }]);
    expect(await ledger.record('b')).toEqual(before);
  });

  it('lists a refund beside the payout of the same operation, and raises an alert', async () => {
    await succeeded('a');
    const answer = await run([rowOf('a'), rowOf('a', { type: 'refund', typeOfPayment: 'Refund' })]);
    expect(answer).toMatchObject({ matched: 1, refunds: [{ record_id: 'a' }], only_here: [] });
    expect(alerts.map(({ alert }) => alert)).toEqual(['refunded']);
  });

  it('counts an operation once that the report shows twice', async () => {
    await inProgress('b');
    const answer = await run([rowOf('b'), rowOf('b')]);
    expect(answer).toMatchObject({ rows: 2, ended: 1, repeated: 1, matched: 0 });
    expect(differs(answer)).toBe(false);
  });

  it('lists as different an operation that the report shows twice with different amounts', async () => {
    await inProgress('b');
    const answer = await run([rowOf('b'), rowOf('b', { amountMinor: 1n })]);
    expect(answer).toMatchObject({ ended: 1, different: [{ record_id: 'b', code: 'entry_differs' }] });
  });

  it('compares an operation that is shown again and again with its first row', async () => {
    await inProgress('b');
    const answer = await run([rowOf('b'), rowOf('b', { amountMinor: 1n }), rowOf('b'), rowOf('b', { amountMinor: 1n })]);
    expect(answer).toMatchObject({ ended: 1, repeated: 1, totals: { different: { count: 2 } } });
  });

  it('ends a record by the first of two operations that succeeded for it, and raises an alert for the second', async () => {
    await inProgress('b');
    const answer = await run([rowOf('b'), rowOf('b', { operationId: 'po_other' })]);
    expect(answer).toMatchObject({ ended: 1, different: [{ record_id: 'b', code: 'possible_double_payment' }] });
    expect(alerts.map(({ alert }) => alert)).toEqual(['possible_double_payment']);
  });

  it('lists the second of two operations also in a dry run, and raises nothing', async () => {
    await inProgress('b');
    const answer = await run([rowOf('b'), rowOf('b', { operationId: 'po_other' })], { end: null });
    expect(answer).toMatchObject({ ended: 1, different: [{ record_id: 'b', code: 'possible_double_payment' }] });
    expect(alerts).toEqual([]);
  });

  it('ends the present attempt by its own row also when a row of an earlier attempt comes before it', async () => {
    await moved(ledger, step(await sent('b'), { attempt: 2, idempotencyKey: keys.idempotencyKey('payout', 'b', 2) }));
    const answer = await run([
      rowOf('b', { sessionId: 'ps_1', operationId: 'po_1', merchantMetadata: metadataOf('b', 1) }),
      rowOf('b', { merchantMetadata: metadataOf('b', 2) }),
    ]);
    expect(answer).toMatchObject({ ended: 1, different: [{ record_id: 'b', code: 'earlier_attempt' }] });
    expect(await ledger.record('b')).toMatchObject({ status: 'succeeded', attempt: 2, sessionId: 'ps_b' });
  });

  it('lists the open records of equal amount whose record id begins as cut metadata does, and ends none', async () => {
    await sent('inv-77');
    await sent('inv-78');
    await sent('other');
    const answer = await run([rowOf('x', { line: 7, merchantMetadata: '{"record_id":"inv-7' })]);
    expect(answer.candidates).toMatchObject([
      { line: 7, record_id: 'inv-77', session_id: 'ps_x', expected: { status: 'submitting' } },
      { line: 7, record_id: 'inv-78', session_id: 'ps_x' },
    ]);
    expect(answer).toMatchObject({ ended: 0, only_there: [], totals: { candidates: { count: 2, amounts: { EUR: '12.30' } } } });
    expect(await ledger.record('inv-77')).toMatchObject({ status: 'submitting' });
  });

  it('lists no record as a candidate that has a session of its own and has succeeded', async () => {
    await succeeded('inv-77');
    const answer = await run([rowOf('x', { merchantMetadata: '{"record_id":"inv-7' })]);
    expect(answer).toMatchObject({ candidates: [], only_there: [{ session_id: 'ps_x' }] });
  });

  it('lists only the record itself when metadata is cut behind its record id', async () => {
    await sent('inv-7');
    await sent('inv-77');
    const answer = await run([rowOf('x', { merchantMetadata: '{"record_id":"inv-7",' })]);
    expect(idsIn(answer.candidates)).toEqual(['inv-7']);
  });

  it.each([
    ['its amount is that of no record', { amountMinor: 1n }],
    ['it begins no record id', { merchantMetadata: '{"record_id":"zzz' }],
  ])('lists a row with cut metadata as only there when %s', async (_title, patch) => {
    await sent('inv-77');
    const answer = await run([rowOf('x', { merchantMetadata: '{"record_id":"inv-7', ...patch })]);
    expect(answer).toMatchObject({ candidates: [], only_there: [{ session_id: 'ps_x' }] });
  });

  it('lists a row that cannot be read, and does not list the record of its session as only here', async () => {
    await succeeded('a');
    const answer = await run([unreadable({ sessionId: 'ps_a', operationId: 'po_a' })]);
    expect(answer).toMatchObject({
      ...{ rows: 1, only_here: [] },
      unreadable: [{ line: 9, session_id: 'ps_a', entry_id: 'po_a', code: 'amount_format', description: 'No.' }],
    });
    expect(differs(answer)).toBe(true);
  });

  it('decides a row again on what another process wrote meanwhile', async () => {
    const record = await inProgress('b');
    const end = createEndRecord({ ledger, settings: transitionSettings, now: clock.now });
    let isFirst = true;
    const answer = await run([rowOf('b')], {
      end: async (current, evidence) => {
        if (isFirst) await moved(ledger, step(record, { status: 'succeeded', entryId: 'po_b', dueAt: null }));
        isFirst = false;
        return end(current, evidence);
      },
    });
    expect(answer).toMatchObject({ matched: 1, ended: 0 });
  });

  it('lists a row as different whose session another record took meanwhile, and raises an alert', async () => {
    await sent('b');
    const other = await sent('c');
    const end = createEndRecord({ ledger, settings: transitionSettings, now: clock.now });
    const answer = await run([rowOf('b', { merchantMetadata: metadataOf('b') })], {
      end: async (current, evidence) => {
        await moved(ledger, step(other, { status: 'in_progress', sessionId: 'ps_b', isSessionProven: true }));
        return end(current, evidence);
      },
    });
    expect(answer).toMatchObject({ ended: 0, different: [{ record_id: 'b', code: 'metadata_differs' }] });
    expect(alerts).toMatchObject([{ alert: 'evidence_mismatch', recordId: 'b' }]);
    expect(await ledger.record('b')).toMatchObject({ status: 'submitting' });
  });

  it('reads every page of the ledger', async () => {
    for (let index = 0; index < 1_001; index += 1) await succeeded(`r${index}`);
    const answer = await run([rowOf('r1000')]);
    expect(answer.totals.only_here).toEqual({ count: 1_000, amounts: { EUR: '12300.00' } });
  });
});

describe('a list of the answer', () => {
  it('has at most its limit, and its total counts all', () => {
    const answer = createAnswer(2);
    for (let index = 0; index < 3; index += 1) answer.list('only_there', { session_id: `ps_${index}` }, reportRow());
    const { only_there, totals } = answer.answer(null);
    expect(only_there).toHaveLength(2);
    expect(totals.only_there).toEqual({ count: 3, amounts: { EUR: '36.90' } });
  });
});
