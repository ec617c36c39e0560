import { expect, it } from 'vitest';
import { createKeyNames, microsecondsAt, numberAtTime, timeOfNumber } from '../../../../src/ledger/redis/key-names.ts';
import { createSharding } from '../../../../src/ledger/redis/sharding.ts';

const counts = [16, 32, 64] as const;
const texts = Array.from({ length: 2_000 }, (_, index) => `inv-${index}`);
/** As `begin.lua` makes the number of a write at that time. */
const numberAt = (ms: number, shard: number, step: number): number => Math.floor(microsecondsAt(ms) / step) * step * 16 + shard;

it('the shard of a text in a ledger of 16 is the first digit of its SHA-1, as it always was', () => {
  const { shardOf } = createSharding(16);
  expect(shardOf('inv-1')).toBe(11);
  expect(createKeyNames('disburse', 16).record(shardOf('inv-1'), 'inv-1')).toBe('disburse:{11}:r:inv-1');
});

it.each(counts)('texts are spread over all of %i shards', (count) => {
  const { shards, shardOf } = createSharding(count);
  const found = Map.groupBy(texts, shardOf);
  expect([...found.keys()].toSorted((a, b) => a - b)).toEqual(shards);
  const share = texts.length / count;
  for (const members of found.values()) expect(members.length).toBeGreaterThan(share / 3);
});

it.each(counts)('numbers in a ledger of %i shards hold shard and time, rise in each shard, and are safe integers until 2042', (count) => {
  const { shards, shardOfNumber, step } = createSharding(count);
  const last = Date.UTC(2042, 0, 1);
  for (const ms of [Date.UTC(2026, 10, 29, 10, 11, 12, 13), last]) {
    const numbers = shards.flatMap((shard) => [numberAt(ms, shard, step), numberAt(ms, shard, step) + step * 16]);
    expect(new Set(numbers).size).toBe(2 * count);
    for (const [index, number] of numbers.entries()) {
      expect(Number.isSafeInteger(number)).toBe(true);
      expect(shardOfNumber(number)).toBe(Math.floor(index / 2));
      expect(timeOfNumber(number)).toBe(ms);
      expect(number).toBeGreaterThanOrEqual(numberAtTime(ms));
    }
  }
  expect(Number.isSafeInteger(numberAt(Date.UTC(2043, 0, 1), 0, step))).toBe(false);
});

it.each(counts.flatMap((from) => counts.map((to) => [from, to] as const)))(
  'what is in a shard of %i is, after a move to %i shards, in one of those that the export leads to, and in as few as there can be',
  (from, to) => {
    const [former, present] = [createSharding(from), createSharding(to)];
    for (const text of texts) {
      const candidates = present.shardsOfExported(former.exported(former.shardOf(text)));
      expect(candidates).toContain(present.shardOf(text));
      expect(candidates).toHaveLength(Math.max(1, to / from));
    }
  },
);
