/** The first page of open records: from indexes, however many are open. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { selectRecords } from '../../../../batches/record/record-selection.ts';
import { openStatuses, type OpenStatus } from '../../../../batches/record/status.ts';
import { selectionFrom } from '../../../../src/views/select-records.ts';
import type { ReadLedger } from '../../../../src/ledger/looks.ts';
import { openRedisReader } from '../../../../src/ledger/redis/reader.ts';
import { admission, at, batchA, batchB, instructionOf, lineOf, manifest, valid } from '../../../support/builders.ts';
import { intent, moved, step } from '../../../support/ledger-steps.ts';
import { startRedis, type RedisServer } from '../../../support/local-servers.ts';
import { openInstance, type Instance } from './harness.ts';

const count = 6_000;
/** Of these every tenth was sent, and every hundredth is unknown. */
const idOf = (index: number): string => `inv-${String(index).padStart(5, '0')}`;

let server: RedisServer;
let instance: Instance;
let ledger: ReadLedger & { close(): Promise<void> };
let client: Redis;

beforeAll(async () => {
  server = await startRedis();
  instance = await openInstance(server.url, 'oldest');
  for (const batchId of [batchA, batchB]) await instance.ledger.openBatch(manifest(batchId));
  for (let from = 0; from < count; from += 500) {
    const admissions = Array.from({ length: 500 }, (_, index) =>
      admission(lineOf(batchA, from + index + 1), valid(instructionOf(idOf(from + index)))),
    );
    await instance.ledger.admit(admissions);
  }
  for (let index = 0; index < 300; index += 10) {
    const record = await instance.ledger.record(idOf(index));
    if (record === undefined) throw new Error('no record');
    const sent = await moved(instance.ledger, intent(record, Buffer.from('{}'), at - index));
    if (index % 100 === 0) await moved(instance.ledger, step(sent, { status: 'unknown', leaseOwner: null, leaseUntil: null }));
  }
  ledger = await openRedisReader({ connection: instance.connection, prefix: 'oldest' });
  client = new Redis(server.url);
}, 120_000);
afterAll(async () => {
  await client.quit();
  await ledger.close();
  await instance.close();
  await server.stop();
});

const all = async (statuses: readonly OpenStatus[], limit: number) => {
  const selection = selectRecords({ sort: 'age', limit, now: Date.now() });
  for (let after: string | undefined; ;) {
    const page = await ledger.records({ statuses, limit: 500, ...(after === undefined ? {} : { after }) });
    for (const record of page) selection.add(record);
    if (page.length < 500) return selection.result();
    after = page.at(-1)?.cursor;
  }
};

const readsDuring = async (work: () => Promise<unknown>): Promise<number> => {
  await client.config('RESETSTAT');
  await work();
  const stats = await client.info('commandstats');
  return Number(/cmdstat_get:calls=(\d+)/.exec(stats)?.[1] ?? 0);
};

describe('the oldest open records', () => {
  it.each([[openStatuses], [['queued']], [['unknown']], [['submitting', 'unknown']]] as const)(
    'are the same with their sums as those of all records that are read: %j',
    async (statuses) => {
      const wanted = { status: statuses, sort: 'age', limit: 50 } as const;
      const found = await selectionFrom(ledger, wanted, Date.now());
      const expected = await all(statuses, 50);
      expect(found.records.map(({ record }) => record.recordId)).toEqual(expected.records.map(({ record }) => record.recordId));
      expect({ count: found.count, totals: found.totals }).toEqual({ count: expected.count, totals: expected.totals });
    },
  );

  it('are found in fewer reads of records than one page more than are shown', async () => {
    expect(await readsDuring(() => selectionFrom(ledger, { sort: 'age', limit: 50 }, Date.now()))).toBeLessThanOrEqual(1_000);
    expect(await readsDuring(() => selectionFrom(ledger, { status: ['unknown'], sort: 'age', limit: 50 }, Date.now()))).toBeLessThan(50);
    expect(await readsDuring(() => all(openStatuses, 50))).toBeGreaterThanOrEqual(count);
  });
});

describe('records with a filter or an order that has no index in Redis', () => {
  it.each(['amount', 'id'] as const)('are selected of all records where that is asked for, and ordered by %s', async (sort) => {
    const found = await selectionFrom(ledger, { sort, from: 20, limit: 30 }, Date.now());
    const selection = selectRecords({ sort, limit: 50, now: Date.now() });
    for (const record of await ledger.records({ statuses: openStatuses, limit: count })) selection.add(record);
    const { records, ...sums } = selection.result();
    expect({ count: found.count, totals: found.totals }).toEqual(sums);
    expect(found.records.map(({ record }) => record.recordId)).toEqual(records.slice(20).map(({ record }) => record.recordId));
    expect(found.isCut).toBe(false);
  });

  it.each([
    { sort: 'amount' },
    { sort: 'age', code: 'none' },
    { sort: 'age', currency: 'USD' },
    { sort: 'id', status: ['unknown', 'queued', 'failed', 'succeeded'] },
  ] as const)('are selected of about so many as may be read, which the list says: %j', async (wanted) => {
    let found: Awaited<ReturnType<typeof selectionFrom>> | undefined;
    const reads = await readsDuring(async () => {
      found = await selectionFrom(ledger, { ...wanted, limit: 50, mostRead: 1_000 }, Date.now());
    });
    // A last page of 500 is read to its end.
    expect(reads).toBeLessThanOrEqual(1_500);
    expect(found?.isCut).toBe(true);
  });

  it('are all read where fewer have the status than may be read', async () => {
    const found = await selectionFrom(ledger, { status: ['unknown'], sort: 'amount', limit: 50, mostRead: 1_000 }, Date.now());
    expect({ count: found.count, isCut: found.isCut }).toEqual({ count: 3, isCut: false });
  });
});
