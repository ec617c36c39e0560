/** The short form of `npm run proof -- --fuzz`: a few thousand inputs for each reader, always the same ones. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDice } from '../../simulation/dice.ts';
import { mutate } from './mutator.ts';
import { fuzz, inputOf, shrink, type Target } from './target.ts';
import { targets } from './targets.ts';

/** As many as take about a second or two. */
const inputs: Readonly<Record<string, number>> = {
  csv: 300,
  event: 4_000,
  webhook: 3_000,
  answer: 4_000,
  config: 1_000,
  report: 1_000,
  workbook: 300,
  form: 1_000,
  spreadsheet: 200,
  statement: 4_000,
};

async function withTarget(name: string, work: (target: Target) => Promise<void>): Promise<void> {
  const target = targets[name]?.();
  if (target === undefined) throw new Error(`there is no target ${name}`);
  try {
    await work(target);
  } finally {
    await target.close();
  }
}

describe.each(Object.keys(targets))('the reader of %s', (name) => {
  it('keeps its invariants on bytes that nearly are what it expects', async () => {
    await withTarget(name, async (target) => {
      const failure = await fuzz(target, { seed: 1, first: 0, count: inputs[name] ?? 0 });
      if (failure === undefined) return;
      const least = await shrink(target, failure, 300);
      throw new Error(`input ${failure.number} fails, and so does ${JSON.stringify(least.toString('latin1'))}`, { cause: failure.cause });
    });
  });

  it('keeps its invariants on any bytes and any JSON', async () => {
    await withTarget(name, async (target) => {
      const bytes = fc.oneof(
        fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
        fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text)),
        fc.string({ unit: 'binary', maxLength: 100 }).map((text) => Buffer.from(text)),
        fc.constantFrom(...target.seeds).chain((seed) => fc.nat(seed.length).map((end) => seed.subarray(0, end))),
      );
      await fc.assert(
        fc.asyncProperty(bytes, async (input) => target.run(input)),
        { numRuns: 100, seed: 1 },
      );
    });
  });
});

describe('an input', () => {
  it('is the same whenever it is made, and its target and seed decide it', async () => {
    await withTarget('event', async (target) => {
      expect(inputOf(target, 1, 7)).toEqual(inputOf(target, 1, 7));
      expect(inputOf(target, 1, 7)).not.toEqual(inputOf(target, 2, 7));
      expect(inputOf(target, 1, 7)).not.toEqual(inputOf({ ...target, name: 'other' }, 1, 7));
    });
  });

  it('is never longer than its target allows', () => {
    const material = { seeds: [Buffer.from('{"a":"b"}')], tokens: ['x'.repeat(50)], maxBytes: 40 };
    for (let seed = 0; seed < 500; seed += 1) expect(mutate(material, createDice(seed)).length).toBeLessThanOrEqual(300);
  });

  it('that fails is found, and is shrunk to what matters', async () => {
    const target: Target = {
      ...{ name: 'sample', share: 0, seeds: [Buffer.from('good good')], tokens: ['bad'], maxBytes: 100, close: () => undefined },
      run(bytes) {
        if (bytes.includes('bad')) throw new Error('bad');
      },
    };
    const failure = await fuzz(target, { seed: 1, first: 0, count: 1_000 });
    expect(failure).toBeDefined();
    if (failure !== undefined) expect((await shrink(target, failure)).toString()).toBe('bad');
  });
});
