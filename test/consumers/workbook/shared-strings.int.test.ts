import { describe, expect, it } from 'vitest';
import { createTextStore } from '../../../consumers/workbook/shared-strings.ts';

describe.each([
  ['in memory', 64 * 1024 ** 2],
  ['in a file', 0],
])('texts %s', (_, memory) => {
  it('are found by their number, short and long, in any order', () => {
    const store = createTextStore(memory);
    const textOf = (index: number): string => `${index} ${'é😀'.repeat(index % 50)}${index % 997 === 0 ? 'x'.repeat(150_000) : ''}`;
    for (let index = 0; index < 5_000; index += 1) store.add(textOf(index));
    for (let index = 4_999; index >= 0; index -= 7) expect(store.get(index)).toBe(textOf(index));
    for (let index = 0; index < 5_000; index += 1)
      expect(store.get((index * 2_654_435_761) % 5_000)).toBe(textOf((index * 2_654_435_761) % 5_000));
    expect([store.get(5_000), store.get(-1), store.get(0.5)]).toEqual([undefined, undefined, undefined]);
    store.close();
  });
});
