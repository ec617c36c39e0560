/** What only a ledger in Redis has: its shards, its marks, what it is bound to. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isBalanced } from '../../../../batches/record/tally.ts';
import { LedgerBindingError, LedgerKeyError } from '../../../../src/ledger/errors.ts';
import { LedgerDataLossError } from '../../../../src/ledger/redis/errors.ts';
import { createKeyNames, shardOf, shards } from '../../../support/ledger-names.ts';
import { admission, batchA, instructionOf, lineOf, manifest, refused, valid } from '../../../support/builders.ts';
import { admitted, intent, moved, recordIn } from '../../../support/ledger-steps.ts';
import { redisUrl, uniquePrefix } from '../../../support/services.ts';
import { asAdmin, binding, keysOf, openInstance, removeKeys, type Instance } from './harness.ts';
import { admitOne } from '../../../../batches/ports/single.ts';

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

describe('shards', () => {
  it('each balance by itself, and every key is in one of them', async () => {
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
      for (const shard of shards) {
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
    // The event of each shows its amount all the same.
    const events = (await ledger.outbox({ limit: 9 })).map(({ json }) => JSON.parse(json) as { amount_details: object });
    expect(events.map((event) => event.amount_details)).toEqual(Array(3).fill({ amount: 1230, currency: 'EUR' }));
  });

  it('leave room for instructions, however many were rejected', async () => {
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

describe('the identity of a ledger', () => {
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

  it('is compared with the marks of results', async () => {
    const { ledger } = await open();
    await ledger.openBatch(manifest(batchA));
    const seen = await mark(ledger, 2);
    await open({ marksSeen: [seen], hasResults: true });
    const [generation = '', shard = '', counter = ''] = seen.split('.');
    // Another generation may be under another prefix: a rebuild under this one would make a second ledger.
    const compare = 'Compare REDIS_URL and REDIS_PREFIX with those that were used';
    for (const [marksSeen, advice] of [
      [[`${generation}.${shard}.${Number(counter) + 1}`], 'Nothing is paid until `disburse rebuild` has run'],
      [[seen, `another.${shard}.1`], compare],
    ] as const) {
      const opening = open({ marksSeen, hasResults: true });
      await expect(opening).rejects.toThrow(LedgerDataLossError);
      await expect(opening).rejects.toThrow(advice);
      await expect(opening).rejects.toMatchObject({ code: 'ledger_behind', exitCode: 3 });
    }
  });

  it('under a wrong prefix is named with the right one, and no rebuild is advised', async () => {
    const { ledger } = await open();
    await ledger.openBatch(manifest(batchA));
    const seen = await mark(ledger, 2);
    const right = prefix;
    const wrong = uniquePrefix();
    const opening = openInstance(redisUrl(), wrong, { marksSeen: [seen], hasResults: true });
    await expect(opening).rejects.toThrow(`That ledger is under the prefix ${right}: set REDIS_PREFIX=${right}.`);
    await expect(opening).rejects.not.toThrow('rebuild');
    await asAdmin(redisUrl(), async (client) => expect(await keysOf(client, wrong)).toEqual([]));
  });

  it('is created only where there was none before', async () => {
    await expect(open({ hasResults: true })).rejects.toThrow(
      /is empty, although results were published before\. Compare REDIS_URL and REDIS_PREFIX/,
    );
    await expect(open({ mayCreate: false })).rejects.toThrow(/--new-ledger/);
    await asAdmin(redisUrl(), async (client) => expect(await keysOf(client, prefix)).toEqual([]));
    await open();
    await open({ mayCreate: false, hasResults: true });
  });

  it('is created once when several processes start at the same time', async () => {
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
    await expect(open()).rejects.toThrow(/has lost part of its data \(shards 5 of 16\)/);
  });

  it.each([
    ['gateway', { ...binding, gateway: 'https://gateway.example' }],
    ['project', { ...binding, project: 'other' }],
    ['submerchant', { ...binding, submerchant: 'branch' }],
    ['idempotency header', { ...binding, idempotencyHeader: 'X-Other' }],
  ])('includes its %s', async (_, other) => {
    await open();
    const opening = open({ binding: other });
    await expect(opening).rejects.toThrow(LedgerBindingError);
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
