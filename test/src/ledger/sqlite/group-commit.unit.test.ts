import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { LedgerWriteError } from '../../../../src/ledger/errors.ts';
import { createGroupCommit, type GroupCommit } from '../../../../src/ledger/sqlite/group-commit.ts';

/** Numbers as they are on disk, and as they stand within the transaction. */
let durable: number[];
let groups: GroupCommit;
let commits: number;
let failing: 'commit' | 'begin' | undefined;

const storeFailure = new Error('disk full');

beforeEach(() => {
  durable = [];
  commits = 0;
  failing = undefined;
  let open: number[] = [];
  writing = (value) => {
    open.push(value);
    return value * 10;
  };
  groups = createGroupCommit({
    begin() {
      if (failing === 'begin') throw storeFailure;
      open = [];
    },
    commit() {
      if (failing === 'commit') throw storeFailure;
      commits += 1;
      durable.push(...open);
    },
    rollback() {
      open = [];
    },
    failure: (cause) => (cause === storeFailure ? new LedgerWriteError('no room') : undefined),
  });
});
let writing: (value: number) => number;
const write = (value: number): Promise<number> => groups.run(() => writing(value));
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('group commit', () => {
  it('makes calls of the same time durable with one commit, in their order', async () => {
    expect(await Promise.all(numbers(100).map(write))).toEqual(numbers(100).map((value) => value * 10));
    expect(durable).toEqual(numbers(100));
    expect(commits).toBe(1);
  });

  it('commits at most the maximum number of changes in a group', async () => {
    await Promise.all(numbers(300).map(write));
    expect(durable).toEqual(numbers(300));
    expect(commits).toBe(3);
  });

  it('resolves only when the group is durable', async () => {
    let seen: number[] = [];
    await Promise.all([write(1).then(() => (seen = [...durable])), write(2)]);
    expect(seen).toEqual([1, 2]);
  });

  it('lets a lone call wait for no other', async () => {
    const alone = write(1);
    await turn();
    await turn();
    expect(durable).toEqual([1]);
    await alone;
  });

  it('rejects only the failed call', async () => {
    const mistake = new TypeError('mistake');
    const settled = await Promise.allSettled([
      write(1),
      groups.run(() => {
        writing(666);
        throw mistake;
      }),
      write(3),
    ]);
    expect(settled).toEqual([
      { status: 'fulfilled', value: 10 },
      { status: 'rejected', reason: mistake },
      { status: 'fulfilled', value: 30 },
    ]);
    expect(durable).toEqual([1, 3]);
    expect(await write(4)).toBe(40);
  });

  it.each(['begin', 'commit'] as const)('promises nothing of a group whose %s failed, and takes nothing more', async (part) => {
    await write(1);
    failing = part;
    const settled = await Promise.allSettled([write(2), write(3)]);
    expect(settled.map((one) => one.status === 'rejected' && one.reason instanceof LedgerWriteError)).toEqual([true, true]);
    failing = undefined;
    await expect(write(4)).rejects.toThrow('no room');
    expect(durable).toEqual([1]);
    expect(groups.broken).toBeInstanceOf(LedgerWriteError);
  });

  it('writes what waits when it is closed, and takes nothing more', async () => {
    const waiting = Promise.all(numbers(200).map(write));
    groups.close();
    expect(durable).toEqual(numbers(200));
    await waiting;
    groups.close();
    await expect(write(1)).rejects.toThrow('closed');
  });

  it('refuses a caller without a bound', async () => {
    const accepted = numbers(65_536).map(write);
    await expect(write(1)).rejects.toThrow('65536 calls are waiting');
    await Promise.all(accepted);
    expect(durable).toHaveLength(65_536);
  });
});
