import { beforeEach, describe, expect, it } from 'vitest';
import { advanceOne } from '../../batches/ports/single.ts';
import type { Change } from '../../batches/record/change.ts';
import type { LedgerRecord, MachineClocks } from '../../batches/record/record.ts';
import { recordIntent } from '../../batches/record/transitions.ts';
import { batchA, manifest, transitionSettings } from '../support/builders.ts';
import { admitted, moved, step } from '../support/ledger-steps.ts';
import type { LedgerUnderTest } from './ledger-harness.ts';

const bytes = Buffer.from('{}');
const lifetimeMs = 3_600_000;
const { timeoutMs } = transitionSettings;

export function sendsSuite(under: LedgerUnderTest): void {
  /** By the clocks of a machine that shows the ledger's time, so long after its first send. */
  const clocksAfter = (ms: number): MachineClocks => ({ wallAt: under.now() + ms, uptimeMs: under.shared ? null : 5_000 + ms });

  const intentAt = (record: LedgerRecord, clocks: MachineClocks, keyLifetimeMs: number | null = lifetimeMs): Change =>
    recordIntent(record, { owner: 'me', at: under.now(), leaseMs: 60_000, bytes, terms: { ...transitionSettings, keyLifetimeMs }, clocks });

  /** Its answer was lost. */
  const openSend = async (keyLifetimeMs: number | null = lifetimeMs): Promise<LedgerRecord> => {
    const sent = await moved(under.ledger, intentAt(await admitted(under.ledger, 'inv-1', 2), clocksAfter(0), keyLifetimeMs));
    return moved(under.ledger, step(sent, { status: 'unknown', leaseOwner: null, leaseUntil: null, dueAt: under.now() }));
  };

  describe('an intent to resend', () => {
    beforeEach(async () => {
      await under.ledger.openBatch(manifest(batchA));
    });

    it('is written while the gateway surely remembers the key, also after the ledger is opened again', async () => {
      const open = await openSend();
      const ledger = await under.reopen();
      const change = intentAt(open, clocksAfter(60_000));
      expect(await advanceOne(ledger, change)).toEqual({ ok: true });
      expect(await ledger.record('inv-1')).toEqual(change.after);
    });

    it('is refused when the wall clock alone shows that the gateway may have forgotten the key', async () => {
      const open = await openSend();
      const clocks = { ...clocksAfter(0), wallAt: under.now() + lifetimeMs - timeoutMs };
      expect(await advanceOne(under.ledger, intentAt(open, clocks))).toEqual({ ok: false, why: 'too_old', current: open });
      const ledger = await under.reopen();
      expect(await ledger.record('inv-1')).toEqual(open);
    });

    it('is refused when the time since boot alone shows it, where one machine sends', async () => {
      if (under.shared) return;
      const open = await openSend();
      const clocks = { ...clocksAfter(0), uptimeMs: 5_000 + lifetimeMs - timeoutMs };
      expect(await advanceOne(under.ledger, intentAt(open, clocks))).toEqual({ ok: false, why: 'too_old', current: open });
    });

    it("is refused when the ledger's own time shows that the gateway may have forgotten the key", async () => {
      const open = await openSend(timeoutMs + 4_000);
      await under.pass(4_000);
      expect(await advanceOne(under.ledger, intentAt(open, clocksAfter(0)))).toEqual({ ok: false, why: 'too_old', current: open });
    });

    it('is refused when the key lifetime was not set at the first send', async () => {
      const open = await openSend(null);
      expect(await advanceOne(under.ledger, intentAt(open, clocksAfter(0)))).toEqual({ ok: false, why: 'too_old', current: open });
    });

    it('is refused when the clocks of the first send are not known', async () => {
      const open = await moved(under.ledger, step(await openSend(), { sentClocks: null }));
      expect(await advanceOne(under.ledger, intentAt(open, clocksAfter(0)))).toEqual({ ok: false, why: 'too_old', current: open });
    });
  });

  describe('a session', () => {
    beforeEach(async () => {
      await under.ledger.openBatch(manifest(batchA));
    });

    const sent = async (recordId: string, line: number): Promise<LedgerRecord> =>
      moved(under.ledger, intentAt(await admitted(under.ledger, recordId, line), clocksAfter(0)));
    const accepted = (record: LedgerRecord, sessionId: string): Change =>
      step(record, { status: 'in_progress', sessionId, isSessionProven: true, leaseOwner: null, leaseUntil: null });

    it('belongs to the first record that shows it: a change of another one with it is refused, and writes nothing', async () => {
      await moved(under.ledger, accepted(await sent('inv-1', 2), 'ps_1'));
      const other = await sent('inv-2', 3);
      const before = { tallies: await under.ledger.tallies(), outbox: await under.ledger.outbox({ limit: 9 }) };
      const refused = { ok: false, why: 'session_taken', current: other, sessionId: 'ps_1', takenBy: 'inv-1' };
      expect(await advanceOne(under.ledger, accepted(other, 'ps_1'))).toEqual(refused);
      const ledger = await under.reopen();
      expect(await advanceOne(ledger, accepted(other, 'ps_1'))).toEqual(refused);
      expect(await ledger.record('inv-2')).toEqual(other);
      expect({ tallies: await ledger.tallies(), outbox: await ledger.outbox({ limit: 9 }) }).toEqual(before);
      expect(await advanceOne(ledger, accepted(other, 'ps_2'))).toEqual({ ok: true });
    });

    it('stays with its record in every later change, and when a second session is cancelled', async () => {
      const first = await moved(under.ledger, accepted(await sent('inv-1', 2), 'ps_1'));
      const confirmed = await moved(under.ledger, step(first, { confirmSession: 'ps_1' }));
      const cancelled = await moved(under.ledger, step(confirmed, { cancelSession: 'ps_9' }));
      await moved(under.ledger, step(cancelled, { status: 'succeeded' }));
      const other = await sent('inv-2', 3);
      expect(await advanceOne(under.ledger, accepted(other, 'ps_9'))).toMatchObject({ why: 'session_taken', takenBy: 'inv-1' });
    });

    it('finds its record as it is now, also after the ledger was opened again, and none for a session that is not known', async () => {
      const first = await moved(under.ledger, accepted(await sent('inv-1', 2), 'ps_1'));
      await moved(under.ledger, accepted(await sent('inv-2', 3), 'ps_2'));
      expect(await under.ledger.recordOfSession('ps_1')).toEqual(first);
      const ended = await moved(under.ledger, step(first, { status: 'succeeded' }));
      const ledger = await under.reopen();
      expect(await ledger.recordOfSession('ps_1')).toEqual(ended);
      expect(await ledger.recordOfSession('ps_3')).toBeUndefined();
    });

    it('goes to one of many records that show it at once', async () => {
      const records: LedgerRecord[] = [];
      for (let index = 0; index < 12; index += 1) records.push(await sent(`inv-${index}`, index + 2));
      const results = await under.ledger.advance(records.map((record) => accepted(record, 'ps_same')));
      expect(results.filter(({ ok }) => ok)).toHaveLength(1);
      expect(results.filter((result) => !result.ok && result.why === 'session_taken')).toHaveLength(11);
      expect(await under.ledger.list({ batchId: batchA, status: 'in_progress', limit: 20 })).toHaveLength(1);
    });
  });
}
