/** Pauses are in every shard: what a process that dies halfway, a late call and a rebuild leave of them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { advanceOne } from '../../../../batches/ports/single.ts';
import type { Pause } from '../../../../batches/record/pause.ts';
import type { LedgerRecord } from '../../../../batches/record/record.ts';
import { createKeyNames, shardOf, shards } from '../../../support/ledger-names.ts';
import { beginRebuild, finishRebuild, pauseRebuilt } from '../../../../src/ledger/redis/rebuild.ts';
import { scripts, type Script } from '../../../../src/ledger/redis/scripts.ts';
import { at, batchA, manifest } from '../../../support/builders.ts';
import { admitted, intent } from '../../../support/ledger-steps.ts';
import { redisUrl, uniquePrefix } from '../../../support/services.ts';
import { asAdmin, openInstance, rebuildParams, removeKeys, type Instance } from './harness.ts';

const pause: Pause = { code: 'paused', by: 'alice', reason: null, at };

let prefix: string;
let names: ReturnType<typeof createKeyNames>;
let opened: Instance[];
const open = async (): Promise<Instance> => {
  const instance = await openInstance(redisUrl(), prefix);
  opened.push(instance);
  return instance;
};
const admin = <T>(work: Parameters<typeof asAdmin<T>>[1]): Promise<T> => asAdmin(redisUrl(), work);

beforeEach(() => {
  prefix = uniquePrefix();
  names = createKeyNames(prefix);
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((instance) => instance.close()));
  await removeKeys(redisUrl(), prefix);
});

/** One queued record in each shard. */
async function inEachShard({ ledger }: Instance): Promise<readonly LedgerRecord[]> {
  await ledger.openBatch(manifest(batchA));
  const ids = shards.map(
    (shard) => Array.from({ length: 1_000 }, (_, index) => `inv-${index}`).find((recordId) => shardOf(recordId) === shard) ?? '',
  );
  return Promise.all(ids.map((recordId, index) => admitted(ledger, recordId, index + 2)));
}

const outcomes = async ({ ledger }: Instance, records: readonly LedgerRecord[]): Promise<readonly string[]> =>
  (await Promise.all(records.map((record) => advanceOne(ledger, intent(record))))).map((result) => (result.ok ? 'written' : result.why));

const all = (outcome: string): readonly string[] => shards.map(() => outcome);

describe.each([
  ['of a batch', batchA, batchA],
  ['of everything', null, ''],
])('a pause %s', (_, batchId, name) => {
  const notesOf = (shard: number): string => (batchId === null ? names.meta(shard) : names.tally(shard, batchId));
  const homeShard = batchId === null ? 0 : shardOf(batchId);
  const others = shards.filter((shard) => shard !== homeShard);
  const setIn = (): Promise<readonly number[]> =>
    admin(async (client) => {
      const found = await Promise.all(shards.map((shard) => client.hexists(names.pauses(shard), name)));
      return shards.filter((shard) => found[shard] === 1);
    });
  const call = async (shard: number, script: Script, args: readonly string[]): Promise<unknown> =>
    admin(async (client) => {
      const generation = (await client.hget(names.meta(shard), 'generation')) ?? '';
      const keys = [names.meta(shard), names.pauses(shard), notesOf(shard)];
      const [answer] = (await client.eval(script.text, 3, ...keys, generation, name, ...args)) as string[];
      return answer;
    });
  const json = JSON.stringify({ batchId, ...pause });

  it('refuses the intents of another instance in every shard once it is set, and permits them once it has ended', async () => {
    const [one, other] = [await open(), await open()];
    const records = await inEachShard(one);
    await one.ledger.setPause({ batchId, pause });
    expect(await outcomes(other, records)).toEqual(all('paused'));
    await other.ledger.setPause({ batchId, pause: null });
    expect(await outcomes(one, records)).toEqual(all('written'));
  });

  it.each([0, 1, 7, 14])(
    'that a process set in %i of the other shards before it died is set, and is completed when it is set again',
    async (copied) => {
      const [one, other] = [await open(), await open()];
      const records = await inEachShard(one);
      expect(await call(homeShard, scripts.setPause, ['0', 'died', json])).toBe('written');
      for (const shard of others.slice(0, copied)) await call(shard, scripts.copyPause, ['1', 'died', json]);
      expect(await other.ledger.pauses()).toEqual([{ batchId, ...pause }]);
      expect(await other.ledger.setPause({ batchId, pause: { ...pause, by: 'bob' } })).toBe(true);
      expect(await outcomes(one, records)).toEqual(all('paused'));
      expect(await other.ledger.pauses()).toEqual([{ batchId, ...pause }]);
      expect(await other.ledger.setPause({ batchId, pause })).toBe(false);
    },
  );

  it.each([0, 1, 7, 14])(
    'that a process ended in %i of the other shards before it died is set, and is ended when that is repeated',
    async (copied) => {
      const [one, other] = [await open(), await open()];
      const records = await inEachShard(one);
      await one.ledger.setPause({ batchId, pause });
      expect(await call(homeShard, scripts.setPause, ['1', 'died', ''])).toBe('written');
      for (const shard of others.slice(0, copied)) await call(shard, scripts.copyPause, ['2', 'died', '']);
      expect(await other.ledger.pauses()).toEqual([{ batchId, ...pause }]);
      expect(await other.ledger.setPause({ batchId, pause: null })).toBe(true);
      expect(await other.ledger.pauses()).toEqual([]);
      expect(await outcomes(one, records)).toEqual(all('written'));
      expect(await other.ledger.setPause({ batchId, pause: null })).toBe(false);
    },
  );

  it('that was ended half is set everywhere when it is set again', async () => {
    const one = await open();
    const records = await inEachShard(one);
    await one.ledger.setPause({ batchId, pause });
    await call(homeShard, scripts.setPause, ['1', 'died', '']);
    for (const shard of others.slice(0, 7)) await call(shard, scripts.copyPause, ['2', 'died', '']);
    const again = { ...pause, by: 'bob' };
    expect(await one.ledger.setPause({ batchId, pause: again })).toBe(true);
    expect(await outcomes(one, records)).toEqual(all('paused'));
    expect(await one.ledger.pauses()).toEqual([{ batchId, ...again }]);
  });

  it('that has ended is not set again by a call of it that Redis carries out late', async () => {
    const one = await open();
    await one.ledger.setPause({ batchId, pause });
    await one.ledger.setPause({ batchId, pause: null });
    expect(await call(homeShard, scripts.setPause, ['0', 'late', json])).toBe('moved');
    for (const shard of others) expect(await call(shard, scripts.copyPause, ['1', 'late', json])).toBe('known');
    expect(await setIn()).toEqual([]);
  });

  it('is not ended by a late call that ended the one before it', async () => {
    const one = await open();
    await one.ledger.setPause({ batchId, pause });
    await one.ledger.setPause({ batchId, pause: null });
    await one.ledger.setPause({ batchId, pause });
    expect(await call(homeShard, scripts.setPause, ['1', 'late', ''])).toBe('moved');
    for (const shard of others) expect(await call(shard, scripts.copyPause, ['2', 'late', ''])).toBe('known');
    expect(await setIn()).toEqual(shards);
  });

  it('is the same in every shard after instances have set and ended it at once', async () => {
    const instances = [await open(), await open(), await open()];
    for (let round = 0; round < 10; round += 1)
      await Promise.all(
        instances.flatMap(({ ledger }, index) => [
          ledger.setPause({ batchId, pause: { ...pause, by: `${round}.${index}` } }),
          ledger.setPause({ batchId, pause: null }),
        ]),
      );
    const found = await admin((client) => Promise.all(shards.map((shard) => client.hget(names.pauses(shard), name))));
    expect(new Set(found).size).toBe(1);
    const numbers = await admin((client) => Promise.all(shards.map((shard) => client.hget(notesOf(shard), 'pause'))));
    expect(new Set(numbers.map((note) => note?.split(' ')[0])).size).toBe(1);
  });
});

it('a batch that a process cancelled in some shards before it died, while everything was paused, is cancelled', async () => {
  const one = await open();
  const records = await inEachShard(one);
  await one.ledger.setPause({ batchId: null, pause });
  await one.ledger.setPause({ batchId: batchA, pause });
  const cancelled = { batchId: batchA, ...pause, code: 'cancelled', by: 'bob' } as const;
  const home = shardOf(batchA);
  await admin(async (client) => {
    const generation = (await client.hget(names.meta(home), 'generation')) ?? '';
    const keys = [names.meta(home), names.pauses(home), names.tally(home, batchA)];
    await client.eval(scripts.setPause.text, 3, ...keys, generation, batchA, '1', 'died', JSON.stringify(cancelled));
  });
  expect(await one.ledger.pauses()).toContainEqual(cancelled);
  expect(await one.ledger.setPause({ batchId: batchA, pause: null })).toBe(true);
  expect(await one.ledger.setPause({ batchId: batchA, pause: null })).toBe(false);
  const refusals = await Promise.all(records.map((record) => advanceOne(one.ledger, intent(record))));
  expect(refusals).toEqual(records.map((current) => ({ ok: false, why: 'paused', current, pause: cancelled })));
});

describe('a rebuild', () => {
  const moved: Pause = { code: 'moved', by: 'disburse rebuild', reason: null, at: at + 1 };
  const cancelled: Pause = { ...pause, code: 'cancelled', by: 'bob', at: at + 2 };

  it.each([
    ['all shards', shards],
    ['one shard', [9]],
  ])('pauses everything, and keeps what was paused or cancelled and is still known to %s', async (_, known) => {
    const one = await open();
    await one.ledger.setPause({ batchId: batchA, pause });
    await one.ledger.setPause({ batchId: 'june', pause: cancelled });
    await admin((client) =>
      Promise.all(shards.filter((shard) => !known.includes(shard)).map((shard) => client.unlink(names.pauses(shard)))),
    );
    await beginRebuild(rebuildParams(one.connection, prefix));
    const rebuilding = await openInstance(redisUrl(), prefix, { rebuilding: true });
    opened.push(rebuilding);
    const records = await inEachShard(rebuilding);
    await pauseRebuilt(rebuilding.ledger, moved);
    await finishRebuild({ connection: one.connection, prefix, marksSeen: [] });
    const after = await open();
    expect(await after.ledger.pauses()).toEqual([
      { batchId: batchA, ...pause },
      { batchId: null, ...moved },
      { batchId: 'june', ...cancelled },
    ]);
    expect(await outcomes(after, records)).toEqual(all('paused'));
    await after.ledger.setPause({ batchId: null, pause: null });
    expect(await outcomes(after, records)).toEqual(all('paused'));
    await after.ledger.setPause({ batchId: batchA, pause: null });
    expect(await after.ledger.setPause({ batchId: 'june', pause: null })).toBe(false);
    expect(await outcomes(after, records)).toEqual(all('written'));
  });

  it('leaves the pause of everything that a person set as it is', async () => {
    const one = await open();
    await one.ledger.setPause({ batchId: null, pause });
    await beginRebuild(rebuildParams(one.connection, prefix));
    const rebuilding = await openInstance(redisUrl(), prefix, { rebuilding: true });
    opened.push(rebuilding);
    await pauseRebuilt(rebuilding.ledger, moved);
    await pauseRebuilt(rebuilding.ledger, moved);
    await finishRebuild({ connection: one.connection, prefix, marksSeen: [] });
    expect(await (await open()).ledger.pauses()).toEqual([{ batchId: null, ...pause }]);
  });
});

it('pauses of many batches leave nothing behind in the list of pauses once they have ended', async () => {
  const { ledger } = await open();
  for (const batchId of ['may', 'june', 'july']) {
    await ledger.setPause({ batchId, pause });
    await ledger.setPause({ batchId, pause: null });
  }
  expect(await admin((client) => client.exists(...shards.map(names.pauses)))).toBe(0);
});
