/** What a ledger that several instances share must hold beside the contract of every ledger. Run against each store. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SharedLedger } from '../../batches/ports/ledger.ts';
import { admitOne, advanceOne } from '../../batches/ports/single.ts';
import type { LedgerRecord } from '../../batches/record/record.ts';
import { isBalanced } from '../../batches/record/tally.ts';
import { admission, at, batchA, batchB, instructionOf, lineOf, manifest, refused, valid } from '../support/builders.ts';
import { admitted, intent, moved, step } from '../support/ledger-steps.ts';
import type { Shared, SharedLedgerHarness } from './shared-ledger-harness.ts';
import { intentSuite } from './shared-ledger-intent.suite.ts';
import { restoreSuite } from './shared-ledger-restore.suite.ts';

export function sharedLedgerSuite(name: string, createHarness: () => Promise<SharedLedgerHarness>): void {
  describe(`shared ledger contract: ${name}`, () => {
    let harness: SharedLedgerHarness;
    let opened: SharedLedger[];
    beforeEach(async () => {
      harness = await createHarness();
      opened = [];
    });
    afterEach(async () => {
      await Promise.all(opened.map((ledger) => ledger.close()));
      await harness.dispose();
    });
    const open = async (): Promise<SharedLedger> => {
      const ledger = await harness.open();
      opened.push(ledger);
      return ledger;
    };
    const shared: Shared = {
      open,
      async two() {
        const [one, other] = [await open(), await open()];
        await one.openBatch(manifest(batchA));
        return [one, other];
      },
      now: () => harness.now(),
      pass: (ms) => harness.pass(ms),
    };
    decisionsSuite(shared);
    outboxSuite(shared);
    claimSuite(shared);
    batchesSuite(shared);
    overviewSuite(shared);
    restoreSuite(shared);
    intentSuite(shared);
  });
}

function decisionsSuite({ two }: Shared): void {
  describe('two instances', () => {
    it('see what each of them decides', async () => {
      const [one, other] = await two();
      const queued = await admitted(one, 'inv-1', 2);
      expect(await other.record('inv-1')).toEqual(queued);
      const sent = await moved(other, intent(queued, Buffer.from('bytes')));
      expect(Buffer.from((await one.body('inv-1')) ?? []).toString()).toBe('bytes');
      expect(await advanceOne(one, intent(queued))).toEqual({ ok: false, why: 'moved', current: sent });
      expect(await admitOne(other, admission(lineOf(batchA, 2), valid(instructionOf('inv-1'))))).toEqual({ type: 'open', record: sent });
    });

    it('race for each record, and one intent wins', async () => {
      const [one, other] = await two();
      const records = await Promise.all(Array.from({ length: 60 }, (_, index) => admitted(one, `inv-${index}`, index + 2)));
      const race = async (record: LedgerRecord): Promise<number> => {
        const tried = await Promise.all([one, other, one, other].map((ledger) => advanceOne(ledger, intent(record))));
        return tried.filter(({ ok }) => ok).length;
      };
      expect(await Promise.all(records.map(race))).toEqual(records.map(() => 1));
      expect(await one.batch(batchA)).toMatchObject({ sent: 60 });
    });

    it('race for a record id, and one content gets it', async () => {
      const [one, other] = await two();
      const verdicts = await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          admitOne(
            index % 2 === 0 ? one : other,
            admission(lineOf(batchA, index + 2), valid(instructionOf('inv-1'), `content ${index % 3}`)),
          ),
        ),
      );
      expect(verdicts.filter(({ type }) => type === 'admitted')).toHaveLength(1);
      expect(isBalanced(await other.tallies())).toBe(true);
    });

    it('purge details in turns: one continues where the other stopped, and both see the result', async () => {
      const [one, other] = await two();
      for (let index = 0; index < 20; index += 1) {
        const queued = await admitted(one, `inv-${index}`, index + 2, { metadata: { order: '77' } });
        await moved(one, step(queued, { status: 'rejected', reason: { code: 'c', description: 'd' } }));
      }
      const open = await moved(one, intent(await admitted(one, 'open', 50)));
      expect(await one.purgeDetails({ olderThanMs: 0, limit: 7 })).toBe(7);
      expect(await other.purgeDetails({ olderThanMs: 0, limit: 100 })).toBe(13);
      expect(await one.purgeDetails({ olderThanMs: 0, limit: 100 })).toBe(0);
      for (const ledger of [one, other]) {
        expect(await ledger.record('inv-0')).toMatchObject({ status: 'rejected', metadata: undefined, reason: null });
        expect(await ledger.record('open')).toEqual(open);
      }
    });
  });
}

function outboxSuite({ open, two, pass }: Shared): void {
  const reject = (ledger: SharedLedger, line: number): Promise<unknown> =>
    admitOne(ledger, admission(lineOf(batchA, line), refused({ recordId: `inv-${line}` })));

  describe('the outbox of each instance', () => {
    it('holds the events that it decided, until another instance takes them over', async () => {
      const [one, other] = await two();
      for (let line = 2; line < 42; line += 1) await reject(one, line);
      const left = await one.outbox({ limit: 100 });
      expect(left).toHaveLength(40);
      expect(await other.outbox({ limit: 100 })).toEqual([]);
      expect(await other.takeOverOutbox({ olderThanMs: 60_000, limit: 100 })).toBe(0);
      expect(await other.takeOverOutbox({ olderThanMs: 0, limit: 7 })).toBe(7);
      expect(await other.takeOverOutbox({ olderThanMs: 0, limit: 100 })).toBe(33);
      expect(await other.outbox({ limit: 100 })).toEqual(left);
      await other.published({ numbers: left.map(({ number }) => number), mark: null });
      expect(await other.outbox({ limit: 100 })).toEqual([]);
      expect(await other.overview()).toMatchObject({ unpublished: 0 });
    });

    it('takes over each event once within the time, however many instances ask at once', async () => {
      const [one, other] = await two();
      const third = await open();
      for (let line = 2; line < 62; line += 1) await reject(one, line);
      // Far longer than all of them take.
      const olderThanMs = 3_000;
      await pass(olderThanMs + 100);
      const taken = await Promise.all([other, third, other, third].map((ledger) => ledger.takeOverOutbox({ olderThanMs, limit: 20 })));
      expect(taken.reduce((sum, count) => sum + count, 0)).toBe(60);
      const numbers = [...(await other.outbox({ limit: 100 })), ...(await third.outbox({ limit: 100 }))].map(({ number }) => number);
      expect(new Set(numbers).size).toBe(60);
    });
  });
}

function claimSuite({ two, now, pass }: Shared): void {
  const dueSince = async (ledger: SharedLedger, recordId: string, line: number, dueAt: number, batchId = batchA): Promise<LedgerRecord> => {
    const queued = await admitted(ledger, recordId, line, {}, batchId);
    return moved(ledger, step(await moved(ledger, intent(queued)), { status: 'in_progress', dueAt, leaseOwner: null, leaseUntil: null }));
  };

  describe('claimDue', () => {
    it('returns a due record to one instance only, the longest due first, over all batches', async () => {
      const [one, other] = await two();
      await one.openBatch(manifest(batchB));
      const time = now();
      const third = await dueSince(one, 'third', 2, time - 1_000);
      const first = await dueSince(one, 'first', 3, time - 3_000);
      const second = await dueSince(one, 'second', 2, time - 2_000, batchB);
      await dueSince(one, 'never', 4, time + 3_600_000);
      await admitted(one, 'queued', 5);
      expect((await other.claimDue({ limit: 2, leaseMs: 60_000 })).records).toEqual([first, second]);
      expect((await one.claimDue({ limit: 9, leaseMs: 60_000 })).records).toEqual([third]);
      const { records, nextAt } = await other.claimDue({ limit: 9, leaseMs: 60_000 });
      expect(records).toEqual([]);
      expect(nextAt).toBeGreaterThan(time + 50_000);
      expect(nextAt).toBeLessThan(time + 120_000);
    });

    it('returns a record to one of two instances that ask at the same time', async () => {
      const [one, other] = await two();
      for (let index = 0; index < 50; index += 1) await dueSince(one, `inv-${index}`, index + 2, 1_000 + index);
      const claims = await Promise.all([one, other, one, other].map((ledger) => ledger.claimDue({ limit: 20, leaseMs: 60_000 })));
      const ids = claims.flatMap(({ records }) => records.map(({ recordId }) => recordId));
      expect(new Set(ids).size).toBe(ids.length);
      const rest = await one.claimDue({ limit: 100, leaseMs: 60_000 });
      expect(new Set([...ids, ...rest.records.map(({ recordId }) => recordId)]).size).toBe(50);
    });

    it('returns it again when the claim is over, and at its new time when it was written', async () => {
      const [one, other] = await two();
      const left = await dueSince(one, 'left', 2, 1_000);
      const written = await dueSince(one, 'written', 3, 1_000);
      // Far longer than what comes before its end.
      const leaseMs = 5_000;
      expect((await one.claimDue({ limit: 9, leaseMs })).records).toHaveLength(2);
      const later = now() + 3_600_000;
      await moved(one, step(written, { dueAt: later }));
      expect((await other.claimDue({ limit: 9, leaseMs })).records).toEqual([]);
      await pass(leaseMs + 50);
      const { records, nextAt } = await other.claimDue({ limit: 9, leaseMs: 7_200_000 });
      expect(records).toEqual([left]);
      expect(nextAt).toBe(later);
    });

    it('finds a first send whose lease is over, and nothing that ended', async () => {
      const [one, other] = await two();
      const dead = await moved(one, intent(await admitted(one, 'dead', 2), Buffer.from('x'), now() - 120_000));
      await moved(one, intent(await admitted(one, 'alive', 3), Buffer.from('x'), now()));
      const ended = await dueSince(one, 'ended', 4, 1_000);
      await moved(one, step(ended, { status: 'succeeded', dueAt: null }));
      expect((await other.claimDue({ limit: 9, leaseMs: 1_000 })).records).toEqual([dead]);
    });
  });
}

function batchesSuite({ open, two }: Shared): void {
  describe('a batch', () => {
    it('that events created takes the pins of the first file that names it, and keeps them', async () => {
      const [one, other] = await two();
      const unpinned = { ...manifest(batchB), file: 'topic', delimiter: '', bytes: 0, blockDigests: [] };
      await one.openBatch(unpinned);
      await one.updateBatch({ batchId: batchB, state: 'paused', at });
      const pinned = await other.openBatch({ ...manifest(batchB), policy: 'all-or-nothing', at: at + 9 });
      expect(pinned).toMatchObject({
        file: 'may.csv',
        delimiter: ',',
        bytes: 1_000,
        blockDigests: ['d1', 'd2'],
        state: 'paused',
        startedAt: at,
      });
      for (const again of [unpinned, { ...manifest(batchB), file: 'june.csv', bytes: 9 }])
        expect(await one.openBatch(again)).toEqual(pinned);
    });

    it('must be open before an admission or progress names it', async () => {
      const ledger = await open();
      await expect(admitOne(ledger, admission(lineOf(batchA, 2), refused()))).rejects.toThrow(/never opened/);
      await expect(ledger.saveEnqueueProgress({ batchId: batchA, line: 1, rows: null })).rejects.toThrow(/never opened/);
    });

    it('of a file is unfinished while it is running or waiting; a batch of events never is', async () => {
      const [one, other] = await two();
      for (const batchId of [batchB, 'may-refunds', 'A'.repeat(64)])
        await one.openBatch({ ...manifest(batchId), bytes: 0, blockDigests: [] });
      expect((await other.unfinishedFiles()).toSorted()).toEqual([batchA, batchB]);
      await one.updateBatch({ batchId: batchA, state: 'waiting', at });
      await other.updateBatch({ batchId: batchB, state: 'stopped', at });
      expect(await other.unfinishedFiles()).toEqual([batchA]);
      for (const batchId of [batchA, 'may-refunds']) await one.updateBatch({ batchId, state: 'finished', at });
      expect(await other.unfinishedFiles()).toEqual([]);
      await one.updateBatch({ batchId: batchB, state: 'running', at });
      await one.openBatch(manifest(batchB));
      await one.updateBatch({ batchId: batchB, phase: 'released', at });
      expect(await other.unfinishedFiles()).toEqual([batchB]);
    });

    it('keeps how far its file was enqueued, and never goes back', async () => {
      const [one, other] = await two();
      expect(await one.enqueueProgress(batchA)).toEqual({ line: 0, rows: null });
      await one.saveEnqueueProgress({ batchId: batchA, line: 500, rows: null });
      await other.saveEnqueueProgress({ batchId: batchA, line: 300, rows: null });
      expect(await other.enqueueProgress(batchA)).toEqual({ line: 500, rows: null });
      await one.saveEnqueueProgress({ batchId: batchA, line: 900, rows: 899 });
      expect(await other.enqueueProgress(batchA)).toEqual({ line: 900, rows: 899 });
      expect(await one.batch(batchA)).toMatchObject({ file: 'may.csv', state: 'running' });
    });
  });
}

function overviewSuite({ two, now, pass }: Shared): void {
  describe('overview', () => {
    it('returns since when the oldest open record waits, the number of unpublished events, and each dead letter once', async () => {
      const [one, other] = await two();
      expect(await one.overview()).toMatchObject({ oldestOpenAt: { queued: null }, unpublished: 0, deadLetters: 0 });
      const before = now();
      const first = await admitted(one, 'inv-1', 2);
      const after = now();
      await pass(10);
      await admitted(other, 'inv-2', 3);
      for (const ledger of [one, other]) {
        await ledger.countDeadLetter({ stream: 'topic:pay:0', position: 7 });
        await ledger.countDeadLetter({ stream: 'topic:pay:1', position: 7 });
      }
      const seen = await other.overview();
      expect(seen.oldestOpenAt.queued).toBeGreaterThanOrEqual(before - 2);
      expect(seen.oldestOpenAt.queued).toBeLessThanOrEqual(after + 2);
      await moved(one, step(first, { status: 'cancelled' }));
      expect(await other.overview()).toMatchObject({ unpublished: 1, deadLetters: 2 });
      expect((await other.overview()).oldestOpenAt.queued).toBeGreaterThan(seen.oldestOpenAt.queued ?? 0);
    });
  });
}
