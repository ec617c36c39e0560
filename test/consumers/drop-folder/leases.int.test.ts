import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLeases, readClaimName, type Lease, type Leases } from '../../../consumers/drop-folder/leases.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disburse-claims-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

// So that a test that is held up for seconds changes nothing.
const minute = 60_000;
const hour = 60 * minute;

const claims = (owner: string, now = 1_800_000_000_000): Leases =>
  createLeases({
    folder,
    owner,
    host: `host of ${owner}`,
    pid: process.pid,
    clock: createVirtualClock(now),
    random: () => 0.5,
    takeOverMs: hour,
  });
const listing = async (): Promise<string[]> => (await readdir(folder)).toSorted();
const held = async (claim: Promise<Lease | undefined>): Promise<Lease> => {
  const found = await claim;
  if (found === undefined) throw new Error('somebody else holds it');
  return found;
};
/** Written so long ago, by the file system's own time. */
const age = async (name: string, ms: number): Promise<void> => {
  const at = (Date.now() - ms) / 1_000;
  await utimes(join(folder, name), at, at);
};

describe('a claim', () => {
  it('is given to one of many instances that ask at once, and names its holder', async () => {
    const found = await Promise.all(Array.from({ length: 20 }, (_, n) => claims(`i${n}`).acquire('a.csv')));
    const mine = found.filter((claim) => claim !== undefined);
    expect(mine).toHaveLength(1);
    const told = JSON.parse(await readFile(join(folder, 'a.csv.claim'), 'utf8')) as Record<string, unknown>;
    expect(told).toMatchObject({ token: mine[0]?.token, pid: process.pid, time: '2027-01-15T08:00:00.000Z' });
    expect(told['host']).toBe(`host of ${String(told['owner'])}`);
    await mine[0]?.release();
    expect(await listing()).toEqual([]);
  });

  it('passes on by the time of the file system, whatever the clocks of the machines say', async () => {
    const first = await held(claims('first').acquire('a.csv'));
    for (const now of [0, 4_000_000_000_000]) expect(await claims('other', now).acquire('a.csv')).toBeUndefined();
    await age('a.csv.claim', hour - minute);
    for (const now of [0, 4_000_000_000_000]) expect(await claims('other', now).acquire('a.csv')).toBeUndefined();
    await age('a.csv.claim', hour + minute);
    const second = await held(claims('other', 0).acquire('a.csv'));
    expect(second.previousTokens).toEqual([first.token]);
    expect([await first.isOurs(), await second.isOurs()]).toEqual([false, true]);
    expect([await first.keep(), await second.keep()]).toEqual([false, true]);
    await first.release();
    expect(await second.isOurs()).toBe(true);
    await second.release();
    expect(await listing()).toEqual([]);
  });

  it('that has expired is taken over by one of several instances at the same time', async () => {
    const first = await held(claims('first').acquire('a.csv'));
    await age('a.csv.claim', hour + minute);
    const successors = (await Promise.all(Array.from({ length: 20 }, (_, n) => claims(`i${n}`).acquire('a.csv')))).filter(
      (claim) => claim !== undefined,
    );
    expect(successors.map(({ previousTokens }) => previousTokens)).toEqual([[first.token]]);
  });

  it('is renewed while its holder runs', async () => {
    const first = await held(claims('first').acquire('a.csv'));
    await age('a.csv.claim', hour + minute);
    expect(await first.keep()).toBe(true);
    expect(await claims('other').acquire('a.csv')).toBeUndefined();
    await first.release();
  });

  it('passes from one holder to the next', async () => {
    const first = await held(claims('first').acquire('a.csv'));
    await age('a.csv.claim', hour + minute);
    const second = await held(claims('second').acquire('a.csv'));
    expect(await claims('third').acquire('a.csv')).toBeUndefined();
    await age(`a.csv.claim.${first.token}`, hour + minute);
    const third = await held(claims('third').acquire('a.csv'));
    expect(third.previousTokens).toEqual([first.token, second.token]);
    expect(await second.isOurs()).toBe(false);
    await third.release();
    expect(await listing()).toEqual([]);
  });

  it('is taken over also when its holder crashed before it wrote its name', async () => {
    await writeFile(join(folder, 'a.csv.claim'), '');
    expect(await claims('other').acquire('a.csv')).toBeUndefined();
    await age('a.csv.claim', hour + minute);
    const successor = await held(claims('other').acquire('a.csv'));
    expect(await successor.isOurs()).toBe(true);
    await successor.release();
    expect(await listing()).toEqual([]);
  });

  it('ignores a token that disburse did not write', async () => {
    await writeFile(join(folder, 'a.csv.claim'), '{"token":"../../../../tmp/x","owner":"x"}\n');
    await age('a.csv.claim', hour + minute);
    const successor = await held(claims('other').acquire('a.csv'));
    expect(await listing()).toEqual(['a.csv.claim', 'a.csv.claim.unwritten-0']);
    await successor.release();
  });

  it('is lost when somebody takes it away, and unknown when the whole folder is away', async () => {
    const one = await held(claims('one').acquire('a.csv'));
    const other = await held(claims('one').acquire('b.csv'));
    await rm(join(folder, 'a.csv.claim'));
    expect(await one.keep()).toBe(false);
    await rm(folder, { recursive: true });
    await expect(other.keep()).rejects.toThrow(/ENOENT/);
    await expect(other.isOurs()).rejects.toThrow(/ENOENT/);
    await expect(other.release()).rejects.toThrow(/ENOENT/);
    await one.release().catch(() => sleep(0));
  });

  it('leaves no orphaned file behind', async () => {
    const first = await held(claims('first').acquire('a.csv'));
    await age('a.csv.claim', hour + minute);
    const second = await held(claims('second').acquire('a.csv'));
    const loose = `a.csv.claim.${first.token}`;
    await claims('other').removeOrphan(loose);
    expect(await second.isOurs()).toBe(true);
    await rm(join(folder, 'a.csv.claim'));
    await claims('other').removeOrphan(loose);
    expect(await listing()).toEqual([]);
    await Promise.all([first.release(), second.release()]);
  });
});

it.each([
  ['a.csv.claim', { name: 'a.csv', isTakeover: false }],
  ['a.csv.claim.0123456789abcdef', { name: 'a.csv', isTakeover: true }],
  ['a.csv.claim.unwritten-0', { name: 'a.csv', isTakeover: true }],
  ['a.csv', undefined],
  ['a.claim.csv', undefined],
  ['.claim', undefined],
])('the lease name %s is parsed', (entry, expected) => {
  expect(readClaimName(entry)).toEqual(expected);
});
