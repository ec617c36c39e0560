/** What every ledger must hold about audit trails and about alerts on records. */
import { beforeEach, describe, expect, it } from 'vitest';
import { publishedHash, readAuditEntry } from '../../batches/audit/audit-entry.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import { admitOne, advanceOne } from '../../batches/ports/single.ts';
import type { LedgerRecord, RecordAlert } from '../../batches/record/record.ts';
import { alertOf } from '../../batches/record/alert.ts';
import { acknowledgeAlerts, raiseAlert } from '../../batches/record/record-alerts.ts';
import { move } from '../../batches/record/step.ts';
import { admission, at, batchA, batchB, instructionOf, lineOf, manifest, transitionSettings, valid } from '../support/builders.ts';
import { admitted, intent, moved, step } from '../support/ledger-steps.ts';
import type { LedgerUnderTest } from './ledger-harness.ts';

const { audit } = transitionSettings;

const succeed = (ledger: Ledger, record: LedgerRecord): Promise<LedgerRecord> =>
  moved(
    ledger,
    move(transitionSettings, record, {
      patch: { status: 'succeeded', sessionId: `ps_${record.recordId}`, isSessionProven: true },
      event: 'answer',
      at,
    }),
  );

const verification = async (ledger: Ledger, recordId: string, change: (entries: Entry[]) => Entry[] = (entries) => entries) => {
  const record = await ledger.record(recordId);
  return audit.verify(recordId, { entries: change([...(await ledger.trail(recordId))]), head: record?.audit ?? null, published: [] });
};
type Entry = Awaited<ReturnType<Ledger['trail']>>[number];

export function auditSuite(under: LedgerUnderTest): void {
  describe('the audit trail', () => {
    beforeEach(async () => {
      await under.ledger.openBatch(manifest(batchA));
      await under.ledger.openBatch(manifest(batchB));
    });

    const names = async (recordId: string): Promise<unknown[]> =>
      (await under.ledger.trail(recordId)).map(({ text }) => readAuditEntry(text)?.event);

    it('of an unknown record is empty', async () => {
      expect(await under.ledger.trail('unknown')).toEqual([]);
    });

    it('has an entry for each step, in the same order after the ledger is opened again, and is whole', async () => {
      await succeed(under.ledger, await moved(under.ledger, intent(await admitted(under.ledger, 'inv-1', 2))));
      const ledger = await under.reopen();
      expect(await names('inv-1')).toEqual(['admitted', 'intent', 'answer']);
      expect((await ledger.record('inv-1'))?.audit?.number).toBe(3);
      expect(await verification(ledger, 'inv-1')).toEqual({ type: 'whole', from: 1 });
    });

    it('is published by number and hash with the result of a step', async () => {
      const record = await succeed(under.ledger, await moved(under.ledger, intent(await admitted(under.ledger, 'inv-1', 2))));
      const [event] = await under.ledger.outbox({ limit: 9 });
      const trail = await under.ledger.trail('inv-1');
      expect(JSON.parse(event?.json ?? '{}')).toMatchObject({ audit_number: 3, audit_head: trail[2]?.hash });
      expect(trail[2]?.hash).toBe(record.audit === null ? undefined : publishedHash(record.audit));
    });

    it('gets an entry for each duplicate, conflict and rejected occurrence of the record id', async () => {
      await admitted(under.ledger, 'inv-1', 2);
      await admitOne(under.ledger, admission(lineOf(batchB, 2), valid(instructionOf('inv-1')), batchB));
      await admitOne(under.ledger, admission(lineOf(batchB, 3), valid(instructionOf('inv-1', { amountMinor: 7n })), batchB));
      expect(await names('inv-1')).toEqual(['admitted', 'duplicate', 'conflict']);
      const events = (await under.ledger.outbox({ limit: 9 })).map(({ json }) => JSON.parse(json) as Record<string, unknown>);
      expect(events.map(({ status, audit_number: number }) => [status, number])).toEqual([
        ['duplicate', 2],
        ['conflict', 3],
      ]);
      expect(await verification(under.ledger, 'inv-1')).toEqual({ type: 'whole', from: 1 });
    });

    it('goes on when a corrected instruction takes the record id', async () => {
      const record = await admitted(under.ledger, 'inv-1', 2);
      await moved(
        under.ledger,
        move(transitionSettings, record, {
          patch: { status: 'rejected', reason: { code: 'c', description: 'd' } },
          event: 'rejected',
          at,
        }),
      );
      await admitted(under.ledger, 'inv-1', 3, { amountMinor: 8n });
      await under.reopen();
      expect(await names('inv-1')).toEqual(['admitted', 'rejected', 'admitted']);
      expect(await verification(under.ledger, 'inv-1')).toEqual({ type: 'whole', from: 1 });
    });

    it('gets nothing of a step that is refused', async () => {
      const record = await admitted(under.ledger, 'inv-1', 2);
      await moved(under.ledger, intent(record));
      expect(await advanceOne(under.ledger, intent(record))).toMatchObject({ ok: false, why: 'moved' });
      expect(await names('inv-1')).toEqual(['admitted', 'intent']);
    });

    it.each<[string, (entries: Entry[]) => Entry[], number]>([
      [
        'with one entry changed',
        ([one, two, ...more]) => [one, { ...two, text: two?.text.replace('"send":1', '"send":2') }, ...more] as Entry[],
        2,
      ],
      ['with one entry removed', ([one, , ...more]) => [one, ...more] as Entry[], 2],
      ['with its end cut', (entries) => entries.slice(0, -1), 3],
      ['with its beginning cut', (entries) => entries.slice(1), 1],
      ['with two entries swapped', ([one, two, three]) => [one, three, two] as Entry[], 2],
    ])('is found broken %s', async (_, change, number) => {
      await succeed(under.ledger, await moved(under.ledger, intent(await admitted(under.ledger, 'inv-1', 2))));
      expect(await verification(under.ledger, 'inv-1', change)).toMatchObject({ type: 'broken', number });
    });

    it('is replaced by one entry, which it is verified from, when the details of an ended record are purged', async () => {
      const record = await succeed(
        under.ledger,
        await moved(under.ledger, intent(await admitted(under.ledger, 'inv-1', 2, { destination: 'DE' }))),
      );
      await under.pass(10);
      expect(await under.ledger.purgeDetails({ olderThanMs: 0, limit: 9 })).toBe(1);
      await under.reopen();
      expect(await names('inv-1')).toEqual(['retention']);
      expect((await under.ledger.record('inv-1'))?.audit?.number).toBe((record.audit?.number ?? 0) + 1);
      expect(await verification(under.ledger, 'inv-1')).toEqual({ type: 'whole', from: 4 });
    });
  });

  describe('alerted', () => {
    const alert = (fact: string, acknowledged = false): RecordAlert => ({ alert: 'refunded', fact, at, acknowledged });

    it('a final record gets an alert, with an entry of its trail, and its status, its event and the totals stay', async () => {
      await under.ledger.openBatch(manifest(batchA));
      const record = await succeed(under.ledger, await moved(under.ledger, intent(await admitted(under.ledger, 'inv-1', 2))));
      const events = await under.ledger.outbox({ limit: 9 });
      const tallies = await under.ledger.tallies(batchA);
      const raised = alertOf('refunded', record, { sessionId: 'ps_1', description: 'Money came back.' });
      const change = raiseAlert(transitionSettings, record, raised, at);
      if (change === null) throw new Error('nothing is raised');
      await moved(under.ledger, change);
      const acknowledged = acknowledgeAlerts(transitionSettings, change.after, { by: 'ann', reason: 'looked at', at });
      expect((await under.ledger.alerted({ limit: 9 })).map((listed) => listed.record.recordId)).toEqual(['inv-1']);
      if (acknowledged === null) throw new Error('nothing is open');
      await moved(under.ledger, acknowledged);
      expect(await under.ledger.outbox({ limit: 9 })).toEqual(events);
      expect(await under.ledger.tallies(batchA)).toEqual(tallies);
      const ledger = await under.reopen();
      const after = await ledger.record('inv-1');
      expect(after).toMatchObject({ status: 'succeeded', sequence: record.sequence });
      expect(after?.alerts).toEqual([{ alert: 'refunded', fact: 'ps_1', at, acknowledged: true }]);
      expect(await ledger.alerted({ limit: 9 })).toEqual([]);
      const trail = await ledger.trail('inv-1');
      expect(trail.map(({ text }) => readAuditEntry(text)?.event)).toEqual(['admitted', 'intent', 'answer', 'alert', 'alert']);
      expect(readAuditEntry(trail[4]?.text ?? '')).toMatchObject({
        by: 'ann',
        detail: { acknowledged: 1, alerts: 'refunded', reason: 'looked at' },
      });
      expect(await verification(ledger, 'inv-1')).toEqual({ type: 'whole', from: 1 });
    });

    it('lists the records that have an alert which is not acknowledged, page by page', async () => {
      await under.ledger.openBatch(manifest(batchA));
      const [one, two, three] = [
        await admitted(under.ledger, 'inv-1', 2),
        await admitted(under.ledger, 'inv-2', 3),
        await admitted(under.ledger, 'inv-3', 4),
      ];
      await moved(under.ledger, step(one, { alerts: [alert('a')] }));
      const both = await moved(under.ledger, step(two, { alerts: [alert('a', true), alert('b')] }));
      await moved(under.ledger, step(three, { alerts: [alert('a', true)] }));
      const ledger = await under.reopen();
      const listed = await ledger.alerted({ limit: 9 });
      expect(listed.map(({ record }) => record.recordId).sort()).toEqual(['inv-1', 'inv-2']);
      expect(listed.find(({ record }) => record.recordId === 'inv-2')?.record).toEqual(both);
      const [first] = await ledger.alerted({ limit: 1 });
      const rest = await ledger.alerted({ limit: 9, after: first?.cursor ?? '' });
      expect([first, ...rest].map((found) => found?.record.recordId).sort()).toEqual(['inv-1', 'inv-2']);
      await moved(ledger, step(both, { alerts: both.alerts.map((found) => ({ ...found, acknowledged: true })) }));
      expect((await ledger.alerted({ limit: 9 })).map(({ record }) => record.recordId)).toEqual(['inv-1']);
    });
  });
}
