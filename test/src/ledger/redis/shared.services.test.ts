/** What only a ledger in Redis holds: several instances on one, its shards, its marks, its end. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LedgerRecord } from '../../../../batches/record/record.ts';
import { isBalanced } from '../../../../batches/record/tally.ts';
import { LedgerKeyError } from '../../../../src/ledger/errors.ts';
import { LedgerDataLossError, RedisLedgerBindingError } from '../../../../src/ledger/redis/errors.ts';
import { createKeyNames, shardCount, shardOf } from '../../../../src/ledger/redis/key-names.ts';
import { admission, at, batchA, batchB, instructionOf, lineOf, manifest, refused, valid } from '../../../support/builders.ts';
import { admitted, intent, moved, recordIn, step } from '../../../support/ledger-steps.ts';
import { redisUrl, uniquePrefix } from '../../../support/services.ts';
import { asAdmin, binding, keysOf, openInstance, removeKeys, type Instance } from './harness.ts';
import { admitOne, advanceOne } from '../../../../batches/ports/single.ts';

let prefix: string;
let opened: Instance[];

beforeEach(() => {
  prefix = uniquePrefix();
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((instance) => instance.close()));
  await removeKeys(redisUrl(), prefix);
});

const open = async (patch: Parameters<typeof openInstance>[2] = {}): Promise<Instance> => {
  const instance = await openInstance(redisUrl(), prefix, patch);
  opened.push(instance);
  return instance;
};
const two = async (): Promise<[Instance['ledger'], Instance['ledger']]> => {
  const [one, other] = [await open(), await open()];
  await one.ledger.openBatch(manifest(batchA));
  return [one.ledger, other.ledger];
};

describe('two instances', () => {
  it('see what each of them decides', async () => {
    const [one, other] = await two();
    const queued = await admitted(one, 'inv-1', 2);
    expect(await other.record('inv-1')).toEqual(queued);
    const sent = await moved(other, intent(queued, Buffer.from('bytes')));
    expect(Buffer.from((await one.body('inv-1')) ?? []).toString()).toBe('bytes');
    expect(await advanceOne(one, intent(queued))).toEqual({ ok: false, current: sent });
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

  it('publish what they decided themselves, until one takes over what the other left', async () => {
    const [one, other] = await two();
    for (let line = 2; line < 42; line += 1) await admitOne(one, admission(lineOf(batchA, line), refused({ recordId: `inv-${line}` })));
    const left = await one.outbox({ limit: 100 });
    expect(left).toHaveLength(40);
    expect(await other.outbox({ limit: 100 })).toEqual([]);
    expect(await other.takeOverOutbox({ olderThanMs: 60_000, limit: 100 })).toBe(0);
    expect(await other.takeOverOutbox({ olderThanMs: 0, limit: 7 })).toBe(7);
    expect(await other.takeOverOutbox({ olderThanMs: 0, limit: 100 })).toBe(33);
    expect(await other.outbox({ limit: 100 })).toEqual(left);
    await other.published({ numbers: left.map(({ number }) => number), mark: 'none' });
    expect(await other.outbox({ limit: 100 })).toEqual([]);
    expect(await other.overview()).toMatchObject({ unpublished: 0 });
    expect(await other.publishedMark()).toBeNull();
  });

  it('never take over the same event within the time', async () => {
    const [one, other] = await two();
    const third = (await open()).ledger;
    for (let line = 2; line < 62; line += 1) await admitOne(one, admission(lineOf(batchA, line), refused({ recordId: `inv-${line}` })));
    // Far longer than all of them take.
    const olderThanMs = 3_000;
    await new Promise((resolve) => setTimeout(resolve, olderThanMs + 100));
    const taken = await Promise.all([other, third, other, third].map((ledger) => ledger.takeOverOutbox({ olderThanMs, limit: 20 })));
    expect(taken.reduce((sum, count) => sum + count, 0)).toBe(60);
    const numbers = [...(await other.outbox({ limit: 100 })), ...(await third.outbox({ limit: 100 }))].map(({ number }) => number);
    expect(new Set(numbers).size).toBe(60);
  });
});

describe('claimDue', () => {
  const dueSince = async (
    ledger: Instance['ledger'],
    recordId: string,
    line: number,
    dueAt: number,
    batchId = batchA,
  ): Promise<LedgerRecord> => {
    const queued = await admitted(ledger, recordId, line, {}, batchId);
    return moved(ledger, step(await moved(ledger, intent(queued)), { status: 'in_progress', dueAt, leaseOwner: null, leaseUntil: null }));
  };

  it('shows what is due to one instance, the longest due first, over all batches', async () => {
    const [one, other] = await two();
    await one.openBatch(manifest(batchB));
    const now = Date.now();
    const third = await dueSince(one, 'third', 2, now - 1_000);
    const first = await dueSince(one, 'first', 3, now - 3_000);
    const second = await dueSince(one, 'second', 2, now - 2_000, batchB);
    await dueSince(one, 'never', 4, now + 3_600_000);
    await admitted(one, 'queued', 5);
    expect((await other.claimDue({ limit: 2, leaseMs: 60_000 })).records).toEqual([first, second]);
    expect((await one.claimDue({ limit: 9, leaseMs: 60_000 })).records).toEqual([third]);
    const { records, nextAt } = await other.claimDue({ limit: 9, leaseMs: 60_000 });
    expect(records).toEqual([]);
    expect(nextAt).toBeGreaterThan(now + 50_000);
    expect(nextAt).toBeLessThan(now + 120_000);
  });

  it('gives the same record to one of two who ask at once', async () => {
    const [one, other] = await two();
    for (let index = 0; index < 50; index += 1) await dueSince(one, `inv-${index}`, index + 2, 1_000 + index);
    const claims = await Promise.all([one, other, one, other].map((ledger) => ledger.claimDue({ limit: 20, leaseMs: 60_000 })));
    const ids = claims.flatMap(({ records }) => records.map(({ recordId }) => recordId));
    expect(new Set(ids).size).toBe(ids.length);
    const rest = await one.claimDue({ limit: 100, leaseMs: 60_000 });
    expect(new Set([...ids, ...rest.records.map(({ recordId }) => recordId)]).size).toBe(50);
  });

  it('shows it again when the lease is over, and by its new time when it was written', async () => {
    const [one, other] = await two();
    const left = await dueSince(one, 'left', 2, 1_000);
    const written = await dueSince(one, 'written', 3, 1_000);
    // Far longer than what comes before its end.
    const leaseMs = 3_000;
    expect((await one.claimDue({ limit: 9, leaseMs })).records).toHaveLength(2);
    const later = Date.now() + 3_600_000;
    await moved(one, step(written, { dueAt: later }));
    expect((await other.claimDue({ limit: 9, leaseMs })).records).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, leaseMs + 50));
    const { records, nextAt } = await other.claimDue({ limit: 9, leaseMs: 7_200_000 });
    expect(records).toEqual([left]);
    expect(nextAt).toBe(later);
  });

  it('finds a first send whose lease is over, and nothing that ended', async () => {
    const [one, other] = await two();
    const dead = await moved(one, intent(await admitted(one, 'dead', 2), Buffer.from('x'), Date.now() - 120_000));
    await moved(one, intent(await admitted(one, 'alive', 3), Buffer.from('x'), Date.now()));
    const ended = await dueSince(one, 'ended', 4, 1_000);
    await moved(one, step(ended, { status: 'succeeded', dueAt: null }));
    expect((await other.claimDue({ limit: 9, leaseMs: 1_000 })).records).toEqual([dead]);
  });
});

describe('shards', () => {
  it('each balance by themselves, and every key lies in one', async () => {
    const { ledger } = await open();
    await ledger.openBatch(manifest(batchA));
    for (let index = 0; index < 12; index += 1) {
      await recordIn(
        ledger,
        (['queued', 'submitting', 'succeeded', 'rejected'] as const)[index % 4] ?? 'queued',
        `inv-${index}`,
        index + 2,
      );
      await admitOne(ledger, admission(lineOf(batchA, 100 + index), refused({ recordId: undefined })));
    }
    const names = createKeyNames(prefix);
    await asAdmin(redisUrl(), async (client) => {
      for (const key of await keysOf(client, prefix)) expect(key).toMatch(new RegExp(`^${prefix}:\\{(0\\d|1[0-5])\\}:`));
      let received = 0;
      for (let shard = 0; shard < shardCount; shard += 1) {
        const totals = await client.hgetall(names.tally(shard, batchA));
        const counts = Object.entries(totals).filter(([field]) => /^n\d+:/.test(field));
        const of = (which: (field: string) => boolean): number =>
          counts.reduce((sum, [field, count]) => sum + (which(field) ? Number(count) : 0), 0);
        expect(of((field) => field.startsWith('n0:'))).toBe(of((field) => !field.startsWith('n0:')));
        received += of((field) => field.startsWith('n0:'));
      }
      expect(received).toBe(24);
    });
  });

  it('refuse an instruction whose total they could not count, and write nothing of it', async () => {
    const { ledger } = await open();
    await ledger.openBatch(manifest(batchA));
    const shard = shardOf('inv-1');
    const names = createKeyNames(prefix);
    const totals = { 'n0:EUR': '1', 'a0:EUR': String(2n ** 63n - 1n - 1230n), 'n1:EUR': '1', 'a1:EUR': String(2n ** 63n - 1n - 1230n) };
    await asAdmin(redisUrl(), (client) => client.hset(names.tally(shard, batchA), totals));
    const record = await admitted(ledger, 'inv-1', 2);
    expect((await ledger.tallies(batchA)).find(({ status }) => status === 'received')?.amountMinor).toBe(2n ** 63n - 1n);

    const other = Array.from({ length: 1_000 }, (_, index) => `other-${index}`).find((recordId) => shardOf(recordId) === shard) ?? '';
    const verdict = await admitOne(ledger, admission(lineOf(batchA, 3), valid(instructionOf(other, { amountMinor: 1n }))));
    expect(verdict).toEqual({ type: 'totals_full' });
    expect(await ledger.record(other)).toBeUndefined();
    expect((await ledger.tallies(batchA)).find(({ status }) => status === 'received')?.count).toBe(2);
    await moved(ledger, intent(record));
  });

  it('count an occurrence that ends by itself without its amount when that finds no room', async () => {
    const { ledger } = await open();
    await ledger.openBatch(manifest(batchA));
    const shard = shardOf('inv-1');
    const paid = await admitted(ledger, 'inv-1', 2);
    await moved(ledger, intent(paid));
    const names = createKeyNames(prefix);
    const full = String(2n ** 63n - 1n - 1230n);
    const totals = { 'n0:EUR': '2', 'a0:EUR': String(2n ** 63n - 1n), 'n5:EUR': '1', 'a5:EUR': full };
    await asAdmin(redisUrl(), (client) => client.hset(names.tally(shard, batchA), totals));
    const before = await ledger.tallies(batchA);
    const received = before.find(({ status }) => status === 'received');

    const contents = [refused(), valid(instructionOf('inv-1')), valid(instructionOf('inv-1'), 'other')];
    const statuses = ['rejected', 'duplicate', 'conflict'] as const;
    for (const [index, content] of contents.entries()) {
      const verdict = await admitOne(ledger, admission(lineOf(batchA, 10 + index), content));
      expect(verdict).toEqual({ type: 'settled', status: statuses[index], fresh: true });
    }
    for (const [index, status] of statuses.entries()) {
      const occurrence = lineOf(batchA, 20 + index);
      await ledger.restoreSettled({
        occurrence,
        batchId: batchA,
        recordId: 'inv-1',
        status,
        amountMinor: 1230n,
        currency: 'EUR',
        sequence: 9,
      });
    }

    const after = await ledger.tallies(batchA);
    expect(isBalanced(after)).toBe(true);
    expect(after.filter(({ currency }) => currency === 'EUR')).toEqual(before);
    expect(received?.amountMinor).toBe(2n ** 63n - 1n);
    const without = after.filter(({ currency }) => currency === '').map(({ status, count, amountMinor }) => [status, count, amountMinor]);
    const expected = [['received', 6, 0n], ...statuses.map((status) => [status, 2, 0n])];
    expect(without.toSorted()).toEqual(expected.toSorted());
    // The event of each tells its amount all the same.
    const events = (await ledger.outbox({ limit: 9 })).map(({ json }) => JSON.parse(json) as { amount_details: object });
    expect(events.map((event) => event.amount_details)).toEqual(Array(3).fill({ amount: 1230, currency: 'EUR' }));
  });

  it('leave room for instructions, however much was refused', async () => {
    const { ledger } = await open();
    await ledger.openBatch(manifest(batchA));
    const most = 2n ** 53n - 1n;
    const refusals = Array.from({ length: 1_030 }, (_, index) => admission(lineOf(batchA, index + 2), refused({ amountMinor: most })));
    // One after the other, since all of them are of one id.
    for (const refusal of refusals) await admitOne(ledger, refusal);
    await admitted(ledger, 'inv-1', 5_000, { amountMinor: most });
    const tallies = await ledger.tallies(batchA);
    expect(isBalanced(tallies)).toBe(true);
    const rejected = tallies.filter(({ status }) => status === 'rejected');
    expect(rejected.map(({ currency, count }) => [currency, count]).toSorted()).toEqual([
      ['', 518],
      ['EUR', 512],
    ]);
  });

  it('order the events of all of them as they were decided', async () => {
    const { ledger } = await open();
    await ledger.openBatch(manifest(batchA));
    for (let line = 2; line < 40; line += 1) await admitOne(ledger, admission(lineOf(batchA, line), refused({ recordId: `inv-${line}` })));
    const told = (await ledger.outbox({ limit: 100 })).map(({ json }) => (JSON.parse(json) as { record_id: string }).record_id);
    expect(told).toEqual(Array.from({ length: 38 }, (_, index) => `inv-${index + 2}`));
  });
});

describe('what a ledger is known by', () => {
  const mark = async (ledger: Instance['ledger'], line: number): Promise<string> => {
    await admitOne(ledger, admission(lineOf(batchA, line), refused({ recordId: 'inv-1' })));
    const entry = (await ledger.outbox({ limit: 100 })).at(-1);
    return (JSON.parse(entry?.json ?? '{}') as { ledger_mark: string }).ledger_mark;
  };

  it('every event carries as its last member, and it rises with every write of the shard', async () => {
    const { ledger } = await open();
    await ledger.openBatch(manifest(batchA));
    const first = await mark(ledger, 2);
    expect(first).toMatch(new RegExp(`^[0-9a-f-]{36}\\.${shardOf('inv-1')}\\.\\d+$`));
    const record = await admitted(ledger, 'inv-1', 3);
    await moved(ledger, intent(record));
    const second = await mark(ledger, 4);
    const counter = (text: string): number => Number(text.split('.')[2]);
    // Two texts that records share, the record, its intent, the event.
    expect(counter(second)).toBe(counter(first) + 5);
    const [entry] = await ledger.outbox({ limit: 1 });
    expect(entry?.json.endsWith(`,"ledger_mark":"${first}"}`)).toBe(true);
  });

  it('is compared with what results tell', async () => {
    const { ledger } = await open();
    await ledger.openBatch(manifest(batchA));
    const seen = await mark(ledger, 2);
    await open({ marksSeen: [seen], hasResults: true });
    const [generation = '', shard = '', counter = ''] = seen.split('.');
    for (const marksSeen of [[`${generation}.${shard}.${Number(counter) + 1}`], [seen, `another.${shard}.1`]]) {
      const opening = open({ marksSeen, hasResults: true });
      await expect(opening).rejects.toThrow(LedgerDataLossError);
      await expect(opening).rejects.toThrow('Nothing is paid until `disburse rebuild` has run');
      await expect(opening).rejects.toMatchObject({ code: 'ledger_behind', exitCode: 3 });
    }
  });

  it('is made anew only where nothing was before', async () => {
    await expect(open({ hasResults: true })).rejects.toThrow(/is empty, and results were published before/);
    await expect(open({ mayCreate: false })).rejects.toThrow(/--new-ledger/);
    await asAdmin(redisUrl(), async (client) => expect(await keysOf(client, prefix)).toEqual([]));
    await open();
    await open({ mayCreate: false, hasResults: true });
  });

  it('is made once by many who come first', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => open()));
    await made[0]?.ledger.openBatch(manifest(batchA));
    for (const { ledger } of made) expect(await ledger.batches()).toHaveLength(1);
  });

  it('is made to its end by the next one when the first died over it', async () => {
    await open();
    const names = createKeyNames(prefix);
    await asAdmin(redisUrl(), async (client) => {
      await client.hset(names.meta(0), 'state', 'founding');
      await client.del(names.meta(7), names.meta(9));
    });
    const { ledger } = await open({ mayCreate: false });
    await ledger.openBatch(manifest(batchA));
    await Promise.all(Array.from({ length: 40 }, (_, index) => admitted(ledger, `inv-${index}`, index + 2)));
  });

  it('is not the same with a part of it gone', async () => {
    await open();
    await asAdmin(redisUrl(), (client) => client.del(createKeyNames(prefix).meta(5)));
    await expect(open()).rejects.toThrow(/has lost a part of itself \(shards 5 of 16\)/);
  });

  it.each([
    ['gateway', { gateway: 'https://gateway.example', project: 'shop' }],
    ['project', { ...binding, project: 'other' }],
    ['submerchant', { ...binding, submerchant: 'branch' }],
  ])('includes its %s', async (_, other) => {
    await open();
    const opening = open({ binding: other });
    await expect(opening).rejects.toThrow(RedisLedgerBindingError);
    for (const named of [binding.gateway, ...Object.values(other), 'REDIS_PREFIX']) await expect(opening).rejects.toThrow(named);
    await expect(opening).rejects.toMatchObject({ code: 'ledger_binding', exitCode: 1 });
  });

  it('includes its key, without holding it', async () => {
    await open();
    const opening = open({ ledgerKey: Buffer.alloc(32, 8) });
    await expect(opening).rejects.toThrow(LedgerKeyError);
    await expect(opening).rejects.toThrow(/LEDGER_KEY_FILE/);
  });
});

describe('batches', () => {
  it('that events made take the pins of the first file, and keep them', async () => {
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
    for (const again of [unpinned, { ...manifest(batchB), file: 'june.csv', bytes: 9 }]) expect(await one.openBatch(again)).toEqual(pinned);
  });

  it('must be opened before anything comes to them', async () => {
    const { ledger } = await open();
    await expect(admitOne(ledger, admission(lineOf(batchA, 2), refused()))).rejects.toThrow(/never opened/);
    await expect(ledger.saveEnqueueProgress({ batchId: batchA, line: 1, rows: null })).rejects.toThrow(/never opened/);
  });

  it('know how far their file was handed over, and never go back', async () => {
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

describe('overview', () => {
  it('tells the oldest open record, what is unpublished, and dead letters once each', async () => {
    const [one, other] = await two();
    expect(await one.overview()).toEqual({ oldestOpenAt: null, unpublished: 0, deadLetters: 0 });
    const before = Date.now();
    const first = await admitted(one, 'inv-1', 2);
    const after = Date.now();
    await admitted(other, 'inv-2', 3);
    for (const ledger of [one, other]) {
      await ledger.countDeadLetter({ stream: 'topic:pay:0', position: 7 });
      await ledger.countDeadLetter({ stream: 'topic:pay:1', position: 7 });
    }
    const seen = await other.overview();
    expect(seen.oldestOpenAt).toBeGreaterThanOrEqual(before - 2);
    expect(seen.oldestOpenAt).toBeLessThanOrEqual(after + 2);
    await moved(one, step(first, { status: 'cancelled' }));
    expect(await other.overview()).toMatchObject({ unpublished: 1, deadLetters: 2 });
    expect((await other.overview()).oldestOpenAt).toBeGreaterThanOrEqual(seen.oldestOpenAt ?? 0);
  });
});

describe('purgeDetails', () => {
  it('goes on where another instance stopped, and all of them see what was dropped', async () => {
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
