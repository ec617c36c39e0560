import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { LedgerWriteError } from '../../../../src/ledger/errors.ts';
import { createGroupCommit, type GroupCommit } from '../../../../src/ledger/sqlite/group-commit.ts';

/** Numbers in the log, and those of them that a power cut leaves. */
let committed: number[];
let durable: number[];
let syncs: number;
let syncing: () => Promise<void>;
let groups: GroupCommit;
let commits: number;
let failing: 'commit' | 'begin' | 'sync' | undefined;

const storeFailure = new Error('disk full');

beforeEach(() => {
  committed = [];
  durable = [];
  commits = 0;
  syncs = 0;
  syncing = () => (failing === 'sync' ? Promise.reject(storeFailure) : Promise.resolve());
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
      committed.push(...open);
    },
    sync: () => {
      const upTo = committed.length;
      syncs += 1;
      return syncing().then(() => void durable.push(...committed.slice(durable.length, upTo)));
    },
    syncNow() {
      if (failing === 'sync') throw storeFailure;
      durable.push(...committed.slice(durable.length));
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
    const closing = groups.close();
    expect(durable).toEqual(numbers(200));
    await Promise.all([waiting, closing]);
    await groups.close();
    await expect(write(1)).rejects.toThrow('closed');
  });

  describe('while a sync is under way', () => {
    let endSync: () => void;
    beforeEach(() => {
      syncing = () => new Promise((resolve) => (endSync = resolve));
    });
    const turns = async (): Promise<void> => {
      for (let count = 0; count < 20; count += 1) await turn();
    };

    it('nothing of the group is acknowledged, and calls of the meantime are one group after it', async () => {
      let acknowledged = 0;
      const first = write(1).then(() => (acknowledged += 1));
      await turns();
      expect([committed, durable, acknowledged]).toEqual([[1], [], 0]);
      const later = numbers(50).map((value) => write(value + 100));
      await turns();
      expect([committed, syncs, acknowledged]).toEqual([[1], 1, 0]);
      endSync();
      await first;
      await turns();
      expect([committed.length, commits, syncs]).toEqual([51, 2, 2]);
      endSync();
      await Promise.all(later);
      expect(durable).toHaveLength(51);
    });

    it('a read waits, and sees what became durable but not what is committed after it', async () => {
      const first = write(1);
      await turns();
      const read = groups.read(() => [...committed]);
      const second = write(2);
      let answered = false;
      void read.then(() => (answered = true));
      await turns();
      expect(answered).toBe(false);
      endSync();
      expect(await read).toEqual([1]);
      await first;
      await turns();
      endSync();
      await second;
      expect(await groups.read(() => [...committed])).toEqual([1, 2]);
    });

    it('a close makes everything durable at once, and ends after the sync', async () => {
      const all = Promise.all([write(1), turns().then(() => write(2))]);
      await turns();
      await turn();
      let closed = false;
      const closing = groups.close().then(() => (closed = true));
      await all;
      expect([durable, closed]).toEqual([[1, 2], false]);
      endSync();
      await closing;
      await expect(groups.read(() => 1)).rejects.toThrow('closed');
    });
  });

  it('promises nothing of a group whose sync failed, answers no read after it, and takes nothing more', async () => {
    await write(1);
    failing = 'sync';
    const settled = await Promise.allSettled([write(2), write(3)]);
    expect(settled.map((one) => one.status === 'rejected' && one.reason instanceof LedgerWriteError)).toEqual([true, true]);
    failing = undefined;
    await expect(write(4)).rejects.toThrow('could not be synced');
    await expect(groups.read(() => 1)).rejects.toThrow('could not be synced');
    expect(durable).toEqual([1]);
  });

  it('a close whose sync fails acknowledges nothing', async () => {
    failing = 'sync';
    const waiting = Promise.allSettled([write(1)]);
    await groups.close();
    expect(await waiting).toMatchObject([{ status: 'rejected' }]);
  });

  it('refuses a caller without a bound', async () => {
    const accepted = numbers(65_536).map(write);
    await expect(write(1)).rejects.toThrow('65536 calls are waiting');
    await Promise.all(accepted);
    expect(durable).toHaveLength(65_536);
  });
});
