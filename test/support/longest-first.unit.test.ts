import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { interleaved, secondsOfLongest, type Weighed } from './longest-first.ts';

const files = (...all: readonly (readonly [file: string, seconds: number])[]): Weighed<string>[] =>
  all.map(([file, seconds]) => ({ file, seconds }));

describe('the order of the test files', () => {
  it('of one list is the longest first, and as given where two take as long', () => {
    expect(interleaved([files(['a', 1], ['b', 30], ['c', 30], ['d', 5])])).toEqual(['b', 'c', 'd', 'a']);
  });

  it('of two lists begins the files of both in proportion to their seconds', () => {
    const waiting = files(['w1', 20], ['w2', 20]);
    const computing = files(['c1', 10], ['c2', 10], ['c3', 10], ['c4', 10]);
    expect(interleaved([waiting, computing])).toEqual(['w1', 'c1', 'c2', 'w2', 'c3', 'c4']);
  });

  it('holds every file once, also when a list is empty', () => {
    expect(interleaved([[], files(['a', 1], ['b', 2])])).toEqual(['b', 'a']);
    expect(interleaved<string>([])).toEqual([]);
  });

  it('has seconds only of files that there are', () => {
    const absent = Object.keys(secondsOfLongest).filter((path) => !existsSync(join(import.meta.dirname, '..', path)));
    expect(absent).toEqual([]);
  });
});
