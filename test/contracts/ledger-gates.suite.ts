/** What every ledger must hold about gates: limits of a day, approvals, times before which nothing is sent. */
import { beforeEach, describe, expect, it } from 'vitest';
import { operate } from '../../batches/operations/operate.ts';
import type { OperationDeps } from '../../batches/operations/operation-deps.ts';
import type { OperationAnswer, OperationRequest } from '../../batches/operations/request.ts';
import { holdParking, park } from '../../batches/record/parking.ts';
import { advanceOne } from '../../batches/ports/single.ts';
import { changedGates, dayMs, dayOf, noTerms, openGates, type BatchTerms, type GateValues } from '../../batches/record/gates.ts';
import type { LedgerRecord } from '../../batches/record/record.ts';
import { at, batchA, batchB, manifest, transitionSettings as settings } from '../support/builders.ts';
import { admitted, intent, moved, recordIn, step } from '../support/ledger-steps.ts';
import type { LedgerUnderTest } from './ledger-harness.ts';

const change = (values: Partial<GateValues>) => ({ by: 'alice', reason: 'start', at, to: { ...openGates, ...values } });
const approved: BatchTerms = { ...noTerms, number: 1, approval: { by: 'bob', reason: 'checked', at, hash: 'h' } };

export function gatesSuite(under: LedgerUnderTest): void {
  const set = async (values: Partial<GateValues>): Promise<void> => {
    const known = await under.ledger.gates();
    expect(await under.ledger.setGates(changedGates(known, change(values)), known?.number ?? 0)).toBe(true);
  };
  const send = (record: LedgerRecord) => advanceOne(under.ledger, intent(record, undefined, under.now()));
  const dayHold = (limit: bigint) => ({
    code: 'day_total_reached',
    currency: 'EUR',
    limitMinor: String(limit),
    until: (dayOf(under.now()) + 1) * dayMs,
  });

  describe('gates', () => {
    beforeEach(async () => {
      await under.ledger.openBatch(manifest(batchA));
      await under.ledger.openBatch(manifest(batchB));
    });

    it('are none at first; the first that are set are kept, also after the ledger is opened again', async () => {
      expect(await under.ledger.gates()).toBeNull();
      const gates = changedGates(null, change({ approval: 'required', maxDayTotal: { EUR: '5000' } }));
      expect(await under.ledger.setGates(gates, 0)).toBe(true);
      expect(await under.ledger.setGates({ ...gates, approval: 'none' }, 0)).toBe(false);
      expect(await (await under.reopen()).gates()).toEqual(gates);
    });

    it('that are kept already are no change, and others with a former number are refused', async () => {
      await set({ approval: 'required' });
      const kept = await under.ledger.gates();
      expect(await under.ledger.setGates(changedGates(null, change({})), 1)).toBe(true);
      await set({ confirm: 'manual' });
      expect(await under.ledger.setGates({ ...changedGates(kept, change({})) }, 1)).toBe(false);
      expect(await under.ledger.gates()).toMatchObject({ number: 2, confirm: 'manual', approval: 'none' });
    });

    it('that need an approval hold the first sends of files that have none, in every place of the ledger', async () => {
      await set({ approval: 'required' });
      const records = await Promise.all(Array.from({ length: 20 }, (_, index) => admitted(under.ledger, `inv-${index}`, index + 2)));
      for (const record of records)
        expect(await send(record)).toEqual({ ok: false, why: 'held', current: record, hold: { code: 'awaiting_approval' } });
      expect(await under.ledger.setTerms({ batchId: batchA, terms: approved, expected: 0 })).toBe(true);
      const ledger = await under.reopen();
      expect(await ledger.terms(batchA)).toEqual(approved);
      expect(await ledger.terms(batchB)).toEqual(noTerms);
      for (const record of records) expect(await send(record)).toEqual({ ok: true });
    });

    it('that need an approval hold neither events nor files that are approved', async () => {
      await under.ledger.openBatch({ ...manifest('events-2026-11-21'), bytes: 0, blockDigests: [] });
      await set({ approval: 'required' });
      await under.ledger.setTerms({ batchId: batchB, terms: approved, expected: 0 });
      expect(await send(await admitted(under.ledger, 'inv-2', 3, {}, batchB))).toEqual({ ok: true });
      expect(await send(await admitted(under.ledger, 'inv-3', 2, {}, 'events-2026-11-21'))).toEqual({ ok: true });
    });

    it('that need an approval hold resends as well, because a rebuilt ledger resends what may never have been sent', async () => {
      const open = await recordIn(under.ledger, 'unknown', 'inv-1', 2);
      await set({ approval: 'required' });
      expect(await send({ ...open, sessionId: null })).toMatchObject({ why: 'held', hold: { code: 'awaiting_approval' } });
    });

    it('hold what is not to be sent before a time, and let it pass from then on', async () => {
      const until = under.now() + 3_600_000;
      await under.ledger.setTerms({ batchId: batchA, terms: { ...noTerms, number: 1, notBefore: until }, expected: 0 });
      const record = await admitted(under.ledger, 'inv-1', 2);
      expect(await send(record)).toEqual({ ok: false, why: 'held', current: record, hold: { code: 'not_before', until } });
      const past = { ...noTerms, number: 2, notBefore: under.now() - 1 };
      expect(await under.ledger.setTerms({ batchId: batchA, terms: past, expected: 1 })).toBe(true);
      expect(await send(record)).toEqual({ ok: true });
    });

    it('set as terms at once by two persons keep those of one of them', async () => {
      const terms = ['bob', 'carol'].map((by) => ({ ...approved, approval: { by, reason: 'checked', at, hash: 'h' } }));
      const written = await Promise.all(terms.map((one) => under.ledger.setTerms({ batchId: batchA, terms: one, expected: 0 })));
      expect(written.toSorted()).toEqual([false, true]);
      expect(await under.ledger.terms(batchA)).toEqual(terms[written.indexOf(true)]);
    });
  });

  describe('the limit of a day', () => {
    beforeEach(async () => {
      await under.ledger.openBatch(manifest(batchA));
    });

    it('lets intents pass up to exactly its sum, one currency apart from the other, and raised lets more pass', async () => {
      await set({ maxDayTotal: { EUR: '2460' } });
      const [one, other, third] = await Promise.all([2, 3, 4].map((line) => admitted(under.ledger, `inv-${line}`, line)));
      const dollars = await admitted(under.ledger, 'inv-5', 5, { currency: 'USD' });
      expect(await send(one as LedgerRecord)).toEqual({ ok: true });
      expect(await send(other as LedgerRecord)).toEqual({ ok: true });
      expect(await send(third as LedgerRecord)).toEqual({ ok: false, why: 'held', current: third, hold: dayHold(2460n) });
      expect(await send(dollars)).toEqual({ ok: true });
      await under.reopen();
      expect(await send(third as LedgerRecord)).toMatchObject({ why: 'held' });
      await set({ maxDayTotal: { EUR: '3690' } });
      expect(await send(third as LedgerRecord)).toEqual({ ok: true });
    });

    it('is never exceeded by intents that are written at once', async () => {
      await set({ maxDayTotal: { EUR: '12300' } });
      const records = await Promise.all(Array.from({ length: 40 }, (_, index) => admitted(under.ledger, `inv-${index}`, index + 2)));
      const written = await Promise.all(records.map(send));
      expect(written.filter(({ ok }) => ok)).toHaveLength(10);
      expect(written.filter((one) => !one.ok && one.why !== 'held')).toEqual([]);
    });

    it('gets back what surely was not sent, and counts a resend once', async () => {
      await set({ maxDayTotal: { EUR: '1230' } });
      const record = await admitted(under.ledger, 'inv-1', 2);
      const other = await admitted(under.ledger, 'inv-2', 3);
      const sent = intent(record, undefined, under.now());
      const submitting = await moved(under.ledger, sent);
      expect(await send(other)).toMatchObject({ why: 'held' });
      const back = { status: 'queued', firstSentAt: null, sends: 0, leaseOwner: null, leaseUntil: null } as const;
      const queued = await moved(under.ledger, step(submitting, back));
      const again = await moved(under.ledger, intent(queued, undefined, under.now()));
      const open = await moved(under.ledger, step(again, { status: 'unknown' }));
      expect(await send(open)).not.toMatchObject({ why: 'held' });
      expect(await send(other)).toMatchObject({ why: 'held' });
    });

    it('above what a number holds exactly counts to the last unit', async () => {
      const most = 9_007_199_254_740_991n;
      await set({ maxDayTotal: { EUR: String(3n * most - 1n) } });
      const records = await Promise.all([2, 3, 4].map((line) => admitted(under.ledger, `inv-${line}`, line, { amountMinor: most })));
      const small = await admitted(under.ledger, 'inv-5', 5, { amountMinor: most - 1n });
      expect(await send(records[0] as LedgerRecord)).toEqual({ ok: true });
      expect(await send(records[1] as LedgerRecord)).toEqual({ ok: true });
      expect(await send(records[2] as LedgerRecord)).toMatchObject({ hold: dayHold(3n * most - 1n) });
      expect(await send(small)).toEqual({ ok: true });
    });
  });

  describe('the approval of a file', () => {
    const expect12 = [{ currency: 'EUR', count: 2, amountMinor: '2460' }];
    const approve = (by: string): OperationRequest => ({ type: 'approve', batchId: batchA, expect: expect12, by, reason: 'checked' });
    const refuse = (by: string): OperationRequest => ({ type: 'refuse', batchId: batchA, by, reason: 'wrong month' });
    const ask = (request: OperationRequest): Promise<OperationAnswer> => operate(depsOf(under), request);
    const records = () => Promise.all(['inv-1', 'inv-2'].map(async (id) => (await under.ledger.record(id)) as LedgerRecord));

    beforeEach(async () => {
      await under.ledger.openBatch(manifest(batchA));
      await set({ approval: 'required' });
      const submission = { by: 'alice', at, rows: 2, totals: expect12 };
      await under.ledger.setTerms({ batchId: batchA, terms: { ...noTerms, number: 1, submission }, expected: 0 });
      for (const line of [2, 3]) {
        const record = await admitted(under.ledger, `inv-${line - 1}`, line);
        const change = park(settings, record, { ...holdParking({ code: 'awaiting_approval' }), bytes: Buffer.from('{}'), at });
        if (change !== null) await moved(under.ledger, change);
      }
    });

    it('by another person makes its rows due, with an entry in the trail of each, and binds the hash of the rows', async () => {
      expect(await ask(approve('bob'))).toMatchObject({ outcome: 'done', data: { approved_by: 'bob', records: 2 } });
      for (const record of await records()) {
        expect(record).toMatchObject({ status: 'queued', reason: { code: 'approved' } });
        expect(record.dueAt).not.toBeNull();
        const trail = await under.ledger.trail(record.recordId);
        expect(JSON.parse(trail.at(-1)?.text ?? '')).toMatchObject({ event: 'approved', by: 'bob', detail: { reason: 'checked' } });
        expect(await send(record)).toEqual({ ok: true });
      }
      expect((await under.ledger.terms(batchA)).approval).toMatchObject({
        by: 'bob',
        hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      });
    });

    it.each(['alice', ' ALICE '])('by the person who submitted it, written %j, is refused and moves nothing', async (by) => {
      const before = await records();
      expect(await ask(approve(by))).toMatchObject({ outcome: 'refused' });
      expect(await records()).toEqual(before);
      expect(await send(before[0] as LedgerRecord)).toMatchObject({ why: 'held' });
    });

    it.each([
      ['another total', [{ currency: 'EUR', count: 2, amountMinor: '2461' }]],
      ['another count', [{ currency: 'EUR', count: 3, amountMinor: '2460' }]],
      ['a currency too few', []],
      ['a currency too many', [...expect12, { currency: 'USD', count: 1, amountMinor: '1' }]],
    ])('with %s is refused and moves nothing', async (_, expected) => {
      const before = await records();
      expect(await ask({ ...approve('bob'), expect: expected } as OperationRequest)).toMatchObject({ outcome: 'refused' });
      expect(await records()).toEqual(before);
      expect((await under.ledger.terms(batchA)).approval).toBeNull();
    });

    it('is refused while rows of the file are not in the ledger yet', async () => {
      const terms = await under.ledger.terms(batchA);
      const submission = { by: 'alice', at, rows: 3, totals: expect12 };
      await under.ledger.setTerms({ batchId: batchA, terms: { ...terms, number: 2, submission }, expected: 1 });
      const answer = await ask(approve('bob'));
      expect(answer).toMatchObject({ outcome: 'refused' });
      expect(answer.text).toContain('2 of its 3 rows');
    });

    it('given twice at once is given once: the other person finds it given', async () => {
      const answers = await Promise.all([ask(approve('bob')), ask(approve('carol'))]);
      expect(answers.map(({ outcome }) => outcome).toSorted()).toEqual(['done', 'unchanged']);
      const { approval } = await under.ledger.terms(batchA);
      const by = answers.map(({ data }) => data['approved_by']);
      expect(by).toEqual([approval?.by, approval?.by]);
    });

    it('given and refused at once has one outcome', async () => {
      const [given, declined] = await Promise.all([ask(approve('bob')), ask(refuse('carol'))]);
      const { approval, refusal } = await under.ledger.terms(batchA);
      expect([given.outcome, declined.outcome]).toEqual(approval === null ? ['refused', 'done'] : ['done', 'refused']);
      expect(approval === null).toBe(refusal !== null);
      for (const record of await records()) {
        expect(record.status).toBe(approval === null ? 'cancelled' : 'queued');
        if (approval !== null) expect(await send(record)).toEqual({ ok: true });
      }
    });

    it('given while the batch is paused lets nothing pass before the pause ends', async () => {
      const pause: OperationRequest = { type: 'pause', batchId: batchA, by: 'carol', reason: 'look' };
      const answers = await Promise.all([ask(approve('bob')), ask(pause)]);
      expect(answers.map(({ outcome }) => outcome)).toEqual(['done', 'done']);
      for (const record of await records()) expect(await send(record)).toMatchObject({ why: 'paused' });
      expect(await ask({ ...pause, type: 'resume' })).toMatchObject({ data: { paused: false } });
      for (const record of await records()) expect(await send(record)).toEqual({ ok: true });
    });

    it('refused ends its rows for good: it cannot be approved or resumed afterwards', async () => {
      expect(await ask(refuse('bob'))).toMatchObject({ outcome: 'done', data: { cancelled: 2, refused_by: 'bob' } });
      expect((await records()).map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
      expect(await ask(refuse('carol'))).toMatchObject({ outcome: 'unchanged', data: { refused_by: 'bob' } });
      expect(await ask(approve('carol'))).toMatchObject({ outcome: 'refused' });
      expect(await ask({ type: 'resume', batchId: batchA, by: 'bob', reason: '' })).toMatchObject({ outcome: 'refused' });
    });

    it('given cannot be refused afterwards', async () => {
      await ask(approve('bob'));
      expect(await ask(refuse('carol'))).toMatchObject({ outcome: 'refused' });
      for (const record of await records()) expect(await send(record)).toEqual({ ok: true });
    });

    it('that is resumed instead stays outstanding', async () => {
      await ask({ type: 'resume', batchId: batchA, by: 'bob', reason: '' });
      for (const record of await records()) {
        expect(record.reason).toMatchObject({ code: 'awaiting_approval' });
        expect(await send(record)).toMatchObject({ why: 'held' });
      }
    });
  });

  describe('loosening', () => {
    const loosen = (by: string, change: Extract<OperationRequest, { type: 'loosen' }>['change']): Promise<OperationAnswer> =>
      operate(depsOf(under), { type: 'loosen', change, by, reason: 'agreed' });

    beforeEach(async () => {
      await under.ledger.openBatch(manifest(batchA));
    });

    it('without approval is done at once, and lets what waited for the limit of the day go on', async () => {
      await set({ maxDayTotal: { EUR: '1230' } });
      await moved(under.ledger, intent(await admitted(under.ledger, 'inv-1', 2), undefined, under.now()));
      const waiting = await admitted(under.ledger, 'inv-2', 3);
      const refused = await send(waiting);
      if (refused.ok || refused.why !== 'held') throw new Error('it was to be held');
      const parking = park(settings, waiting, { ...holdParking(refused.hold), bytes: Buffer.from('{}'), at });
      const parked = await moved(under.ledger, parking as NonNullable<typeof parking>);
      expect(parked).toMatchObject({ reason: { code: 'day_total_reached' }, dueAt: dayHold(1230n).until });
      expect(await loosen('alice', { maxDayTotal: { EUR: '2460' } })).toMatchObject({ outcome: 'done' });
      const due = (await under.ledger.record('inv-2')) as LedgerRecord;
      expect(due.dueAt).toBeLessThan(dayHold(1230n).until);
      expect(await send(due)).toEqual({ ok: true });
      expect((await under.ledger.gates())?.log.at(-1)).toMatchObject({
        by: 'alice',
        reason: 'agreed',
        to: { maxDayTotal: { EUR: '2460' } },
      });
    });

    it('under approval needs the same word of a second person', async () => {
      await set({ approval: 'required', maxDayTotal: { EUR: '1230' } });
      const change = { maxDayTotal: null } as const;
      expect(await loosen('alice', change)).toMatchObject({ outcome: 'refused', data: { pending: true } });
      expect(await loosen('Alice', change)).toMatchObject({ outcome: 'refused', data: { pending: true } });
      expect(await loosen('bob', { approval: 'none' })).toMatchObject({ outcome: 'refused', data: { pending: true } });
      expect(await under.ledger.gates()).toMatchObject({ approval: 'required', maxDayTotal: { EUR: '1230' } });
      expect(await loosen('alice', { approval: 'none' })).toMatchObject({ outcome: 'done', data: { pending: false } });
      expect((await under.ledger.gates())?.log.at(-1)).toMatchObject({ by: 'alice', proposedBy: 'bob' });
      expect(await loosen('carol', change)).toMatchObject({ outcome: 'done' });
      expect(await under.ledger.gates()).toMatchObject({ approval: 'none', maxDayTotal: {} });
    });

    it('under approval of what becomes only stricter is done at once', async () => {
      await set({ approval: 'required', maxDayTotal: { EUR: '1230' } });
      expect(await loosen('alice', { maxDayTotal: { EUR: '1000' } })).toMatchObject({ outcome: 'done' });
      expect(await loosen('bob', { maxDayTotal: { EUR: '1001' } })).toMatchObject({ outcome: 'refused' });
    });
  });
}

function depsOf({ ledger, now }: LedgerUnderTest): OperationDeps {
  return {
    ledger,
    settings,
    clock: { now },
    publisher: { notify: () => undefined, published: async () => undefined },
    alert: async () => undefined,
    openSealed: () => Buffer.from(''),
    onChange: () => undefined,
    onResumed: () => undefined,
    onReopened: () => undefined,
    follow: null,
  };
}
