/** What a shared ledger must hold about records that are admitted together with their intent. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { SharedLedger } from '../../batches/ports/ledger.ts';
import { admitOne, advanceOne } from '../../batches/ports/single.ts';
import { createAuditChain } from '../../batches/audit/hash-chain.ts';
import { changedGates, noTerms, openGates, type GateValues } from '../../batches/record/gates.ts';
import type { FirstIntent } from '../../batches/record/first-intent.ts';
import type { Admission, IntentVerdict, LedgerRecord } from '../../batches/record/record.ts';
import { isBalanced, type TallyRow } from '../../batches/record/tally.ts';
import { createMemoryStore, openMemoryLedger } from '../../src/ledger/memory/ledger.ts';
import {
  admission,
  at,
  batchA,
  batchB,
  instructionOf,
  keys,
  lineOf,
  manifest,
  refused,
  transitionSettings,
  valid,
} from '../support/builders.ts';
import { admitted, intent, moved, step } from '../support/ledger-steps.ts';
import type { Shared } from './shared-ledger-harness.ts';

const audit = createAuditChain(Buffer.alloc(32, 7));
const body = Buffer.from('{"amount":1230}');
const pause = { code: 'paused', by: 'alice', reason: 'bank holiday', at } as const;

/** As an instance decides it. */
const intentOf = (recordId: string, patch: Partial<FirstIntent> = {}): FirstIntent => ({
  idempotencyKey: keys.idempotencyKey('payout', recordId, 1),
  owner: 'me',
  at,
  clocks: { wallAt: at, uptimeMs: null },
  leaseMs: 60_000,
  bytes: body,
  terms: transitionSettings,
  ...patch,
});

const newOne = (recordId: string, line: number, content?: string): Admission =>
  admission(lineOf(batchA, line), valid(instructionOf(recordId), content));

// Only what can be cloned crosses the port.
const plain = ({ terms: { keyLifetimeMs, idempotencyHeader, timeoutMs }, ...rest }: FirstIntent): FirstIntent => ({
  ...rest,
  terms: { keyLifetimeMs, idempotencyHeader, timeoutMs },
});
/** As its callers use it. */
const take = async (ledger: SharedLedger, one: Admission, its: FirstIntent): Promise<IntentVerdict> =>
  (await ledger.admitWithIntent(one, plain(its))) ?? (await admitOne(ledger, one));
const attempt = (ledger: SharedLedger, recordId: string, line: number, content?: string): Promise<IntentVerdict> =>
  take(ledger, newOne(recordId, line, content), intentOf(recordId));

async function intended(ledger: SharedLedger, recordId: string, line: number, time = at): Promise<LedgerRecord> {
  const its = intentOf(recordId, { at: time, clocks: { wallAt: time, uptimeMs: null } });
  const verdict = await ledger.admitWithIntent(newOne(recordId, line), plain(its));
  if (verdict?.type !== 'intended') throw new Error(`${recordId} was to be intended and is ${verdict?.type}`);
  return verdict.record;
}

/** In the order of their names, without those of which there is none. */
const byStatus = (rows: readonly TallyRow[]): readonly TallyRow[] =>
  rows.filter(({ count }) => count > 0).toSorted((one, other) => one.status.localeCompare(other.status));

/** All that a ledger shows of one record and of its batch. */
const shown = async (ledger: SharedLedger, recordId: string) => ({
  record: await ledger.record(recordId),
  trail: await ledger.trail(recordId),
  body: Buffer.from((await ledger.body(recordId)) ?? []).toString(),
  tallies: byStatus(await ledger.tallies(batchA)),
  sent: await ledger.batch(batchA).then((batch) => [batch?.sent, batch?.firstSentAt, batch?.lastSentAt]),
  outbox: await ledger.outbox({ limit: 9 }),
});

export function intentSuite({ open, two, now }: Shared): void {
  describe('an occurrence that is admitted with an intent', () => {
    let ledger: SharedLedger;
    beforeEach(async () => {
      ledger = await open();
      await ledger.openBatch(manifest(batchA));
      await ledger.openBatch(manifest(batchB));
    });
    const set = async (values: Partial<GateValues>): Promise<void> => {
      const known = await ledger.gates();
      const gates = changedGates(known, { by: 'alice', reason: 'start', at, to: { ...openGates, ...values } });
      expect(await ledger.setGates(gates, known?.number ?? 0)).toBe(true);
    };
    /** Admitted, without an intent; afterwards it takes the ordinary way. */
    const onlyAdmitted = async (recordId: string, line: number): Promise<LedgerRecord> => {
      const verdict = await attempt(ledger, recordId, line);
      expect(verdict).toMatchObject({ type: 'admitted', record: { status: 'queued', sends: 0, leaseOwner: null } });
      const record = await ledger.record(recordId);
      expect(verdict).toMatchObject({ record });
      expect(await ledger.body(recordId)).toBeUndefined();
      expect(await ledger.batch(batchA)).toMatchObject({ sent: 0 });
      expect((await ledger.trail(recordId)).length).toBe(1);
      return record as LedgerRecord;
    };

    it('is as if it had been admitted and its intent written one after the other', async () => {
      const record = await intended(ledger, 'inv-1', 2);
      expect(record).toMatchObject({ status: 'submitting', version: 2, sends: 1, leaseOwner: 'me', leaseUntil: at + 60_000 });
      const twin = openMemoryLedger({ store: createMemoryStore(), rules: { keys, audit }, clock: { now: () => at }, owner: 'twin' });
      await twin.openBatch(manifest(batchA));
      const verdict = await admitOne(twin, newOne('inv-1', 2));
      if (verdict.type !== 'admitted') throw new Error('not admitted');
      const change = intent(verdict.record, body);
      const { audit: entries, after } = { ...change };
      expect(await advanceOne(twin, change)).toEqual({ ok: true });
      const [ours, theirs] = [await shown(ledger, 'inv-1'), await shown(twin, 'inv-1')];
      // The ledgers have keys of their own for their chains, so that only what the entries say is compared.
      const texts = (one: typeof ours) => one.trail.map(({ text }) => text.replace(/"prev":"[^"]*"|"hash":"[^"]*"/g, ''));
      expect(ours.record).toEqual({ ...after, audit: ours.record?.audit });
      expect(ours.record?.audit?.number).toBe(2);
      expect(entries).toHaveLength(1);
      expect(texts(ours)).toEqual(texts(theirs));
      expect({ ...ours, record: null, trail: null }).toEqual({ ...theirs, record: null, trail: null });
      expect(record).toEqual(ours.record);
      expect(byStatus(await ledger.recount(batchA))).toEqual(ours.tallies);
    });

    it('goes on as any other: evidence, the end of its lease, its duplicates', async () => {
      const [one, other] = await two();
      const first = await intended(one, 'inv-1', 2);
      const second = await intended(other, 'inv-2', 3, now() - 61_000);
      await moved(other, step(first, { status: 'succeeded', leaseOwner: null, leaseUntil: null }));
      // Its lease is over.
      expect((await one.claimDue({ limit: 9, leaseMs: 1_000 })).records.map(({ recordId }) => recordId)).toEqual(['inv-2']);
      expect(await admitOne(one, newOne('inv-2', 4))).toMatchObject({ type: 'settled', status: 'duplicate', fresh: true });
      expect(await one.list({ batchId: batchA, status: 'submitting', limit: 9 })).toHaveLength(1);
      expect(await one.record('inv-2')).toMatchObject({ status: second.status, sends: 1, audit: { number: 3 } });
      expect(isBalanced(await one.tallies(batchA))).toBe(true);
    });

    it('is a resend too old by the clocks of its first send, however late it is', async () => {
      const longAgo = now() - (transitionSettings.keyLifetimeMs ?? 0);
      const sent = await intended(ledger, 'inv-1', 2, longAgo);
      const unknown = await moved(ledger, step(sent, { status: 'unknown', leaseOwner: null, leaseUntil: null }));
      expect(unknown.sentClocks).toEqual({ wallAt: longAgo, uptimeMs: null });
      expect(await advanceOne(ledger, intent(unknown, body, now()))).toMatchObject({ ok: false, why: 'too_old' });
    });

    it('that is known changes nothing, whatever became of it', async () => {
      const queued = await admitted(ledger, 'inv-1', 2);
      expect(await attempt(ledger, 'inv-1', 2)).toEqual({ type: 'admitted', record: queued });
      expect(await ledger.record('inv-1')).toEqual(queued);
      const sent = await intended(ledger, 'inv-2', 3);
      expect(await attempt(ledger, 'inv-2', 3)).toEqual({ type: 'open', record: sent });
      const ended = await moved(ledger, step(sent, { status: 'succeeded', leaseOwner: null, leaseUntil: null }));
      expect(await attempt(ledger, 'inv-2', 3)).toEqual({ type: 'settled', status: 'succeeded', fresh: false });
      expect(await ledger.record('inv-2')).toEqual(ended);
      expect(await ledger.batch(batchA)).toMatchObject({ sent: 1 });
    });

    it('under a record id that is taken is a duplicate or a conflict', async () => {
      const sent = await intended(ledger, 'inv-1', 2);
      expect(await attempt(ledger, 'inv-1', 3)).toEqual({ type: 'settled', status: 'duplicate', fresh: true });
      expect(await attempt(ledger, 'inv-1', 4, 'another content')).toEqual({ type: 'settled', status: 'conflict', fresh: true });
      expect(await ledger.record('inv-1')).toMatchObject({ status: sent.status, sends: 1, sequence: 2 });
      expect((await ledger.outbox({ limit: 9 })).map(({ json }) => (JSON.parse(json) as { status: string }).status)).toEqual([
        'duplicate',
        'conflict',
      ]);
    });

    it('under a record id that was rejected before goes on with its sequence', async () => {
      await admitOne(ledger, admission(lineOf(batchA, 2), refused({ recordId: 'inv-1' })));
      expect(await onlyAdmitted('inv-1', 3)).toMatchObject({ sequence: 1 });
      const rejected = await moved(ledger, step(await admitted(ledger, 'inv-2', 4), { status: 'rejected' }));
      expect(await attempt(ledger, 'inv-2', 5)).toMatchObject({ type: 'admitted', record: { version: rejected.version + 1 } });
    });

    it('that is rejected, or has a card number, has no intent', async () => {
      const verdict = await take(ledger, admission(lineOf(batchA, 2), refused({ recordId: 'inv-1' })), intentOf('inv-1'));
      expect(verdict).toEqual({ type: 'settled', status: 'rejected', fresh: true });
      const withCard = admission(lineOf(batchA, 3), valid(instructionOf('inv-2', { hasCardNumber: true })));
      expect(await take(ledger, withCard, intentOf('inv-2'))).toMatchObject({ type: 'admitted' });
      expect(await ledger.body('inv-2')).toBeUndefined();
    });

    it.each([
      ['its batch', batchA],
      ['everything', null],
    ])('has no intent while %s is paused', async (_, batchId) => {
      await ledger.setPause({ batchId, pause });
      const record = await onlyAdmitted('inv-1', 2);
      expect(await advanceOne(ledger, intent(record))).toMatchObject({ why: 'paused' });
      await ledger.setPause({ batchId, pause: null });
      await intended(ledger, 'inv-2', 3);
    });

    it('has no intent before its file is approved', async () => {
      await set({ approval: 'required' });
      await onlyAdmitted('inv-1', 2);
      const terms = { ...noTerms, number: 1, approval: { by: 'bob', reason: 'checked', at, hash: 'h' } };
      expect(await ledger.setTerms({ batchId: batchA, terms, expected: 0 })).toBe(true);
      await intended(ledger, 'inv-2', 3);
    });

    it('has no intent before the time of its batch', async () => {
      const terms = { ...noTerms, number: 1, notBefore: now() + 3_600_000 };
      expect(await ledger.setTerms({ batchId: batchA, terms, expected: 0 })).toBe(true);
      const record = await onlyAdmitted('inv-1', 2);
      expect(await advanceOne(ledger, intent(record))).toMatchObject({ why: 'held', hold: { code: 'not_before' } });
    });

    it('counts for the limit of the day, and never exceeds it', async () => {
      await set({ maxDayTotal: { EUR: '2500' } });
      let sent = 0;
      for (let line = 2; line < 8; line += 1) {
        const verdict = await take(ledger, newOne(`inv-${line}`, line), intentOf(`inv-${line}`, { at: now() }));
        if (verdict.type === 'intended') sent += 1;
        else if (verdict.type === 'admitted' && (await advanceOne(ledger, intent(verdict.record, body, now()))).ok) sent += 1;
      }
      expect(sent).toBe(2);
      expect(await ledger.batch(batchA)).toMatchObject({ sent: 2 });
    });

    it('under another key than the record has is refused, and nothing is written', async () => {
      await expect(ledger.admitWithIntent(newOne('inv-1', 2), plain(intentOf('inv-2')))).rejects.toThrow('under another key');
      expect(await ledger.record('inv-1')).toBeUndefined();
      await intended(ledger, 'inv-1', 2);
    });

    it('of a batch that was never opened is refused', async () => {
      const unknown = admission(lineOf('c'.repeat(64), 2), valid(instructionOf('inv-1')), 'c'.repeat(64));
      await expect(ledger.admitWithIntent(unknown, plain(intentOf('inv-1')))).rejects.toThrow('never opened');
    });

    it('is sent by one instance of two that have it at once', async () => {
      const [one, other] = await two();
      const verdicts = await Promise.all(
        Array.from({ length: 60 }, (_, index) => attempt(index % 2 === 0 ? one : other, `inv-${index % 20}`, 2 + (index % 20))),
      );
      expect(verdicts.filter(({ type }) => type === 'intended')).toHaveLength(20);
      expect(verdicts.filter(({ type }) => type === 'open')).toHaveLength(40);
      expect(await one.batch(batchA)).toMatchObject({ sent: 20 });
      expect((await one.tallies(batchA)).filter(({ count }) => count > 0)).toHaveLength(2);
      expect(isBalanced(await one.tallies(batchA))).toBe(true);
    });

    it('among calls of every kind is decided by itself', async () => {
      const queued = await Promise.all(Array.from({ length: 20 }, (_, index) => admitted(ledger, `old-${index}`, 100 + index)));
      const results = await Promise.all([
        ...queued.map((record) => advanceOne(ledger, intent(record))),
        ...Array.from({ length: 20 }, (_, index) => attempt(ledger, `inv-${index}`, 2 + index)),
        ...Array.from({ length: 20 }, (_, index) => admitOne(ledger, newOne(`late-${index}`, 200 + index))),
      ]);
      expect(results.map((one) => ('ok' in one ? one.ok : one.type))).toEqual([
        ...queued.map(() => true),
        ...queued.map(() => 'intended'),
        ...queued.map(() => 'admitted'),
      ]);
      expect(byStatus(await ledger.tallies(batchA))).toEqual(byStatus(await ledger.recount(batchA)));
      expect(await ledger.batch(batchA)).toMatchObject({ sent: 40 });
    });
  });
}
