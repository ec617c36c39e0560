/** Ledgers that move between SQLite and Redis, in both directions. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Ledger } from '../../../../batches/ports/ledger.ts';
import { isBalanced, sumTallies } from '../../../../batches/record/tally.ts';
import { openRedisSource } from '../../../../src/ledger/redis/export.ts';
import { beginImport } from '../../../../src/ledger/redis/ledger.ts';
import type { MoveTarget } from '../../../../src/ledger/moved-items.ts';
import { redisTarget } from '../../../../src/profiles/distributed/move-target.ts';
import { connectRedis, type RedisConnection } from '../../../../src/redis/connection.ts';
import { at, batchA, batchB, instructionOf, manifest, valid } from '../../../support/builders.ts';
import { intent } from '../../../support/ledger-steps.ts';
import { redisUrl, uniquePrefix } from '../../../support/services.ts';
import { binding, ledgerKey, makeDir, openIn, removeDir } from '../data-dir.ts';
import { admit, createSqliteTarget, everyRecord, exportedFrom, fill, importedFrom, sourceIn } from '../moving.ts';
import { openInstance } from './harness.ts';

const url = redisUrl();
let dir: string;
let prefix: string;
let connection: RedisConnection;
beforeEach(async () => {
  dir = makeDir();
  prefix = uniquePrefix();
  connection = await connectRedis({ url, onWarning: () => undefined });
});
afterEach(async () => {
  await connection.close();
  removeDir(dir);
});

const fileIn = (name: string): string => join(dir, name);

const importInto = async (path: string, wanted = prefix, marksSeen: readonly string[] = []) =>
  importedFrom(path, async (sink, { lineage, newest, barrier }) => {
    const common = { connection, prefix: wanted, binding, ledgerKey, ids: randomUUID };
    const generation = await beginImport({ ...common, mayCreate: true, lineage, newest, barrier, marksSeen });
    const { ledger } = await openInstance(url, wanted, { importing: true, mayCreate: false });
    const target: MoveTarget = redisTarget(ledger, common);
    return { target, sink, ledgerMark: `${generation}.0.0`, close: () => ledger.close() };
  });

const redisSource = (wanted = prefix) =>
  openRedisSource({ connection, prefix: wanted, ledgerKey, exportId: randomUUID(), to: 'moved.ledger', now: () => at, ids: randomUUID });

const stateOf = async (ledger: Ledger) => ({
  records: await Promise.all(
    everyRecord.map(async (id) => {
      const record = await ledger.record(id);
      const body = await ledger.body(id);
      const sentClocks = record?.sentClocks ? { ...record.sentClocks, uptimeMs: null } : null;
      return {
        record: { ...record, sentClocks },
        trail: await ledger.trail(id),
        body: body === undefined ? null : Buffer.from(body).toString(),
      };
    }),
  ),
  batches: await ledger.batches(),
  unsettled: await ledger.countUnsettledDuplicates({ batchId: batchA, exceptInProgress: false }),
  listed: (await ledger.records({ statuses: ['succeeded', 'unknown', 'queued'], limit: 50 }))
    .map(({ record, admittedAt, changedAt }) => [record.recordId, admittedAt, changedAt])
    .sort(),
});

const sorted = (rows: Awaited<ReturnType<Ledger['tallies']>>) =>
  sumTallies(rows)
    .map(({ status, currency, count, amountMinor }) => `${status} ${currency} ${count} ${amountMinor}`)
    .sort();

describe('a stand-alone ledger that moves into Redis, and back', () => {
  it('is the same in both, with every total, and knows every occurrence', async () => {
    const before = await openIn(dir);
    await fill(before);
    const seen = await stateOf(before);
    await before.close();
    const path = await exportedFrom(await sourceIn(dir), fileIn('to-redis'));
    const results = await importInto(path);
    expect(results.every(({ ledger_mark: mark }) => mark?.endsWith('.0.0'))).toBe(true);

    const shared = await openInstance(url, prefix, {
      mayCreate: false,
      marksSeen: results.flatMap(({ ledger_mark: mark }) => mark ?? []),
      hasResults: true,
    });
    const { ledger } = shared;
    const tallies = await ledger.tallies();
    expect(isBalanced(tallies)).toBe(true);
    expect(sorted(await ledger.recount())).toEqual(sorted(tallies));
    const arrived = await stateOf(ledger);
    expect(arrived.records).toEqual(seen.records);
    expect(arrived.batches).toEqual(expect.arrayContaining([...seen.batches]) as unknown);
    expect(arrived.unsettled).toBe(seen.unsettled);
    const pauses = (await ledger.pauses()).map(({ batchId, code, by }) => [batchId, code, by]);
    expect(pauses.toSorted()).toEqual([
      [null, 'moved', 'carol'],
      [batchB, 'cancelled', 'bob'],
    ]);
    expect(await admit(ledger, 30, valid(instructionOf('r-any')))).toMatchObject({ type: 'settled', status: 'rejected', fresh: false });
    expect(await admit(ledger, 31, valid(instructionOf('r-free')))).toMatchObject({ type: 'settled', status: 'rejected', fresh: false });
    expect(await admit(ledger, 32, valid(instructionOf('r-succeeded')))).toMatchObject({ status: 'duplicate', fresh: false });
    expect(await admit(ledger, 6, valid(instructionOf('r-succeeded')))).toMatchObject({ status: 'succeeded', fresh: false });
    expect(sorted(await ledger.tallies())).toEqual(sorted(tallies));
    const queued = await ledger.record('r-queued');
    if (queued === undefined) throw new Error('it is not there');
    expect(await ledger.advance([intent(queued, Buffer.from('{}'), Date.now())])).toMatchObject([{ ok: false, why: 'paused' }]);
    await shared.close();

    const back = makeDir();
    try {
      const returning = await exportedFrom(await redisSource(), fileIn('to-sqlite'));
      await createSqliteTarget(back, returning);
      const home = await openIn(back);
      expect((await stateOf(home)).records).toEqual(seen.records);
      expect(sorted(await home.recount())).toEqual(sorted(tallies));
      expect(sorted(await home.tallies())).toEqual(sorted(tallies));
      expect((await stateOf(home)).unsettled).toBe(seen.unsettled);
      expect((await stateOf(home)).listed).toEqual(arrived.listed);
      expect(await admit(home, 30, valid(instructionOf('r-any')))).toMatchObject({ type: 'settled', status: 'rejected', fresh: false });
      expect(await admit(home, 33, valid(instructionOf('r-succeeded')))).toMatchObject({ status: 'conflict', fresh: false });
      await home.close();

      const third = `${prefix}-again`;
      await importInto(await exportedFrom(await sourceIn(back), fileIn('to-redis-again')), third);
      const again = await openInstance(url, third, { mayCreate: false });
      expect((await stateOf(again.ledger)).records).toEqual(seen.records);
      expect(sorted(await again.ledger.tallies())).toEqual(sorted(tallies));
      expect(await admit(again.ledger, 30, valid(instructionOf('r-any')))).toMatchObject({ status: 'rejected', fresh: false });
      await again.close();
    } finally {
      removeDir(back);
    }
  });
});

describe('a ledger in Redis that moves', () => {
  it('is never paid from again, stops the instances that worked on it, and is exported again under the same id', async () => {
    const instance = await openInstance(url, prefix);
    await fill(instance.ledger);
    const source = await redisSource();
    await exportedFrom(source, fileIn('one'));
    await expect(instance.ledger.openBatch({ ...manifest('c'.repeat(64)), at })).rejects.toMatchObject({ code: 'ledger_behind' });
    await instance.close();
    await expect(openInstance(url, prefix)).rejects.toMatchObject({ code: 'ledger_moved', exitCode: 1 });
    const again = await redisSource();
    expect(again.exportId).toBe(source.exportId);
    await exportedFrom(again, fileIn('two'));
    await createSqliteTarget(join(dir, 'here'), fileIn('two'));
  });

  it('takes no import beside what it has, nor one while results of another ledger are on its topic', async () => {
    const local = await openIn(dir);
    await fill(local);
    await local.close();
    const path = await exportedFrom(await sourceIn(dir), fileIn('one'));
    await expect(importInto(path, prefix, ['another.3.4'])).rejects.toThrow('results of another ledger');
    const instance = await openInstance(url, prefix);
    await instance.ledger.openBatch({ ...manifest(batchA), at });
    await instance.close();
    await expect(importInto(path)).rejects.toThrow('is not empty');
  });

  it('begins again from nothing when its import ended early, and is not paid from before', async () => {
    const local = await openIn(dir);
    await fill(local);
    await local.close();
    const path = await exportedFrom(await sourceIn(dir), fileIn('one'));
    const common = { connection, prefix, binding, ledgerKey, ids: randomUUID };
    await beginImport({ ...common, mayCreate: true, lineage: [], newest: at, barrier: 0, marksSeen: [] });
    const half = await openInstance(url, prefix, { importing: true, mayCreate: false });
    await half.ledger.importItem({ type: 'loose', recordId: 'left', sequence: 9 });
    await half.close();
    await expect(openInstance(url, prefix)).rejects.toMatchObject({ code: 'ledger_incomplete' });
    await importInto(path);
    const whole = await openInstance(url, prefix, { mayCreate: false });
    expect(sorted(await whole.ledger.recount())).toEqual(sorted(await whole.ledger.tallies()));
    await whole.close();
  });
});
