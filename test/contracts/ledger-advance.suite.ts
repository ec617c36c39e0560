import { beforeEach, describe, expect, it } from 'vitest';
import type { LedgerRecord } from '../../batches/record/record.ts';
import type { Change } from '../../batches/record/change.ts';
import { isFinal } from '../../batches/record/status.ts';
import { recordStatuses, type LedgerUnderTest } from './ledger-harness.ts';
import { at, batchA, batchB, manifest } from '../support/builders.ts';
import { admitted, intent, moved, recordIn, step } from '../support/ledger-steps.ts';
import { advanceOne } from '../../batches/ports/single.ts';

export function advanceSuite(under: LedgerUnderTest): void {
  describe('a record', () => {
    recordSuite(under);
  });
}

function recordSuite(under: LedgerUnderTest): void {
  beforeEach(async () => {
    await under.ledger.openBatch(manifest(batchA));
    await under.ledger.openBatch(manifest(batchB));
  });

  describe('advance', () => {
    it('keeps every member that a change may set', async () => {
      const patches: readonly Partial<LedgerRecord>[] = [
        {
          status: 'submitting',
          sends: 1,
          firstSentAt: at,
          sentClocks: { wallAt: at + 3, uptimeMs: 77.5 },
          leaseOwner: 'me',
          leaseUntil: at + 9,
        },
        {
          status: 'in_progress',
          alreadyReceived: true,
          sessionId: 'ps_1',
          isSessionProven: true,
          entryId: 'po_1',
          leaseOwner: null,
          leaseUntil: null,
        },
        { confirmSession: 'ps_1', cancelSession: 'ps_2' },
        { dueAt: at + 77.5, checks: 3, reason: { code: 'c', description: 'd' } },
        { dueAt: null, reason: null },
        { attempt: 2, idempotencyKey: 'another' },
        // Each by itself: none may hang on another that changes with it.
        { firstSentAt: at + 1 },
        { keyLifetimeMs: 43_200_000 },
        { keyLifetimeMs: 1_000 },
        { idempotencyHeader: 'X-PARTNER-IDEMPOTENCY-KEY' },
        { idempotencyHeader: 'X-Idem' },
        { sends: 2 },
        { sentClocks: { wallAt: at + 4, uptimeMs: null } },
        { sentClocks: null },
        { leaseOwner: 'you' },
        { leaseUntil: at + 10 },
        { alreadyReceived: false },
        { sessionId: 'ps_3' },
        { isSessionProven: true },
        { isSessionProven: false },
        { entryId: 'po_3' },
        { confirmSession: 'ps_3' },
        { cancelSession: 'ps_3' },
        { reason: { code: 'a', description: 'd' } },
        { reason: { code: 'a', description: 'b' } },
        { resend: { code: 'a', description: 'd' } },
        { resend: { code: 'a', description: 'b' } },
        { resend: null },
        { checks: 4 },
        { attempt: 3 },
        { idempotencyKey: 'a third' },
        {},
      ];
      let record = await admitted(under.ledger, 'inv-1', 2);
      for (const patch of patches) {
        record = await moved(under.ledger, step(record, patch));
        expect(await under.ledger.record('inv-1')).toEqual(record);
      }
      const ledger = await under.reopen();
      expect(await ledger.record('inv-1')).toEqual(record);
    });

    it('writes nothing on a version mismatch, and returns the record as it is now', async () => {
      const queued = await admitted(under.ledger, 'inv-1', 2);
      const sent = await moved(under.ledger, intent(queued));
      const before = { tallies: await under.ledger.tallies(), batch: await under.ledger.batch(batchA) };
      const late = step(queued, { status: 'cancelled' }, { body: { eraseAt: 0 } });
      expect(await advanceOne(under.ledger, late)).toEqual({ ok: false, why: 'moved', current: sent });
      expect({ tallies: await under.ledger.tallies(), batch: await under.ledger.batch(batchA) }).toEqual(before);
      expect(await under.ledger.outbox({ limit: 9 })).toEqual([]);
      expect(await under.ledger.body('inv-1')).toBeDefined();
      const ledger = await under.reopen();
      expect(await advanceOne(ledger, late)).toEqual({ ok: false, why: 'moved', current: sent });
    });

    it('writes exactly one of many concurrent changes of the same version', async () => {
      const queued = await admitted(under.ledger, 'inv-1', 2);
      const tried = await Promise.all(
        Array.from({ length: 25 }, (_, index) =>
          advanceOne(under.ledger, step(queued, { status: 'submitting', leaseOwner: `o${index}`, leaseUntil: at + 9 })),
        ),
      );
      expect(tried.filter(({ ok }) => ok)).toHaveLength(1);
      expect(await under.ledger.record('inv-1')).toMatchObject({ version: 2 });
    });

    it('returns the results of a group in the order of its changes, each atomic by itself', async () => {
      const queued = [
        await admitted(under.ledger, 'inv-1', 2),
        await admitted(under.ledger, 'inv-2', 3),
        await admitted(under.ledger, 'inv-3', 4),
      ];
      const [first, second, third] = queued as [LedgerRecord, LedgerRecord, LedgerRecord];
      const sent = await moved(under.ledger, intent(second));
      const results = await under.ledger.advance([intent(first), intent(second), step(third, { status: 'cancelled' })]);
      expect(results).toEqual([{ ok: true }, { ok: false, why: 'moved', current: sent }, { ok: true }]);
      const ledger = await under.reopen();
      expect(await ledger.record('inv-1')).toEqual(intent(first).after);
      expect(await ledger.record('inv-2')).toEqual(sent);
      expect(await ledger.record('inv-3')).toMatchObject({ status: 'cancelled' });
      expect(await ledger.advance([])).toEqual([]);
    });

    it('rejects a change of a record that was never admitted', async () => {
      const record = await admitted(under.ledger, 'inv-1', 2);
      await expect(advanceOne(under.ledger, step({ ...record, recordId: 'inv-9' }, { status: 'cancelled' }))).rejects.toThrow(/inv-9/);
    });

    it.each<readonly [string, (sent: LedgerRecord) => Change]>([
      ['does not raise the version by one', (sent) => ({ ...step(sent, {}), expected: sent.version - 1 })],
      ['changes the amount', (sent) => step(sent, { amountMinor: 1n })],
      ['changes the currency', (sent) => step(sent, { currency: 'USD' })],
      ['changes the batch', (sent) => step(sent, { batchId: batchB })],
      ['lowers the sequence', (sent) => step({ ...sent, sequence: 0 }, {})],
      [
        'carries the event of another record',
        (sent) => ({ ...step({ ...sent, recordId: 'inv-9' }, { status: 'failed' }), after: step(sent, {}).after }),
      ],
      ['moves to submitting without a lease', (sent) => step(sent, { status: 'submitting', leaseOwner: null })],
    ])('rejects a change that %s, and writes nothing', async (_, spoiled) => {
      const sent = await recordIn(under.ledger, 'in_progress', 'inv-1', 2);
      const tallies = await under.ledger.tallies();
      await expect(advanceOne(under.ledger, spoiled(sent))).rejects.toThrow(TypeError);
      expect(await under.ledger.record('inv-1')).toEqual(sent);
      expect(await under.ledger.tallies()).toEqual(tallies);
    });

    it.each(recordStatuses)('moves the tallies with a record that becomes %s', async (status) => {
      await recordIn(under.ledger, status, 'inv-1', 2);
      const ledger = await under.reopen();
      const expected = ['received', status].map((name) => ({ status: name, currency: 'EUR', count: 1, amountMinor: 1230n }));
      for (const rows of [await ledger.tallies(batchA), await ledger.tallies()]) {
        expect(rows.filter((row) => row.count !== 0)).toEqual(expect.arrayContaining(expected));
        expect(rows.filter((row) => row.count !== 0)).toHaveLength(2);
      }
    });

    it('sums amounts exactly, however large', async () => {
      const amountMinor = 9_007_199_254_740_991n;
      const records = await Promise.all(
        Array.from({ length: 1_100 }, (_, index) => admitted(under.ledger, `inv-${index}`, index + 2, { amountMinor })),
      );
      await Promise.all(records.slice(0, 1_050).map((record) => advanceOne(under.ledger, intent(record))));
      const ledger = await under.reopen();
      expect(await ledger.tallies(batchA)).toEqual(
        expect.arrayContaining([
          { status: 'received', currency: 'EUR', count: 1_100, amountMinor: amountMinor * 1_100n },
          { status: 'submitting', currency: 'EUR', count: 1_050, amountMinor: amountMinor * 1_050n },
        ]),
      );
    });
  });

  describe('body', () => {
    const bytes = Buffer.from('{"amount":1230,"iban":"DE89370400440532013000"}');

    it('returns exactly the bytes of the intent, also after it is opened again', async () => {
      await moved(under.ledger, intent(await admitted(under.ledger, 'inv-1', 2), bytes));
      const ledger = await under.reopen();
      expect(Buffer.from((await ledger.body('inv-1')) ?? [])).toEqual(bytes);
    });

    it('returns nothing before the intent, for an unknown record, and after the body was erased', async () => {
      const queued = await admitted(under.ledger, 'inv-1', 2);
      expect(await under.ledger.body('inv-1')).toBeUndefined();
      expect(await under.ledger.body('inv-9')).toBeUndefined();
      const sent = await moved(under.ledger, intent(queued, bytes));
      // Over by the ledger's clock, whichever it is.
      await moved(under.ledger, step(sent, { status: 'succeeded' }, { body: { eraseAt: Math.min(at, Date.now()) } }));
      expect(await under.ledger.body('inv-1')).toBeUndefined();
    });

    it('keeps a body until the time at which it is to be erased', async () => {
      const sent = await moved(under.ledger, intent(await admitted(under.ledger, 'inv-1', 2), bytes));
      await moved(under.ledger, step(sent, { status: 'failed' }, { body: { eraseAt: Math.max(at, Date.now()) + 365 * 86_400_000 } }));
      expect(await under.ledger.body('inv-1')).toBeDefined();
    });

    it('replaces the body with that of a second intent when the first was proven not sent', async () => {
      const sent = await moved(under.ledger, intent(await admitted(under.ledger, 'inv-1', 2), bytes));
      const back = await moved(under.ledger, step(sent, { status: 'queued', firstSentAt: null, sends: 0 }, { body: { eraseAt: at } }));
      await moved(under.ledger, intent(back, Buffer.from('second')));
      expect(Buffer.from((await under.ledger.body('inv-1')) ?? []).toString()).toBe('second');
    });

    it('never keeps a body that holds a card number', async () => {
      const queued = await admitted(under.ledger, 'inv-1', 2, { hasCardNumber: true });
      await moved(under.ledger, intent(queued, bytes));
      const sent = await under.ledger.record('inv-1');
      if (sent === undefined) throw new Error('inv-1 is gone');
      await expect(advanceOne(under.ledger, step(sent, {}, { body: { keep: bytes } }))).rejects.toThrow(TypeError);
      expect(await under.ledger.body('inv-1')).toBeUndefined();
      expect(await under.ledger.record('inv-1')).toEqual(sent);
    });
  });

  describe('due', () => {
    const dueRecord = async (recordId: string, line: number, dueAt: number | null): Promise<LedgerRecord> =>
      moved(under.ledger, step(await recordIn(under.ledger, 'in_progress', recordId, line), { dueAt }));

    it('returns due records, the longest due first and at most the limit, and the time of the next one', async () => {
      const late = await dueRecord('late', 2, at + 30);
      const early = await dueRecord('early', 3, at + 10);
      await dueRecord('never', 4, null);
      await dueRecord('later', 5, at + 99);
      const ledger = await under.reopen();
      expect(await ledger.due({ batchId: batchA, now: at, limit: 9 })).toEqual({ records: [], nextAt: at + 10 });
      expect(await ledger.due({ batchId: batchA, now: at + 30, limit: 9 })).toEqual({ records: [early, late], nextAt: at + 99 });
      expect(await ledger.due({ batchId: batchA, now: at + 50, limit: 1 })).toEqual({ records: [early], nextAt: at + 30 });
      expect(await ledger.due({ batchId: batchB, now: at + 50, limit: 9 })).toEqual({ records: [], nextAt: null });
      expect(await ledger.due({ batchId: 'unknown', now: at, limit: 9 })).toEqual({ records: [], nextAt: null });
    });

    it('returns a queued record only when it has a due time, as one that is parked or retried has', async () => {
      await admitted(under.ledger, 'inv-2', 3);
      const parked = await moved(under.ledger, step(await admitted(under.ledger, 'inv-1', 2), { dueAt: at }));
      expect(await under.ledger.due({ batchId: batchA, now: at, limit: 9 })).toEqual({ records: [parked], nextAt: null });
    });

    it('no longer returns a record whose due time was removed', async () => {
      const record = await dueRecord('inv-1', 2, at);
      await moved(under.ledger, step(record, { dueAt: null }));
      expect(await under.ledger.due({ batchId: batchA, now: at, limit: 9 })).toEqual({ records: [], nextAt: null });
    });
  });

  describe('list', () => {
    it.each(recordStatuses)('pages through the records that are %s, oldest first', async (status) => {
      const records: LedgerRecord[] = [];
      for (const line of [2, 3, 4]) records.push(await recordIn(under.ledger, status, `inv-${9 - line}`, line));
      await recordIn(under.ledger, isFinal[status] ? 'queued' : 'succeeded', 'other', 5);
      await admitted(under.ledger, 'elsewhere', 2, {}, batchB);
      const first = await under.ledger.list({ batchId: batchA, status, limit: 2 });
      expect(first.map(({ record }) => record)).toEqual(records.slice(0, 2));
      const rest = await under.ledger.list({ batchId: batchA, status, limit: 2, after: first.at(-1)?.cursor ?? 0 });
      expect(rest.map(({ record }) => record)).toEqual(records.slice(2));
    });
  });
}
