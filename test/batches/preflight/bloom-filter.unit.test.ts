import { assert, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBloomFilter, hashText } from '../../../batches/preflight/bloom-filter.ts';

const words = new Uint32Array(2);
const pairOf = (text: string): [number, number] => {
  hashText(text, words, 0);
  return [words[0] as number, words[1] as number];
};

describe('a Bloom filter', () => {
  it('never denies a value that was added', () => {
    const sieve = createBloomFilter({ first: 32, most: 2 ** 12 });
    assert(
      property(string(), (text) => {
        sieve.add(...pairOf(text));
        return sieve.has(...pairOf(text)) && sieve.add(...pairOf(text));
      }),
    );
  });

  it('of many layers hardly ever says yes to what it has not', () => {
    const sieve = createBloomFilter();
    let wrong = 0;
    for (let index = 0; index < 200_000; index += 1) if (sieve.add(...pairOf(`inv-${index}`))) wrong += 1;
    expect(wrong).toBe(0);
    for (let index = 0; index < 200_000; index += 1) if (sieve.has(...pairOf(`pay-${index}`))) wrong += 1;
    expect(wrong).toBe(0);
  });

  it('that is full says yes, which costs a closer look and nothing else', () => {
    const sieve = createBloomFilter({ first: 32, most: 32 });
    for (let index = 0; index < 100; index += 1) sieve.add(...pairOf(`inv-${index}`));
    expect(sieve.has(...pairOf('never seen'))).toBe(true);
  });
});

it('texts that differ in one sign have different hashes', () => {
  const seen = new Set<string>();
  for (let index = 0; index < 100_000; index += 1) seen.add(pairOf(`k-${index}`).join());
  expect(seen.size).toBe(100_000);
});
