import { beforeEach, describe, expect, it } from 'vitest';
import { packFingerprint, shortSession } from '../../batches/record/packed.ts';
import type { LedgerRecord } from '../../batches/record/record.ts';
import { isFinal } from '../../batches/record/status.ts';
import { isBalanced } from '../../batches/record/tally.ts';
import { recordStatuses, type LedgerUnderTest } from './ledger-harness.ts';
import { admission, batchA, batchB, instructionOf, keys, lineOf, manifest, valid } from '../support/builders.ts';
import { admitted, intent, moved, recordIn, step } from '../support/ledger-steps.ts';
import { admitOne } from '../../batches/ports/single.ts';

/** What is written within a test right before it is looked at is younger, also on a busy machine. */
const longAgoMs = 5_000;

const draft = { metadata: { order: '77' }, destination: 'DE**…3000' };

const purged = (record: LedgerRecord): LedgerRecord => ({
  ...record,
  metadata: undefined,
  destination: undefined,
  reason: null,
  checks: 0,
  audit: { number: (record.audit?.number ?? 0) + 1, chain: expect.any(String) as string },
});

/** What a ledger that packs keeps of a record that has ended. */
export const packed = (record: LedgerRecord): LedgerRecord => ({
  ...purged(record),
  fingerprint: packFingerprint(record.fingerprint),
  sessionId: record.sessionId === null ? null : shortSession(record.sessionId),
  sends: Math.min(record.sends, 1),
  ...{ firstSentAt: null, sentClocks: null, keyLifetimeMs: null, idempotencyHeader: null, leaseOwner: null, leaseUntil: null },
  ...{ entryId: null, confirmSession: null, cancelSession: null, resend: null, alreadyReceived: false },
});

export function retentionSuite(under: LedgerUnderTest): void {
  const withoutDetails = (record: LedgerRecord): LedgerRecord => (under.packs ? packed(record) : purged(record));

  describe('purgeDetails', () => {
    beforeEach(async () => {
      await under.ledger.openBatch(manifest(batchA));
    });

    /** A failed record about which everything is reported that can be dropped. */
    const failed = async (recordId: string, line: number): Promise<LedgerRecord> => {
      const sent = await moved(under.ledger, intent(await admitted(under.ledger, recordId, line, draft)));
      return moved(
        under.ledger,
        step(sent, { status: 'failed', sessionId: `ps_${recordId}`, entryId: 'po_1', checks: 3, reason: { code: 'c', description: 'd' } }),
      );
    };

    it('drops the details of records that ended long ago, in parts, and keeps what must be known permanently', async () => {
      const ended: LedgerRecord[] = [];
      for (let index = 0; index < 20; index += 1) ended.push(await failed(`inv-${index}`, index + 2));
      expect(await under.ledger.purgeDetails({ olderThanMs: 3_600_000, limit: 100 })).toBe(0);
      expect(await under.ledger.record('inv-0')).toEqual(ended[0]);
      await under.pass(longAgoMs + 100);
      const young = await failed('young', 50);
      expect(await under.ledger.purgeDetails({ olderThanMs: longAgoMs, limit: 7 })).toBe(7);
      const whole = await Promise.all(ended.map(async (record) => (await under.ledger.record(record.recordId))?.reason !== null));
      expect(whole.filter(Boolean)).toHaveLength(13);
      expect(await under.ledger.purgeDetails({ olderThanMs: longAgoMs, limit: 100 })).toBe(13);
      expect(await under.ledger.purgeDetails({ olderThanMs: longAgoMs, limit: 100 })).toBe(0);
      const ledger = await under.reopen();
      for (const record of ended) expect(await ledger.record(record.recordId)).toEqual(withoutDetails(record));
      expect(await ledger.record('young')).toEqual(young);
      const { count } = (await ledger.tallies(batchA)).find(({ status }) => status === 'failed') ?? {};
      expect(count).toBe(21);
      expect(isBalanced(await ledger.tallies())).toBe(true);
    });

    it('drops the details of every final status in every batch, and of no open record', async () => {
      await under.ledger.openBatch(manifest(batchB));
      const records: LedgerRecord[] = [];
      for (const [index, status] of recordStatuses.entries())
        records.push(await recordIn(under.ledger, status, `inv-${status}`, index + 2));
      const elsewhere = await admitted(under.ledger, 'elsewhere', 2, draft, batchB);
      records.push(await moved(under.ledger, step(elsewhere, { status: 'cancelled', reason: { code: 'c', description: 'd' } })));
      const finals = records.filter(({ status }) => isFinal[status]).length;
      expect(await under.ledger.purgeDetails({ olderThanMs: 0, limit: 100 })).toBe(finals);
      for (const record of records) {
        expect(await under.ledger.record(record.recordId)).toEqual(isFinal[record.status] ? withoutDetails(record) : record);
      }
      expect(Buffer.from((await under.ledger.body('inv-unknown')) ?? []).toString()).toBe('{}');
    });

    it('drops no more at once than the limit', async () => {
      await Promise.all(
        Array.from({ length: 600 }, async (_, index) => {
          const queued = await admitted(under.ledger, `inv-${index}`, index + 2, draft);
          await moved(under.ledger, step(queued, { status: 'rejected' }));
        }),
      );
      expect(await under.ledger.purgeDetails({ olderThanMs: 0, limit: 555 })).toBe(555);
      const listed = await under.ledger.list({ batchId: batchA, status: 'rejected', limit: 1_000 });
      expect(listed.filter(({ record }) => record.destination !== undefined)).toHaveLength(45);
      expect(await under.ledger.purgeDetails({ olderThanMs: 0, limit: 1_000 })).toBe(45);
    });

    it('leaves occurrences known and record ids bound or free as they were', async () => {
      await failed('inv-1', 2);
      await moved(under.ledger, step(await admitted(under.ledger, 'free', 3, draft), { status: 'rejected' }));
      expect(await under.ledger.purgeDetails({ olderThanMs: 0, limit: 100 })).toBe(2);

      const ask = (line: number, content: Parameters<typeof admission>[1]) =>
        admitOne(under.ledger, admission(lineOf(batchA, line), content));
      const last = async (): Promise<unknown> => JSON.parse((await under.ledger.outbox({ limit: 100 })).at(-1)?.json ?? '{}');
      const earlier = { status: 'failed', batch_id: batchA, source: { file: 'may.csv', line: 2 } };

      expect(await ask(2, valid(instructionOf('inv-1', draft)))).toEqual({ type: 'settled', status: 'failed', fresh: false });
      expect(await ask(90, valid(instructionOf('inv-1', draft)))).toEqual({ type: 'settled', status: 'duplicate', fresh: true });
      expect(await last()).toMatchObject({ status: 'duplicate', sequence: 2, earlier });
      // Which fields differ is gone with the story.
      expect(await ask(91, valid(instructionOf('inv-1', { ...draft, amountMinor: 7n })))).toMatchObject({
        status: 'conflict',
        fresh: true,
      });
      expect(await last()).toMatchObject({ status: 'conflict', sequence: 3, earlier, fields: [] });
      expect(await ask(92, valid(instructionOf('inv-1', { ...draft, kind: 'payment' }), 'other'))).toMatchObject({ status: 'conflict' });
      expect(await last()).toMatchObject({ status: 'conflict', sequence: 4, fields: ['kind'] });
      expect(await ask(93, valid(instructionOf('free', draft), 'corrected'))).toMatchObject({
        type: 'admitted',
        record: { destination: 'DE**…3000', metadata: { order: '77' } },
      });
      expect(isBalanced(await under.ledger.tallies())).toBe(true);
    });

    it('leaves unpublished events as they were decided', async () => {
      await failed('inv-1', 2);
      await failed('inv-2', 3);
      const before = await under.ledger.outbox({ limit: 100 });
      expect(before).toHaveLength(2);
      expect(before[0]?.json).toContain('"order":"77"');
      await under.ledger.purgeDetails({ olderThanMs: 0, limit: 100 });
      const ledger = await under.reopen();
      expect(await ledger.outbox({ limit: 100 })).toEqual(before);
      await ledger.published({ numbers: before.map(({ number }) => number), mark: null });
      expect(await ledger.outbox({ limit: 100 })).toEqual([]);
    });

    it('counts from the newest end of a record that was retried', async () => {
      const first = await failed('inv-1', 2);
      await under.pass(longAgoMs + 100);
      const attempt = (number: number) => ({ attempt: number, idempotencyKey: keys.idempotencyKey('payout', 'inv-1', number) });
      const again = await moved(under.ledger, step(first, { status: 'queued', ...attempt(2), sends: 0, firstSentAt: null, reason: null }));
      expect(await under.ledger.purgeDetails({ olderThanMs: longAgoMs, limit: 100 })).toBe(0);
      const sent = await moved(under.ledger, intent(again));
      const ended = await moved(under.ledger, step(sent, { status: 'failed', reason: { code: 'c2', description: 'd2' } }));
      expect(await under.ledger.purgeDetails({ olderThanMs: longAgoMs, limit: 100 })).toBe(0);
      expect(await under.ledger.record('inv-1')).toEqual(ended);
      await under.pass(longAgoMs + 100);
      expect(await under.ledger.purgeDetails({ olderThanMs: longAgoMs, limit: 100 })).toBe(1);
      // And once more after a story was dropped.
      const third = await moved(
        under.ledger,
        step((await under.ledger.record('inv-1')) ?? ended, { status: 'queued', ...attempt(3), sends: 0, firstSentAt: null }),
      );
      const over = await moved(under.ledger, step(third, { status: 'rejected', reason: { code: 'c3', description: 'd3' } }));
      expect(await under.ledger.purgeDetails({ olderThanMs: 0, limit: 100 })).toBe(1);
      expect(await under.ledger.record('inv-1')).toEqual(withoutDetails(over));
    });
  });
}
