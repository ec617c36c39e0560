/** Gates are in every shard: what a process that dies halfway and a rebuild leave of them, and the limit of a day over all shards. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { advanceOne } from '../../../../batches/ports/single.ts';
import { changedGates, noTerms, openGates, type BatchTerms, type GateValues } from '../../../../batches/record/gates.ts';
import type { LedgerRecord } from '../../../../batches/record/record.ts';
import { createKeyNames, shardOf, shards } from '../../../support/ledger-names.ts';
import { beginRebuild, finishRebuild } from '../../../../src/ledger/redis/rebuild.ts';
import { at, batchA, manifest } from '../../../support/builders.ts';
import { admitted, intent } from '../../../support/ledger-steps.ts';
import { redisUrl, uniquePrefix } from '../../../support/services.ts';
import { asAdmin, openInstance, rebuildParams, removeKeys, type Instance } from './harness.ts';

let prefix: string;
let names: ReturnType<typeof createKeyNames>;
let opened: Instance[];
const open = async (): Promise<Instance> => {
  const instance = await openInstance(redisUrl(), prefix);
  opened.push(instance);
  return instance;
};

beforeEach(() => {
  prefix = uniquePrefix();
  names = createKeyNames(prefix);
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((instance) => instance.close()));
  await removeKeys(redisUrl(), prefix);
});

const gatesOf = (values: Partial<GateValues>) => changedGates(null, { by: 'alice', reason: 'start', at, to: { ...openGates, ...values } });

/** One queued record of 12.30 EUR in each shard. */
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
/** As a process leaves it that dies before its change has come to these shards. */
const forget = (keyOf: (shard: number) => string, field: string, missing: readonly number[]): Promise<unknown> =>
  asAdmin(redisUrl(), (client) => Promise.all(missing.map((shard) => client.hdel(keyOf(shard), field))));

describe('gates', () => {
  it.each([1, 7, 15])(
    'that a process set in all but %i shards before it died are in all of them when they are set again',
    async (count) => {
      const [one, other] = [await open(), await open()];
      const records = await inEachShard(one);
      const gates = gatesOf({ approval: 'required' });
      await one.ledger.setGates(gates, 0);
      await forget(names.meta, 'gates', shards.slice(1, 1 + count));
      expect(await other.ledger.gates()).toEqual(gates);
      expect(await other.ledger.setGates(gates, gates.number)).toBe(true);
      expect(await outcomes(one, records)).toEqual(all('held'));
    },
  );

  it('stay in a ledger that is rebuilt, as far as a shard still has them', async () => {
    const one = await open();
    const gates = gatesOf({ approval: 'required', maxDayTotal: { EUR: '100000' } });
    await one.ledger.setGates(gates, 0);
    await forget(names.meta, 'gates', [0, 3]);
    await beginRebuild(rebuildParams(one.connection, prefix));
    await finishRebuild({ connection: one.connection, prefix, marksSeen: [] });
    expect(await (await open()).ledger.gates()).toEqual(gates);
  });
});

describe('an approval', () => {
  const approved: BatchTerms = { ...noTerms, number: 1, approval: { by: 'bob', reason: 'checked', at, hash: 'h' } };

  it.each([1, 7, 15])('that its process did not bring to %i shards before it died comes there with the first intent', async (count) => {
    const [one, other] = [await open(), await open()];
    const records = await inEachShard(one);
    await one.ledger.setGates(gatesOf({ approval: 'required' }), 0);
    expect(await outcomes(other, records)).toEqual(all('held'));
    await one.ledger.setTerms({ batchId: batchA, terms: approved, expected: 0 });
    const others = shards.filter((shard) => shard !== shardOf(batchA)).slice(0, count);
    await forget((shard) => names.tally(shard, batchA), 'terms', others);
    expect(await outcomes(other, records)).toEqual(all('written'));
    expect(await other.ledger.setTerms({ batchId: batchA, terms: approved, expected: 1 })).toBe(true);
  });

  it('that only one shard has, and not the one that decides, lets nothing pass elsewhere', async () => {
    const one = await open();
    const records = await inEachShard(one);
    await one.ledger.setGates(gatesOf({ approval: 'required' }), 0);
    await one.ledger.setTerms({ batchId: batchA, terms: approved, expected: 0 });
    const keeper = shards.find((shard) => shard !== shardOf(batchA));
    await forget(
      (shard) => names.tally(shard, batchA),
      'terms',
      shards.filter((shard) => shard !== keeper),
    );
    const held = records.filter(({ recordId }) => shardOf(recordId) !== keeper);
    expect(await outcomes(one, held)).toEqual(held.map(() => 'held'));
  });
});

describe('the limit of a day', () => {
  it('holds for all shards together: two instances that send at once write exactly as many intents as it allows', async () => {
    const [one, other] = [await open(), await open()];
    const records = await inEachShard(one);
    await one.ledger.setGates(gatesOf({ maxDayTotal: { EUR: String(1230 * 9) } }), 0);
    const half = records.length / 2;
    const written = await Promise.all([outcomes(one, records.slice(0, half)), outcomes(other, records.slice(half))]);
    expect(written.flat().filter((outcome) => outcome === 'written')).toHaveLength(9);
    expect(written.flat().filter((outcome) => outcome === 'held')).toHaveLength(records.length - 9);
  });
});
