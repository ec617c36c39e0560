/** Records that are packed at the end of LEDGER_RETENTION: what is still known of them, and that none is ever payable again. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAuditEntry } from '../../../../batches/audit/audit-entry.ts';
import { admitOne, advanceOne } from '../../../../batches/ports/single.ts';
import { alertOf } from '../../../../batches/record/alert.ts';
import { isPacked, shortSession } from '../../../../batches/record/packed.ts';
import { whyNotRetry } from '../../../../batches/record/person-steps.ts';
import { acknowledgeAlerts, raiseAlert } from '../../../../batches/record/record-alerts.ts';
import type { LedgerRecord } from '../../../../batches/record/record.ts';
import { move } from '../../../../batches/record/step.ts';
import { isBalanced } from '../../../../batches/record/tally.ts';
import { learnFromWebhook } from '../../../../batches/record/webhook-evidence.ts';
import { createKeyNames, shardOf, shards } from '../../../support/ledger-names.ts';
import { beginImport } from '../../../../src/ledger/redis/ledger.ts';
import { openRedisSource } from '../../../../src/ledger/redis/export.ts';
import { openRedisReader } from '../../../../src/ledger/redis/reader.ts';
import { scripts } from '../../../../src/ledger/redis/scripts.ts';
import { packedClaim } from '../../../../src/ledger/redis/sessions.ts';
import { redisTarget } from '../../../../src/profiles/distributed/move-target.ts';
import { connectRedis } from '../../../../src/redis/connection.ts';
import {
  admission,
  at,
  batchA,
  batchB,
  instructionOf,
  keys,
  lineOf,
  manifest,
  transitionSettings,
  valid,
} from '../../../support/builders.ts';
import { admitted, intent, moved, step } from '../../../support/ledger-steps.ts';
import { redisUrl, uniquePrefix } from '../../../support/services.ts';
import { ledgerKey, makeDir, openIn, removeDir } from '../data-dir.ts';
import { createSqliteTarget, exportedFrom, importedFrom, sourceIn } from '../moving.ts';
import { writeFixture } from './fixtures.ts';
import { asAdmin, binding, keysOf, openInstance, removeKeys, type Instance } from './harness.ts';

const url = redisUrl();
const draft = { metadata: { order: '77' }, destination: 'DE**…3000' };
let prefix: string;
let names: ReturnType<typeof createKeyNames>;
let opened: Instance[];

const open = async (wanted = prefix, patch: Parameters<typeof openInstance>[2] = {}): Promise<Instance> => {
  const instance = await openInstance(url, wanted, patch);
  opened.push(instance);
  return instance;
};
const admin = <T>(work: Parameters<typeof asAdmin<T>>[1]): Promise<T> => asAdmin(url, work);
type Ledger = Instance['ledger'];

beforeEach(() => {
  prefix = uniquePrefix();
  names = createKeyNames(prefix);
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((instance) => instance.close()));
  await removeKeys(url, prefix);
});

const openWithBatches = async (): Promise<Ledger> => {
  const { ledger } = await open();
  for (const batchId of [batchA, batchB]) await ledger.openBatch(manifest(batchId));
  return ledger;
};

async function ended(ledger: Ledger, recordId: string, line: number, patch: Partial<LedgerRecord> = {}): Promise<LedgerRecord> {
  const sent = await moved(ledger, intent(await admitted(ledger, recordId, line, draft)));
  const change: Partial<LedgerRecord> & Pick<LedgerRecord, 'status'> = {
    ...{
      status: 'succeeded' as const,
      sessionId: `ps_${recordId}`,
      isSessionProven: true,
      entryId: 'po_1',
      leaseOwner: null,
      leaseUntil: null,
    },
    ...(patch as object),
  };
  return moved(ledger, move(transitionSettings, sent, { patch: change, event: 'answer', at }));
}

const pack = async (ledger: Ledger): Promise<number> => {
  let packed = 0;
  for (let count = 1; count > 0; packed += count) count = await ledger.purgeDetails({ olderThanMs: 0, limit: 500 });
  return packed;
};
const recordOf = async (ledger: Pick<Ledger, 'record'>, recordId: string): Promise<LedgerRecord> => {
  const record = await ledger.record(recordId);
  if (record === undefined) throw new Error(`${recordId} is gone`);
  return record;
};
const rowsOf = async (rows: ReturnType<Ledger['tallies']>): Promise<unknown[]> =>
  (await rows).map(({ status, currency, count, amountMinor }) => `${status} ${currency} ${count} ${amountMinor}`).toSorted();
const lastEvent = async (ledger: Ledger): Promise<unknown> => JSON.parse((await ledger.outbox({ limit: 100 })).at(-1)?.json ?? '{}');

describe('a packed record', () => {
  it('has no key of its own: neither record, trail, body, place in an index, nor a session id in the clear', async () => {
    const ledger = await openWithBatches();
    await ended(ledger, 'inv-1', 2, { status: 'failed' });
    await ended(ledger, 'inv-2', 3);
    for (const { number } of await ledger.outbox({ limit: 9 })) await ledger.published({ numbers: [number], mark: null });
    expect(await pack(ledger)).toBe(2);
    const left = (await admin((client) => keysOf(client, prefix))).map((key) => key.slice(prefix.length + ':{00}:'.length));
    expect(left.filter((key) => /^[rabis]:/.test(key))).toEqual([]);
    const dump = await admin(async (client) => {
      const found = await keysOf(client, prefix);
      return (await Promise.all(found.map((key) => client.dumpBuffer(key)))).map((bytes) => bytes.toString('latin1')).join('\n');
    });
    expect(dump).toContain('inv-1');
    expect(dump).not.toContain('ps_inv');
    expect(dump).not.toContain('3000');
  });

  it('is kept in hashes that are compact under the default settings of Redis, also when hundreds of records share them', async () => {
    const ledger = await openWithBatches();
    await Promise.all(Array.from({ length: 3_000 }, (_, index) => ended(ledger, `inv-${index}`, index + 2)));
    expect(await pack(ledger)).toBe(3_000);
    const buckets = (await admin((client) => keysOf(client, prefix))).filter((key) => /:[kq]:\d+$/.test(key));
    const encodings = new Set(await admin((client) => Promise.all(buckets.map((key) => client.object('ENCODING', key)))));
    expect([...encodings].every((encoding) => encoding === 'ziplist' || encoding === 'listpack')).toBe(true);
    expect(await rowsOf(ledger.recount())).toEqual(await rowsOf(ledger.tallies()));
  });

  it('has no trace any more: one that was traced is packed as any other', async () => {
    const ledger = await openWithBatches();
    const place = lineOf(batchA, 2);
    const traced = { ...place, source: { ...place.source, traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` } };
    const verdict = await admitOne(ledger, admission(traced, valid(instructionOf('inv-1', draft))));
    if (verdict.type !== 'admitted') throw new Error(`a new record is ${verdict.type}`);
    const sent = await moved(ledger, intent(verdict.record));
    await moved(ledger, step(sent, { status: 'succeeded', sessionId: 'ps_1', isSessionProven: true, leaseOwner: null, leaseUntil: null }));
    expect((await recordOf(ledger, 'inv-1')).occurrence).toEqual(traced);
    expect(await pack(ledger)).toBe(1);
    expect(isPacked(await recordOf(ledger, 'inv-1'))).toBe(true);
    expect((await recordOf(ledger, 'inv-1')).occurrence).toEqual(place);
  });

  it('goes to the next level of buckets when its bucket is full, and is found there', async () => {
    const ledger = await openWithBatches();
    await ended(ledger, 'inv-1', 2);
    const shard = shardOf('inv-1');
    const [first = '', second = ''] = names.packed(shard, 'inv-1');
    await admin((client) => client.hset(first, ...Array.from({ length: 128 }, (_, index) => [`other-${index}`, 'x']).flat()));
    expect(await pack(ledger)).toBe(1);
    expect(await admin(async (client) => [await client.hexists(first, 'inv-1'), await client.hexists(second, 'inv-1')])).toEqual([0, 1]);
    expect(await recordOf(ledger, 'inv-1')).toMatchObject({ status: 'succeeded' });
    expect(await admitOne(ledger, admission(lineOf(batchA, 9), valid(instructionOf('inv-1'))))).toMatchObject({ status: 'duplicate' });
  });

  it('still shows kind, attempt, status, amount, sequence and occurrence, and hashes of fingerprint and session', async () => {
    const ledger = await openWithBatches();
    const before = await ended(ledger, 'inv-1', 2, { resolvedBy: 'ann' });
    await pack(ledger);
    const { batchId, occurrence, amountMinor, currency, sequence, version, idempotencyKey } = before;
    expect(await recordOf(ledger, 'inv-1')).toMatchObject({
      ...{ kind: 'payout', status: 'succeeded', attempt: 1, batchId, occurrence, amountMinor, currency, sequence, version, idempotencyKey },
      ...{ sends: 1, sessionId: shortSession('ps_inv-1'), isSessionProven: true, entryId: null, resolvedBy: 'a person' },
    });
    expect(isPacked(await recordOf(ledger, 'inv-1'))).toBe(true);
  });

  it('is listed by batch and status, page by page, and found by its id, also by a reader without the key', async () => {
    const ledger = await openWithBatches();
    const ids = Array.from({ length: 25 }, (_, index) => `inv-${index}`);
    await Promise.all(ids.map((id, index) => ended(ledger, id, index + 2)));
    await pack(ledger);
    const young = await ended(ledger, 'young', 90);
    const connection = await connectRedis({ url, onWarning: () => undefined });
    const reader = await openRedisReader({ connection, prefix });
    const found: string[] = [];
    for (let after: string | undefined; ;) {
      const page = await reader.records({ statuses: ['succeeded'], limit: 4, ...(after === undefined ? {} : { after }) });
      found.push(...page.map(({ record }) => record.recordId));
      after = page.at(-1)?.cursor;
      if (page.length < 4) break;
    }
    expect(found).toHaveLength(26);
    expect(found.toSorted()).toEqual([...ids, young.recordId].toSorted());
    expect(await reader.records({ statuses: ['failed'], limit: 50 })).toEqual([]);
    expect(await reader.find('inv-3')).toMatchObject({ record: { status: 'succeeded' }, admittedAt: null, changedAt: null });
    expect((await reader.trail('inv-3')).map(({ text }) => readAuditEntry(text)?.event)).toEqual(['retention']);
    await reader.close();
    await connection.close();

    const listed: string[] = [];
    for (let after = 0; ;) {
      const page = await ledger.list({ batchId: batchA, status: 'succeeded', limit: 3, after });
      listed.push(...page.map(({ record }) => record.recordId));
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.cursor;
    }
    expect(listed.toSorted()).toEqual(found.toSorted());
    expect(listed.at(-1)).toBe('young');
  });
});

describe('the audit trail of a packed record', () => {
  const verification = async (ledger: Ledger) => {
    const { audit: head } = await recordOf(ledger, 'inv-1');
    return transitionSettings.audit.verify('inv-1', { entries: await ledger.trail('inv-1'), head, published: [] });
  };

  it('is one entry that says what was dropped and what was kept, and is verified by its head', async () => {
    const ledger = await openWithBatches();
    const { audit } = await ended(ledger, 'inv-1', 2);
    await pack(ledger);
    expect(await verification(ledger)).toEqual({ type: 'whole', from: (audit?.number ?? 0) + 1 });
    const [entry] = await ledger.trail('inv-1');
    expect(readAuditEntry(entry?.text ?? '')).toMatchObject({
      event: 'retention',
      detail: { dropped: audit?.number, status: 'succeeded', attempt: 1, amount: 1230, currency: 'EUR' },
    });
  });

  it('is found broken when the status or the amount of the packed record was changed', async () => {
    const ledger = await openWithBatches();
    await ended(ledger, 'inv-1', 2);
    await pack(ledger);
    const shard = shardOf('inv-1');
    for (const at of [0, 9]) {
      const [bucket = ''] = names.packed(shard, 'inv-1');
      const kept = await admin((client) => client.hgetBuffer(bucket, 'inv-1'));
      if (kept === null) throw new Error('it is not there');
      const changed = Buffer.from(kept);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await admin((client) => client.hset(bucket, 'inv-1', changed));
      expect(await verification(ledger)).toMatchObject({ type: 'broken' });
      await admin((client) => client.hset(bucket, 'inv-1', kept));
    }
    expect(await verification(ledger)).toMatchObject({ type: 'whole' });
  });

  it('goes on with a duplicate, is packed again after it, and stays whole', async () => {
    const ledger = await openWithBatches();
    await ended(ledger, 'inv-1', 2);
    await pack(ledger);
    await admitOne(ledger, admission(lineOf(batchB, 2), valid(instructionOf('inv-1', draft)), batchB));
    expect((await ledger.trail('inv-1')).map(({ text }) => readAuditEntry(text)?.event)).toEqual(['retention', 'duplicate']);
    expect(await verification(ledger)).toEqual({ type: 'whole', from: 4 });
    expect(await pack(ledger)).toBe(1);
    expect((await ledger.trail('inv-1')).map(({ text }) => readAuditEntry(text)?.event)).toEqual(['retention']);
    expect(await verification(ledger)).toEqual({ type: 'whole', from: 6 });
  });
});

describe('what comes for a packed record', () => {
  it('its own occurrence is settled; the same content elsewhere is a duplicate, other content a conflict without fields', async () => {
    const ledger = await openWithBatches();
    await ended(ledger, 'inv-1', 2);
    await pack(ledger);
    const ask = (line: number, patch: object = {}, content = 'same') =>
      admitOne(ledger, admission(lineOf(batchA, line), valid(instructionOf('inv-1', { ...draft, ...patch }), content)));
    expect(await ask(2)).toEqual({ type: 'settled', status: 'succeeded', fresh: false });
    expect(isPacked(await recordOf(ledger, 'inv-1'))).toBe(true);
    expect(await ask(90)).toEqual({ type: 'settled', status: 'duplicate', fresh: true });
    expect(await lastEvent(ledger)).toMatchObject({ status: 'duplicate', sequence: 2, earlier: { status: 'succeeded' } });
    await pack(ledger);
    expect(await ask(91, {}, 'other')).toEqual({ type: 'settled', status: 'conflict', fresh: true });
    expect(await lastEvent(ledger)).toMatchObject({ status: 'conflict', sequence: 3, fields: [] });
    await pack(ledger);
    expect(await ask(92, { kind: 'payment' })).toMatchObject({ status: 'conflict' });
    expect(await lastEvent(ledger)).toMatchObject({ status: 'conflict', sequence: 4, fields: ['kind'] });
    expect(await ledger.countUnsettledDuplicates({ batchId: batchA, exceptInProgress: false })).toBe(0);
    await pack(ledger);
    expect(await ledger.countUnsettledDuplicates({ batchId: batchA, exceptInProgress: false })).toBe(0);
    expect(isBalanced(await ledger.tallies())).toBe(true);
    expect(await rowsOf(ledger.recount())).toEqual(await rowsOf(ledger.tallies()));
  });

  it('a corrected instruction under a rejected record id is admitted', async () => {
    const ledger = await openWithBatches();
    await moved(ledger, step(await admitted(ledger, 'free', 3, draft), { status: 'rejected' }));
    expect(await pack(ledger)).toBe(1);
    expect(await admitOne(ledger, admission(lineOf(batchA, 93), valid(instructionOf('free', draft), 'corrected')))).toMatchObject({
      type: 'admitted',
      record: { destination: 'DE**…3000', metadata: { order: '77' } },
    });
    expect(await rowsOf(ledger.recount())).toEqual(await rowsOf(ledger.tallies()));
  });

  it('its session is never claimed by another record, by no instance', async () => {
    const ledger = await openWithBatches();
    await ended(ledger, 'inv-1', 2);
    await pack(ledger);
    const { ledger: other } = await open();
    for (const one of [ledger, other]) {
      const id = randomUUID();
      const sent = await moved(one, intent(await admitted(one, id, 50 + (one === other ? 1 : 0), draft)));
      const claim = step(sent, { status: 'succeeded', sessionId: 'ps_inv-1', isSessionProven: true });
      expect(await advanceOne(one, claim)).toMatchObject({ ok: false, why: 'session_taken', takenBy: 'inv-1' });
      expect(await one.recordOfSession('ps_inv-1')).toMatchObject({ recordId: 'inv-1', sessionId: 'ps_inv-1' });
    }
  });

  it('a session of a record with a long id is claimed by a hash of that id, and by no other record', async () => {
    const ledger = await openWithBatches();
    const long = 'a'.repeat(64);
    await ended(ledger, long, 2, { sessionId: 'ps_long' });
    await pack(ledger);
    expect(await ledger.recordOfSession('ps_long')).toMatchObject({ recordId: long, sessionId: 'ps_long' });
    const { ledger: other } = await open();
    const sent = await moved(other, intent(await admitted(other, 'inv-2', 3, draft)));
    const claim = step(sent, { status: 'succeeded', sessionId: 'ps_long', isSessionProven: true });
    expect(await advanceOne(other, claim)).toMatchObject({ ok: false, why: 'session_taken', takenBy: long });
    const kept = await recordOf(other, long);
    expect(await advanceOne(other, step(kept, { sessionId: 'ps_long' }))).toEqual({ ok: true });
  });

  it('a late webhook of its session says nothing new, one of another session is an alert, and a refund is raised', async () => {
    const ledger = await openWithBatches();
    await ended(ledger, 'inv-1', 2);
    await pack(ledger);
    const metadata = { record_id: 'inv-1', attempt: 1, idempotency_key: keys.idempotencyKey('payout', 'inv-1', 1) };
    const shown = (id: string) => ({
      id,
      status: 'accepted',
      metadata,
      payments: [{ id: 'po_1', status: 'succeeded', amount_details: { amount: 1230, currency: 'eur' }, metadata }],
    });
    const learn = async (id: string) =>
      learnFromWebhook(transitionSettings, await recordOf(ledger, 'inv-1'), { type: 'payment_finished', session: shown(id) }, at);
    expect(await learn('ps_inv-1')).toMatchObject({ outcome: 'known', change: null, alerts: [] });
    expect(await learn('ps_other')).toMatchObject({ outcome: 'contradicting', alerts: [{ alert: 'possible_double_payment' }] });
    const record = await recordOf(ledger, 'inv-1');
    const raised = raiseAlert(transitionSettings, record, alertOf('refunded', record, { sessionId: 'ps_inv-1', description: 'Back.' }), at);
    if (raised === null) throw new Error('nothing is raised');
    await moved(ledger, raised);
    expect((await ledger.alerted({ limit: 9 })).map((one) => one.record.recordId)).toEqual(['inv-1']);
    // It waits for a person, and is packed once it has been looked at.
    await ledger.purgeDetails({ olderThanMs: 0, limit: 9 });
    const open = await recordOf(ledger, 'inv-1');
    expect(open.alerts).toHaveLength(1);
    const looked = acknowledgeAlerts(transitionSettings, open, { by: 'ann', reason: 'seen', at });
    if (looked === null) throw new Error('nothing is open');
    await moved(ledger, looked);
    await pack(ledger);
    expect(await recordOf(ledger, 'inv-1')).toMatchObject({ alerts: [], sessionId: shortSession('ps_inv-1') });
    expect(await admin((client) => client.exists(names.record(shardOf('inv-1'), 'inv-1')))).toBe(0);
    expect(await ledger.recordOfSession('ps_inv-1')).toMatchObject({ recordId: 'inv-1' });
  });

  it('a retry is refused, with the reason', async () => {
    const ledger = await openWithBatches();
    await ended(ledger, 'inv-1', 2, { status: 'failed' });
    await pack(ledger);
    expect(whyNotRetry(await recordOf(ledger, 'inv-1'))).toEqual({
      type: 'refused',
      why: 'The record inv-1 cannot be retried: its details were dropped at the end of LEDGER_RETENTION. Submit it under a new record id.',
    });
  });
});

describe('packing', () => {
  it('that was killed between the claim of a session and its record loses neither, and ends with the next one', async () => {
    const ledger = await openWithBatches();
    const before = await ended(ledger, 'inv-1', 2);
    const shard = shardOf('ps_inv-1');
    const { hex, field, rest } = packedClaim('ps_inv-1');
    const generation = (await admin((client) => client.hget(names.meta(shard), 'generation'))) ?? '';
    const claimKeys = [names.meta(shard), names.sessions(shard, 'ps_inv-1'), ...names.packedSessions(shard, hex)];
    await admin((client) =>
      client.eval(scripts.packSession.text, claimKeys.length, ...claimKeys, generation, 'ps_inv-1', 'inv-1', field, rest, 'inv-1'),
    );
    const { ledger: next } = await open();
    expect(await next.record('inv-1')).toEqual(before);
    expect(await next.recordOfSession('ps_inv-1')).toEqual(before);
    const sent = await moved(next, intent(await admitted(next, 'inv-2', 3, draft)));
    expect(await advanceOne(next, step(sent, { sessionId: 'ps_inv-1' }))).toMatchObject({ why: 'session_taken', takenBy: 'inv-1' });
    expect(await pack(next)).toBe(1);
    expect(await next.recordOfSession('ps_inv-1')).toMatchObject({ recordId: 'inv-1', sessionId: 'ps_inv-1' });
  });

  it('by several instances at once, while duplicates come, counts every record once and keeps every sequence', async () => {
    const ledger = await openWithBatches();
    const { ledger: other } = await open();
    const ids = Array.from({ length: 120 }, (_, index) => `inv-${index}`);
    await Promise.all(ids.map((id, index) => ended(ledger, id, index + 2)));
    const duplicates = ids.map((id, index) =>
      admitOne(index % 2 === 0 ? ledger : other, admission(lineOf(batchB, index + 2), valid(instructionOf(id, draft)), batchB)),
    );
    await Promise.all([...duplicates, pack(ledger), pack(other)]);
    await pack(ledger);
    for (const id of ids) expect(await recordOf(other, id)).toMatchObject({ status: 'succeeded', sequence: 2 });
    expect((await ledger.records({ statuses: ['succeeded'], limit: 500 })).map(({ record }) => record.recordId).toSorted()).toEqual(
      ids.toSorted(),
    );
    expect(await rowsOf(ledger.recount())).toEqual(await rowsOf(other.tallies()));
  });

  it('of a ledger of schema 3 takes the records whose details were purged before, and leaves one with an alert', async () => {
    await admin((client) => writeFixture(client, 3, prefix));
    const { ledger } = await open();
    const tallies = await rowsOf(ledger.tallies());
    // Four that were purged, and paid, failed, cancelled, withdrawn, rejected and alerted.
    expect(await pack(ledger)).toBe(10);
    const purgedBefore = ['purged-paid', 'purged-failed', 'purged-rejected', 'purged-elsewhere'];
    for (const id of [...purgedBefore, 'paid', 'failed', 'cancelled', 'withdrawn', 'rejected'])
      expect(isPacked(await recordOf(ledger, id))).toBe(true);
    expect(await recordOf(ledger, 'alerted')).toMatchObject({ sessionId: 'ps_alerted', alerts: [{ alert: 'refunded' }] });
    expect(await recordOf(ledger, 'open')).toMatchObject({ status: 'in_progress', sessionId: 'ps_open' });
    expect(await rowsOf(ledger.recount())).toEqual(tallies);
    for (const id of ['purged-paid', 'paid']) {
      expect(await ledger.recordOfSession(`ps_${id}`)).toMatchObject({ recordId: id, sessionId: `ps_${id}` });
      const { audit: head } = await recordOf(ledger, id);
      expect(transitionSettings.audit.verify(id, { entries: await ledger.trail(id), head, published: [] })).toMatchObject({
        type: 'whole',
      });
    }
    expect(await admitOne(ledger, admission(lineOf(batchA, 95), valid(instructionOf('purged-paid', draft))))).toMatchObject({
      status: 'duplicate',
    });
    expect(await ledger.countUnsettledDuplicates({ batchId: batchA, exceptInProgress: false })).toBe(0);
  });
});

describe('a ledger with packed records that moves', () => {
  const redisSource = async (wanted: string, connection: Instance['connection']) =>
    openRedisSource({ connection, prefix: wanted, ledgerKey, exportId: randomUUID(), to: 'moved.ledger', now: () => at, ids: randomUUID });

  it.each([16, 64] as const)(
    'into a file and back into a Redis of %i shards keeps every record, its session and its totals, and pays none again',
    async (shardCount) => {
      const dir = makeDir();
      const [home, target] = [makeDir(), uniquePrefix()];
      const connection = await connectRedis({ url, onWarning: () => undefined });
      try {
        const ledger = await openWithBatches();
        const ids = ['inv-1', 'inv-2', 'b'.repeat(64)];
        for (const [index, id] of ids.entries()) await ended(ledger, id, index + 2);
        await moved(ledger, step(await admitted(ledger, 'free', 9, draft), { status: 'rejected' }));
        await admitOne(ledger, admission(lineOf(batchA, 20), valid(instructionOf('inv-1', draft))));
        await pack(ledger);
        const seen = await Promise.all(ids.map(async (id) => ({ record: await ledger.record(id), trail: await ledger.trail(id) })));
        const totals = await rowsOf(ledger.tallies());

        await createSqliteTarget(home, await exportedFrom(await redisSource(prefix, connection), join(dir, 'to-sqlite')));
        const alone = await openIn(home);
        const check = async (
          one: Pick<Ledger, 'record' | 'trail' | 'recordOfSession' | 'recount' | 'tallies' | 'admit' | 'advance' | 'setPause'>,
        ) => {
          expect(await Promise.all(ids.map(async (id) => ({ record: await one.record(id), trail: await one.trail(id) })))).toEqual(seen);
          for (const id of ids) expect(await one.recordOfSession(`ps_${id}`)).toMatchObject({ recordId: id });
          expect(await rowsOf(one.recount())).toEqual(totals);
          expect(await rowsOf(one.tallies())).toEqual(totals);
          expect(await admitOne(one, admission(lineOf(batchA, 2), valid(instructionOf('inv-1', draft))))).toMatchObject({
            ...{ type: 'settled', status: 'succeeded', fresh: false },
          });
        };
        await check(alone);
        await alone.close();

        const path = await exportedFrom(await sourceIn(home), join(dir, 'to-redis'));
        await importedFrom(path, async (sink, { lineage, newest, barrier }) => {
          const common = { connection, prefix: target, binding, ledgerKey, ids: randomUUID, shardCount };
          const generation = await beginImport({ ...common, mayCreate: true, lineage, newest, barrier, marksSeen: [] });
          const { ledger: arriving } = await openInstance(url, target, { importing: true, mayCreate: false });
          return { target: redisTarget(arriving, common), sink, ledgerMark: `${generation}.0.0`, close: () => arriving.close() };
        });
        const { ledger: there } = await open(target, { mayCreate: false });
        await check(there);
        expect(await pack(there)).toBe(4);
        for (const [index, id] of ids.entries()) {
          const { audit, ...kept } = await recordOf(there, id);
          const { audit: _before, ...before } = seen[index]?.record ?? {};
          expect(kept).toEqual(before);
          const trail = { entries: await there.trail(id), head: audit, published: [] };
          expect(transitionSettings.audit.verify(id, trail)).toMatchObject({ type: 'whole' });
          expect(await there.recordOfSession(`ps_${id}`)).toMatchObject({ recordId: id });
        }
        expect(await rowsOf(there.recount())).toEqual(totals);
        expect(await admin((client) => client.exists(...shards.map((shard) => names.ends(shard))))).toBe(0);
        await there.setPause({ batchId: null, pause: null });
        const sent = await moved(there, intent(await admitted(there, 'rival', 60, draft), Buffer.from('{}'), Date.now()));
        for (const id of ids)
          expect(await advanceOne(there, step(sent, { sessionId: `ps_${id}` }))).toMatchObject({ why: 'session_taken', takenBy: id });
      } finally {
        await connection.close();
        removeDir(dir);
        removeDir(home);
        await removeKeys(url, target);
      }
    },
  );
});
