import { describe, expect, it } from 'vitest';
import { admitOne } from '../../batches/ports/single.ts';
import { recordEvent } from '../../batches/record/result-event.ts';
import { isBalanced } from '../../batches/record/tally.ts';
import { admission, at, batchA, instructionOf, keys, lineOf, queuedRecord, sentRecord, valid } from '../support/builders.ts';
import { admitted } from '../support/ledger-steps.ts';
import type { Shared } from './shared-ledger-harness.ts';

export function restoreSuite({ two }: Shared): void {
  const fields = { paths: 'amount_details.amount', digests: Buffer.alloc(8) };
  const settled = {
    occurrence: lineOf(batchA, 3),
    batchId: batchA,
    recordId: 'inv-1',
    status: 'duplicate',
    amountMinor: 1230n,
    currency: 'EUR',
    sequence: 9,
  } as const;
  const paid = sentRecord({ batchId: batchA, occurrence: lineOf(batchA, 2), status: 'succeeded', sequence: 1 });

  describe('restore', () => {
    it('writes a record with its tallies, body, event and first send, once', async () => {
      const [one, other] = await two();
      const unknown = { ...paid, status: 'unknown', leaseOwner: null, leaseUntil: null } as const;
      const params = { record: unknown, fields, body: Buffer.from('bytes'), event: recordEvent(keys, unknown, at) };
      for (const ledger of [one, other, one]) await ledger.restore(params);
      expect(await other.record('inv-1')).toEqual(unknown);
      expect(Buffer.from((await other.body('inv-1')) ?? []).toString()).toBe('bytes');
      expect(await one.outbox({ limit: 9 })).toHaveLength(1);
      expect(await other.outbox({ limit: 9 })).toEqual([]);
      expect(await other.batch(batchA)).toMatchObject({ sent: 1, firstSentAt: unknown.firstSentAt });
      expect((await other.tallies(batchA)).map(({ status, count }) => [status, count]).toSorted()).toEqual([
        ['received', 1],
        ['unknown', 1],
      ]);
      expect(await admitOne(one, admission(lineOf(batchA, 2), valid(instructionOf('inv-1'))))).toMatchObject({ type: 'open' });
    });

    it('leaves a record alone that has its record id already', async () => {
      const [one, other] = await two();
      const queued = await admitted(one, 'inv-1', 2);
      await other.restore({ record: paid, fields });
      expect(await one.record('inv-1')).toEqual(queued);
      expect(isBalanced(await one.tallies())).toBe(true);
    });

    it("restores a record whose place another one has, and the place stays the first one's", async () => {
      const [one, other] = await two();
      await one.restore({ record: paid, fields });
      const rivals = Array.from({ length: 16 }, (_, n) => `rival-${n}`);
      for (const recordId of rivals.slice(0, 4)) await other.restore({ record: { ...paid, recordId }, fields });
      for (const recordId of rivals)
        expect((await admitOne(other, admission(lineOf(batchA, 2), valid(instructionOf(recordId))))).type).not.toBe('admitted');
      expect(await admitOne(one, admission(lineOf(batchA, 2), valid(instructionOf('inv-1'))))).toMatchObject({
        type: 'settled',
        status: 'succeeded',
      });
    });

    it('never keeps a body that holds a card number', async () => {
      const [one] = await two();
      await expect(one.restore({ record: { ...paid, hasCardNumber: true }, fields, body: Buffer.from('x') })).rejects.toThrow(TypeError);
      expect(await one.record('inv-1')).toBeUndefined();
    });
  });

  describe('restoreSettled', () => {
    it('writes an occurrence that ended by itself, once, and raises the sequence of its record id', async () => {
      const [one, other] = await two();
      await one.restore({ record: paid, fields });
      for (const ledger of [one, other]) await ledger.restoreSettled(settled);
      expect(await one.record('inv-1')).toEqual({ ...paid, sequence: 9 });
      expect(await admitOne(one, admission(lineOf(batchA, 3), valid(instructionOf('inv-1'))))).toEqual({
        type: 'settled',
        status: 'duplicate',
        fresh: false,
      });
      expect((await one.tallies(batchA)).find(({ status }) => status === 'duplicate')).toMatchObject({ count: 1, amountMinor: 1230n });
      expect(await one.countUnsettledDuplicates({ batchId: batchA, exceptInProgress: false })).toBe(0);
    });

    it('keeps the sequence for a record that is restored or admitted after it', async () => {
      const [one, other] = await two();
      await one.restoreSettled({ ...settled, status: 'rejected' });
      await other.restore({ record: queuedRecord({ batchId: batchA, occurrence: lineOf(batchA, 2) }), fields });
      expect(await one.record('inv-1')).toMatchObject({ status: 'queued', sequence: 9 });
      await one.restoreSettled({ ...settled, occurrence: lineOf(batchA, 4), recordId: 'inv-2', status: 'rejected', sequence: 4 });
      expect(await admitted(other, 'inv-2', 5)).toMatchObject({ sequence: 4 });
    });

    it('publishes the event of an occurrence once, by the instance that has written it', async () => {
      const [one, other] = await two();
      const ended = queuedRecord({ batchId: batchA, occurrence: lineOf(batchA, 3), status: 'cancelled', sequence: 2 });
      const event = recordEvent(keys, ended, at);
      const params = { ...settled, status: 'cancelled', sequence: 2, event } as const;
      for (const ledger of [one, other, one]) await ledger.restoreSettled(params);
      const entries = await one.outbox({ limit: 9 });
      expect(entries.map(({ eventId }) => eventId)).toEqual([event.event_id]);
      expect(JSON.parse(entries[0]?.json ?? '')).toMatchObject({ ...event });
      expect(await other.outbox({ limit: 9 })).toEqual([]);
      expect((await one.tallies(batchA)).map(({ status, count }) => [status, count]).toSorted()).toEqual([
        ['cancelled', 1],
        ['received', 1],
      ]);
      expect(await admitOne(one, admission(lineOf(batchA, 3), valid(instructionOf('inv-1'))))).toEqual({
        type: 'settled',
        status: 'cancelled',
        fresh: false,
      });
      expect(await one.record('inv-1')).toBeUndefined();
      await one.published({ numbers: entries.map(({ number }) => number), mark: null });
      await one.restoreSettled(params);
      expect(await one.outbox({ limit: 9 })).toEqual([]);
    });

    it('leaves the event of an instance that has ended to another one', async () => {
      const [one, other] = await two();
      const ended = queuedRecord({ batchId: batchA, occurrence: lineOf(batchA, 3), status: 'cancelled', sequence: 2 });
      const event = recordEvent(keys, ended, at);
      await one.restoreSettled({ ...settled, status: 'cancelled', sequence: 2, event });
      expect(await other.takeOverOutbox({ olderThanMs: 0, limit: 9 })).toBe(1);
      expect((await other.outbox({ limit: 9 })).map(({ eventId }) => eventId)).toEqual([event.event_id]);
    });

    it('counts a restored duplicate as unsettled until the record under its id has succeeded', async () => {
      const [one] = await two();
      await one.restoreSettled(settled);
      expect(await one.countUnsettledDuplicates({ batchId: batchA, exceptInProgress: false })).toBe(1);
      await one.restore({ record: paid, fields });
      expect(await one.countUnsettledDuplicates({ batchId: batchA, exceptInProgress: false })).toBe(0);
    });
  });
}
