/** A reply that is lost says nothing about what was done: every call is made again and must find what it did. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAuditEntry } from '../../../../batches/audit/audit-entry.ts';
import type { LedgerRecord } from '../../../../batches/record/record.ts';
import { recordEvent } from '../../../../batches/record/result-event.ts';
import { isBalanced } from '../../../../batches/record/tally.ts';
import { admission, at, batchA, instructionOf, keys, lineOf, manifest, queuedRecord, refused, valid } from '../../../support/builders.ts';
import { admitted, intent, moved, step } from '../../../support/ledger-steps.ts';
import { patience } from '../../../support/patience.ts';
import { redisUrl, uniquePrefix } from '../../../support/services.ts';
import { startLossyProxy, type LossyProxy } from '../lossy-proxy.ts';
import { asAdmin, clientOf, openInstance, removeKeys, type Instance } from './harness.ts';
import { admitOne, advanceOne } from '../../../../batches/ports/single.ts';

let prefix: string;
let instance: Instance;

beforeEach(() => {
  prefix = uniquePrefix();
});
afterEach(async () => {
  await instance.close();
  await removeKeys(redisUrl(), prefix);
});

describe('one lost reply', () => {
  let proxy: LossyProxy;
  beforeEach(async () => {
    const { hostname, port } = new URL(redisUrl());
    proxy = await startLossyProxy(hostname, Number(port));
    instance = await openInstance(`redis://127.0.0.1:${proxy.port}`, prefix);
    await instance.ledger.openBatch(manifest(batchA));
    // What many records share has its number already, so that the reply that is lost is the one that counts.
    for (let line = 100; line < 300; line += 1) await admitted(instance.ledger, `warm-${line}`, line);
  });
  afterEach(async () => {
    await instance.close();
    await proxy.close();
  });

  const losingOne = async <T>(work: () => Promise<T>): Promise<T> => {
    const before = proxy.lost;
    proxy.loseNextReply();
    const answer = await work();
    expect(proxy.lost).toBe(before + 1);
    return answer;
  };
  const statusesTold = async (): Promise<unknown[]> =>
    (await instance.ledger.outbox({ limit: 9 })).map(({ json }) => (JSON.parse(json) as { status: string }).status);

  it('of an admission admits once', async () => {
    const record = await losingOne(() => admitted(instance.ledger, 'inv-1', 2));
    expect(await instance.ledger.record('inv-1')).toEqual(record);
    expect(record.version).toBe(1);
    expect((await instance.ledger.tallies(batchA)).find(({ status }) => status === 'queued')?.count).toBe(201);
  });

  it('of a rejected instruction settles once, is still reported as fresh, and publishes its event', async () => {
    const verdict = await losingOne(() => admitOne(instance.ledger, admission(lineOf(batchA, 2), refused({ recordId: 'inv-1' }))));
    expect(verdict).toEqual({ type: 'settled', status: 'rejected', fresh: true });
    expect(await statusesTold()).toEqual(['rejected']);
  });

  it('of an intent makes one intent, and it is ours', async () => {
    const queued = await admitted(instance.ledger, 'inv-1', 2);
    expect(await losingOne(() => advanceOne(instance.ledger, intent(queued)))).toEqual({ ok: true });
    expect(await instance.ledger.record('inv-1')).toEqual(intent(queued).after);
    expect(await instance.ledger.batch(batchA)).toMatchObject({ sent: 1 });
  });

  const firstIntent = (recordId: string) => ({
    ...{ idempotencyKey: keys.idempotencyKey('payout', recordId, 1), owner: 'me', at, leaseMs: 60_000, bytes: Buffer.from('{}') },
    clocks: { wallAt: at, uptimeMs: null },
    terms: { keyLifetimeMs: null, idempotencyHeader: 'X-PARTNER-IDEMPOTENCY-KEY', timeoutMs: 30_000 },
  });
  const tryNew = async (recordId: string, line: number) => {
    const one = admission(lineOf(batchA, line), valid(instructionOf(recordId)));
    return (await instance.ledger.admitWithIntent(one, firstIntent(recordId))) ?? (await admitOne(instance.ledger, one));
  };

  it.each([0, 1])('after %i others of an admission with an intent makes one intent, and it is ours', async (others) => {
    proxy.loseNextReply(others);
    const verdict = await tryNew('inv-1', 2);
    expect(proxy.lost).toBe(1);
    expect(verdict).toMatchObject({ type: 'intended', record: { status: 'submitting', version: 2, sends: 1 } });
    expect(await instance.ledger.record('inv-1')).toEqual('record' in verdict ? verdict.record : null);
    expect(await instance.ledger.batch(batchA)).toMatchObject({ sent: 1 });
    expect((await instance.ledger.trail('inv-1')).map(({ text }) => readAuditEntry(text)?.event)).toEqual(['admitted', 'intent']);
  });

  it('of an admission whose intent is refused leaves it without one, also when nothing refuses it any more', async () => {
    const { ledger } = instance;
    await ledger.setPause({ batchId: batchA, pause: { code: 'paused', by: 'alice', reason: null, at } });
    // The claim of its place, the admission with the intent, the claim again, the admission alone.
    for (const others of [0, 1, 2, 3]) {
      proxy.loseNextReply(others);
      expect(await tryNew(`inv-${others}`, 2 + others)).toMatchObject({ type: 'admitted', record: { status: 'queued', version: 1 } });
    }
    await ledger.setPause({ batchId: batchA, pause: null });
    expect(await losingOne(() => tryNew('inv-0', 2))).toMatchObject({ type: 'admitted', record: { status: 'queued', version: 1 } });
    expect(await ledger.batch(batchA)).toMatchObject({ sent: 0 });
  });

  it('of an outcome publishes it once', async () => {
    const sent = await moved(instance.ledger, intent(await admitted(instance.ledger, 'inv-1', 2)));
    const change = step(sent, { status: 'succeeded' });
    expect(await losingOne(() => advanceOne(instance.ledger, change))).toEqual({ ok: true });
    expect(await statusesTold()).toEqual(['succeeded']);
    expect((await instance.ledger.overview()).unpublished).toBe(1);
    const [entry] = await instance.ledger.outbox({ limit: 9 });
    await losingOne(() => instance.ledger.published({ numbers: [entry?.number ?? 0], mark: null }));
    expect((await instance.ledger.overview()).unpublished).toBe(0);
  });

  it.each([0, 1])('after %i others of a restored occurrence writes it once, and publishes its event', async (others) => {
    const ended = queuedRecord({ batchId: batchA, occurrence: lineOf(batchA, 2), status: 'cancelled', sequence: 2 });
    const { recordId, batchId, occurrence, amountMinor, currency, sequence } = ended;
    const event = recordEvent(keys, ended, at);
    proxy.loseNextReply(others);
    await instance.ledger.restoreSettled({ occurrence, batchId, recordId, status: 'cancelled', amountMinor, currency, sequence, event });
    expect(await statusesTold()).toEqual(['cancelled']);
    expect((await instance.ledger.tallies(batchA)).find(({ status }) => status === 'cancelled')?.count).toBe(1);
    expect((await instance.ledger.overview()).unpublished).toBe(1);
  });

  const eventsOf = async (recordId: string): Promise<unknown[]> =>
    (await instance.ledger.trail(recordId)).map(({ text }) => readAuditEntry(text)?.event);

  it('of an intent and of a duplicate appends to the trail once', async () => {
    const { ledger } = instance;
    const queued = await admitted(ledger, 'inv-1', 2);
    await losingOne(() => moved(ledger, intent(queued)));
    expect(await eventsOf('inv-1')).toEqual(['admitted', 'intent']);
    const duplicate = admission(lineOf(batchA, 3), valid(instructionOf('inv-1')));
    expect(await losingOne(() => admitOne(ledger, duplicate))).toMatchObject({ status: 'duplicate', fresh: true });
    expect(await eventsOf('inv-1')).toEqual(['admitted', 'intent', 'duplicate']);
  });

  it.each([0, 1, 2, 3, 4, 5])('after %i others of a purge of details purges once, and reports it', async (others) => {
    const { ledger } = instance;
    await moved(ledger, step(await moved(ledger, intent(await admitted(ledger, 'inv-1', 2))), { status: 'succeeded' }));
    proxy.loseNextReply(others);
    expect(await ledger.purgeDetails({ olderThanMs: 0, limit: 9 })).toBe(1);
    expect(await eventsOf('inv-1')).toEqual(['retention']);
    expect((await ledger.record('inv-1'))?.audit?.number).toBe(3);
  });

  it.each([batchA, null].flatMap((batchId) => [0, 1, 2].map((others) => [others, batchId] as const)))(
    'after %i others of a pause of %s pauses once, and of its end ends it once',
    async (others, batchId) => {
      const { ledger } = instance;
      const pause = { code: 'paused', by: 'alice', reason: null, at } as const;
      proxy.loseNextReply(others);
      expect(await ledger.setPause({ batchId, pause })).toBe(true);
      expect(await ledger.pauses()).toEqual([{ batchId, ...pause }]);
      expect(await ledger.setPause({ batchId, pause })).toBe(false);
      proxy.loseNextReply(others);
      expect(await ledger.setPause({ batchId, pause: null })).toBe(true);
      expect(await ledger.pauses()).toEqual([]);
      expect(proxy.lost).toBe(2);
    },
  );

  it('does not hide that another process was first', async () => {
    const queued = await admitted(instance.ledger, 'inv-1', 2);
    const sent = await moved(instance.ledger, intent(queued));
    const late = await losingOne(() => advanceOne(instance.ledger, step(queued, { status: 'cancelled' })));
    expect(late).toEqual({ ok: false, why: 'moved', current: sent });
  });

  it('of a read is repeated', async () => {
    const record = await admitted(instance.ledger, 'inv-1', 2);
    expect(await losingOne(() => instance.ledger.record('inv-1'))).toEqual(record);
    expect(await losingOne(() => instance.ledger.countDeadLetter({ stream: 'topic:pay:0', position: 7 }))).toBeUndefined();
    expect(await instance.ledger.overview()).toMatchObject({ deadLetters: 1 });
    expect(await losingOne(() => instance.ledger.batches())).toHaveLength(1);
  });

  it('is reported when the connection is lost and when it is back, without a password', async () => {
    await losingOne(() => instance.ledger.record('inv-1'));
    await expect.poll(() => instance.warnings.length, patience).toBe(2);
    expect(instance.warnings[0]).toMatch(/^The connection to Redis at redis:\/\/127\.0\.0\.1:\d+ is lost/);
    expect(instance.warnings[1]).toMatch(/answers again/);
  });
});

it('connections that are killed again and again lose nothing and do nothing twice', async () => {
  instance = await openInstance(redisUrl(), prefix);
  const { ledger, connection } = instance;
  await ledger.openBatch(manifest(batchA));
  const least = 300;
  let over = false;
  let kills = 0;
  const killer = asAdmin(redisUrl(), async (admin) => {
    while (!over) {
      await new Promise((resolve) => setTimeout(resolve, 15));
      if (clientOf(connection).status !== 'ready') continue;
      const id = await clientOf(connection)
        .client('ID')
        .catch(() => undefined);
      if (id !== undefined && (await admin.client('KILL', 'ID', id)) === 1) kills += 1;
    }
  });
  const pay = async (index: number): Promise<LedgerRecord> => {
    const queued = await admitted(ledger, `inv-${index}`, index + 2);
    const sent = await moved(ledger, intent(queued, Buffer.from(`body ${index}`)));
    const open = await moved(ledger, step(sent, { status: 'in_progress', sessionId: `ps_${index}`, dueAt: 1 }));
    return moved(ledger, step(open, { status: 'succeeded', dueAt: null }, { body: { eraseAt: 0 } }));
  };
  const ended: LedgerRecord[] = [];
  // Until it was killed often enough, however quick or slow it is.
  for (let from = 0; from < least || kills < 4; from += 30) {
    ended.push(...(await Promise.all(Array.from({ length: 30 }, (_, index) => pay(from + index)))));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  over = true;
  await killer;

  const records = ended.length;
  const tallies = await ledger.tallies(batchA);
  expect(isBalanced(tallies)).toBe(true);
  expect(tallies.find(({ status }) => status === 'succeeded')).toMatchObject({ count: records, amountMinor: 1230n * BigInt(records) });
  expect(await ledger.batch(batchA)).toMatchObject({ sent: records });
  for (const record of ended) expect(await ledger.record(record.recordId)).toEqual(record);
  const events = (await ledger.outbox({ limit: 10_000 })).map(({ eventId }) => eventId);
  expect(new Set(events).size).toBe(2 * records);
  expect(events).toHaveLength(2 * records);
});
