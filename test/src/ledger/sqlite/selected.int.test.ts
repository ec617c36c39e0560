/** Lists of records with a filter or an order: selected inside the database, of which only the rows that are shown leave it. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ListedRecord } from '../../../../batches/ports/ledger.ts';
import { recordOrders, selectRecords, type SelectionOptions } from '../../../../batches/record/record-selection.ts';
import { openStatuses, type RecordStatus } from '../../../../batches/record/status.ts';
import type { ReadLedger, SelectionQuery } from '../../../../src/ledger/looks.ts';
import { openReader } from '../../../../src/ledger/sqlite/reader.ts';
import { createSelected } from '../../../../src/ledger/sqlite/selected.ts';
import { selectionFrom } from '../../../../src/views/select-records.ts';
import { admission, at, batchA, batchB, instructionOf, lineOf, manifest, valid } from '../../../support/builders.ts';
import { makeDir, openIn, removeDir } from '../data-dir.ts';

const now = at + 100_000;
const [manyRows, batchCount] = [9_500, 40];
const every = ['queued', 'submitting', 'in_progress', 'unknown', 'succeeded', 'failed', 'cancelled'] as const;
const batchOf = (index: number): string => (index % 19 === 0 ? `${String(index % batchCount).padStart(2, '0')}${batchB.slice(2)}` : batchA);

let dir: string;
let reader: ReadLedger & { close(): Promise<void> };
let all: readonly ListedRecord[];

/** Statuses, times and reasons as they are in a ledger, without the time that paying takes. */
const spread = `
  UPDATE record SET status = CASE id % 50 WHEN 1 THEN 6 WHEN 2 THEN 7 WHEN 3 THEN 4 WHEN 4 THEN 3 ELSE CASE WHEN id % 3 = 0 THEN 5 ELSE 1 END END;
  UPDATE record SET first_sent_at = ${now} - (id * 7919 % 200000) WHERE status > 2 AND id % 11 <> 0;
  UPDATE record SET admitted_at = NULL, changed_at = NULL WHERE id % 97 = 0;
  UPDATE record SET reason_code = CASE WHEN id % 100 < 50 THEN 'account_closed' ELSE 'connection_lost' END WHERE status IN (4, 6, 7);`;

beforeAll(async () => {
  dir = makeDir();
  const ledger = await openIn(dir);
  const batches = new Set(Array.from({ length: manyRows }, (_, index) => batchOf(index)));
  for (const batchId of batches) await ledger.openBatch(manifest(batchId));
  for (let from = 0; from < manyRows; from += 500)
    await ledger.admit(
      Array.from({ length: 500 }, (_, at) => {
        const index = from + at;
        const amount = { amountMinor: BigInt(((index * 7_919) % 5_003) + 1), currency: index % 4 === 0 ? 'USD' : 'EUR' };
        return admission(lineOf(batchOf(index), index + 2), valid(instructionOf(`inv-${(index * 31) % manyRows}`, amount)), batchOf(index));
      }),
    );
  await ledger.close();
  const db = new DatabaseSync(join(dir, 'ledger.sqlite'));
  db.exec(spread);
  db.close();
  reader = await openReader(dir);
  all = await reader.records({ statuses: every, limit: 100_000 });
}, 60_000);
afterAll(async () => {
  await reader.close();
  removeDir(dir);
});

type Wanted = Omit<SelectionOptions, 'limit' | 'now'> & { readonly statuses: readonly RecordStatus[]; readonly batchId?: string };

function expectedOf(records: readonly ListedRecord[], { statuses, batchId, ...options }: Wanted, [from, limit]: readonly [number, number]) {
  const selection = selectRecords({ ...options, now, limit: from + limit });
  for (const timed of records) {
    const { status, batchId: ofBatch } = timed.record;
    if (statuses.includes(status) && (batchId === undefined || batchId === ofBatch)) selection.add(timed);
  }
  const { records: kept, ...sums } = selection.result();
  return { ...sums, ids: kept.slice(from).map(({ record }) => record.recordId) };
}

const statusLists: readonly (readonly RecordStatus[])[] = [
  openStatuses,
  ['queued'],
  ['unknown'],
  ['failed'],
  ['succeeded'],
  ['failed', 'unknown'],
  every,
];
const filters: readonly Partial<Wanted>[] = [
  {},
  { currency: 'USD' },
  { code: 'account_closed' },
  { olderThanMs: 50_000 },
  { batchId: batchA },
  { batchId: batchOf(19), currency: 'EUR' },
  { batchId: 'none', olderThanMs: 0 },
];

describe('a list of records in a SQLite ledger', () => {
  it.each(recordOrders.flatMap((sort) => statusLists.map((statuses) => ({ sort, statuses }))))(
    'ordered by $sort, of $statuses, has with each filter the records and sums that all records give, and reads none outside the database',
    async ({ sort, statuses }) => {
      const records = (): never => {
        throw new Error('records are read to select them');
      };
      for (const filter of filters)
        for (const [from, limit] of [
          [0, 20],
          [4_100, 7],
        ] as const) {
          const wanted = { sort, statuses, ...filter };
          const found = await { ...reader, records }.selected({ ...wanted, from, limit, now, mostRead: null });
          const { records: shown, isCut, ...sums } = found;
          expect({ filter, ...sums, ids: shown.map(({ record }) => record.recordId) }).toEqual({
            filter,
            ...expectedOf(all, wanted, [from, limit]),
          });
          expect(isCut).toBe(false);
        }
    },
  );

  it('of open statuses and of those that ended without a payment comes page by page, each record once', async () => {
    const statuses = ['unknown', 'in_progress', 'failed', 'cancelled'] as const;
    const found: string[] = [];
    for (let after: string | undefined; ;) {
      const page = await reader.records({ statuses, limit: 7, ...(after === undefined ? {} : { after }) });
      found.push(...page.map(({ record }) => record.recordId));
      if (page.length < 7) break;
      after = page.at(-1)?.cursor;
    }
    const expected = all.filter(({ record: { status } }) => (statuses as readonly string[]).includes(status));
    expect(found.toSorted()).toEqual(expected.map(({ record }) => record.recordId).toSorted());
  });

  it('shows the page of the oldest that is asked for', async () => {
    const found = await selectionFrom(reader, { sort: 'age', from: 30, limit: 10 }, now);
    const { ids } = expectedOf(all, { sort: 'age', statuses: openStatuses }, [30, 10]);
    expect(found.records.map(({ record }) => record.recordId)).toEqual(ids);
  });
});

/** Counts what leaves the database. */
function counting(db: DatabaseSync) {
  const counts = { rows: 0, wholeRows: 0, mostOfOne: 0 };
  const prepare = (sql: string) => {
    const statement = db.prepare(sql);
    const all = (...values: Parameters<typeof statement.all>): unknown[] => {
      const rows = statement.all(...values);
      counts.rows += rows.length;
      counts.wholeRows += rows.filter((row) => 'fingerprint' in row).length;
      counts.mostOfOne = Math.max(counts.mostOfOne, rows.length);
      return rows;
    };
    return { all, get: statement.get.bind(statement) };
  };
  return { counts, db: { prepare } as unknown as DatabaseSync };
}

describe('what a list reads', () => {
  it.each(recordOrders)(
    'is whole rows of the records that are shown only, and 20 ids of each 4,000 records that are looked at, ordered by %s',
    async (sort) => {
      const db = new DatabaseSync(join(dir, 'ledger.sqlite'), { readOnly: true });
      try {
        const { counts, db: counted } = counting(db);
        const query: SelectionQuery = { statuses: every, sort, olderThanMs: 0, from: 0, limit: 20, now, mostRead: null };
        await createSelected(counted, true)(query);
        expect(counts.wholeRows).toBe(20);
        // Three parts: ids, and at most one sum for each status and currency.
        expect(counts.rows).toBeLessThanOrEqual(20 + 3 * (20 + 2 * every.length));
      } finally {
        db.close();
      }
    },
  );

  it.each([
    [['failed'], 'record_unpaid'],
    [['failed', 'unknown'], 'record_unpaid'],
    [['queued'], 'record_open'],
  ] as const)('for %j is found by an index, however many records were paid', async (statuses, index) => {
    const db = new DatabaseSync(join(dir, 'ledger.sqlite'), { readOnly: true });
    try {
      const plans: string[] = [];
      const prepare = (sql: string) => {
        const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all();
        plans.push(...plan.map(({ detail }) => String(detail)));
        return db.prepare(sql);
      };
      const selected = createSelected({ prepare } as unknown as DatabaseSync, true);
      await selected({ statuses, sort: 'amount', batchId: batchA, from: 0, limit: 20, now, mostRead: null });
      expect(plans.filter((detail) => /^SCAN record\b/.test(detail))).toEqual([]);
      expect(plans.some((detail) => detail.includes(index))).toBe(true);
    } finally {
      db.close();
    }
  });
});

describe('a list of records in a ledger of schema 2, which has no times of admission and no index of what ended unpaid', () => {
  it.each(recordOrders)('has the records and sums that all records give, ordered by %s', async (sort) => {
    const old = makeDir();
    copyFileSync(join(import.meta.dirname, '../../../fixtures/ledger-schema-2.sqlite'), join(old, 'ledger.sqlite'));
    const ledger = await openReader(old);
    try {
      const records = await ledger.records({ statuses: every, limit: 100 });
      for (const statuses of statusLists) {
        const {
          records: shown,
          count,
          totals,
        } = await ledger.selected({
          statuses,
          sort,
          olderThanMs: 0,
          from: 0,
          limit: 20,
          now,
          mostRead: null,
        });
        expect({ count, totals, ids: shown.map(({ record }) => record.recordId) }).toEqual(
          expectedOf(records, { statuses, sort, olderThanMs: 0 }, [0, 20]),
        );
      }
    } finally {
      await ledger.close();
      removeDir(old);
    }
  });
});
