import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSequences, type SequenceClaim } from '../../../consumers/drop-folder/sequences.ts';
import { monotonicClock } from '../../../src/clock.ts';
import { patience } from '../../support/patience.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'disburse-sequences-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const { signal } = new AbortController();
const hashOf = (letter: string): string => letter.repeat(64);
const claim = (
  number: number,
  letter: string,
  { source = 'erp', patienceMs = 0, replaces = undefined as string | undefined } = {},
): Promise<SequenceClaim> =>
  createSequences({ dir, clock: monotonicClock, patienceMs }).claim({ source, number, sha256: hashOf(letter), replaces, signal });
const isOf = async (found: Promise<SequenceClaim>): Promise<string> => (await found).is;

describe('the numbers of a source', () => {
  it('begin anywhere, and follow each other', async () => {
    expect(await isOf(claim(7, 'a'))).toBe('ours');
    expect(await isOf(claim(8, 'b'))).toBe('ours');
    expect(await claim(10, 'c')).toEqual({ is: 'gap', first: 7, last: 8 });
    expect(await isOf(claim(9, 'c'))).toBe('ours');
  });

  it('belong to one file each, which may come again', async () => {
    await claim(7, 'a');
    expect(await isOf(claim(7, 'a'))).toBe('ours');
    expect(await claim(7, 'b')).toEqual({ is: 'reused', last: 7 });
  });

  it('that no file has yet are taken when they arrive late, below the first one as well', async () => {
    for (const number of [3, 2, 1]) expect(await isOf(claim(number, String(number)))).toBe('ours');
    expect(await claim(2, 'x')).toEqual({ is: 'reused', last: 3 });
    expect(await isOf(claim(4, '4'))).toBe('ours');
  });

  it('that no file has, and that continue none, are a gap on either side', async () => {
    await claim(7, 'a');
    expect(await claim(3, 'b')).toEqual({ is: 'gap', first: 7, last: 7 });
    expect(await claim(9, 'b')).toEqual({ is: 'gap', first: 7, last: 7 });
  });

  it('that were given back are free, although later ones are used', async () => {
    const claims = [await claim(1, 'a'), await claim(2, 'b')];
    await claim(3, 'c');
    for (const one of claims) if (one.is === 'ours') await one.release();
    expect(await isOf(claim(2, 'd'))).toBe('ours');
    expect(await isOf(claim(1, 'e'))).toBe('ours');
    expect(await isOf(claim(3, 'f'))).toBe('reused');
  });

  it('dropped together in any order are all taken: each waits for a number beside it', async () => {
    const claims = [5, 1, 3, 4, 2].map(async (number, index) => {
      if (index === 0) return isOf(claim(number, 'a', { patienceMs: 20_000 }));
      await expect.poll(async () => (await readdir(dir)).length, patience).toBe(1);
      return isOf(claim(number, String(number), { patienceMs: 20_000 }));
    });
    expect(await Promise.all(claims)).toEqual(claims.map(() => 'ours'));
  });

  it('are counted for each source by itself, whatever its name', async () => {
    await claim(7, 'a', { source: '../x' });
    expect(await isOf(claim(1, 'b', { source: 'erp' }))).toBe('ours');
    expect(await isOf(claim(9, 'c', { source: '../x' }))).toBe('gap');
  });

  it('are free again for a file that is refused after all', async () => {
    await claim(1, 'a');
    const ours = await claim(2, 'b');
    if (ours.is === 'ours') await ours.release();
    expect(await isOf(claim(2, 'c'))).toBe('ours');
  });

  it('stay with a file that had one before, when it comes again and is refused', async () => {
    await claim(1, 'a');
    const again = await claim(1, 'a');
    if (again.is === 'ours') await again.release();
    expect(await isOf(claim(1, 'b'))).toBe('reused');
  });

  it('pass from a part of a file to the whole of it', async () => {
    await claim(1, 'a');
    expect(await isOf(claim(1, 'b', { replaces: hashOf('a') }))).toBe('ours');
    expect(await isOf(claim(1, 'c', { replaces: hashOf('a') }))).toBe('reused');
  });

  it('are claimed by exactly one of many at once', async () => {
    const claims = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((letter) => isOf(claim(1, letter))));
    expect(claims.filter((is) => is === 'ours')).toHaveLength(1);
  });

  it('wait for the one before, which is handled side by side', async () => {
    await claim(1, 'a');
    const third = claim(3, 'c', { patienceMs: 20_000 });
    await claim(2, 'b');
    expect(await isOf(third)).toBe('ours');
  });
});
