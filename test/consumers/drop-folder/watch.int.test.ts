import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { watchDropFolder } from '../../../consumers/drop-folder/watch.ts';
import type { DropFolder, DropFolderOptions, DroppedFile, Verdict } from '../../../consumers/drop-folder/drop-folder.ts';
import { monotonicClock } from '../../../src/clock.ts';
import { createVirtualClock, type VirtualClock } from '../../support/virtual-clock.ts';
import { patience } from '../../support/patience.ts';

let dir: string;
let stop: AbortController;
let warnings: string[];
let handled: string[];
let folder: DropFolder | undefined;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'disburse-drop-'));
  stop = new AbortController();
  warnings = [];
  handled = [];
});
afterEach(async () => {
  await stopped();
  await rm(dir, { recursive: true, force: true });
});

/** Answers when a file is handled by calling `verdict`, `done` when left out. */
function watch(verdict: (file: DroppedFile) => Promise<Verdict> = async () => 'done', more: Partial<DropFolderOptions> = {}): DropFolder {
  folder = watchDropFolder({
    dir,
    owner: 'me',
    host: 'here',
    pid: 1,
    clock: monotonicClock,
    random: () => 0.5,
    signal: stop.signal,
    restMs: 30,
    pollMs: 15,
    onWarning: (message) => warnings.push(message),
    async handle(file) {
      handled.push(file.name);
      return verdict(file);
    },
    ...more,
  });
  return folder;
}
async function stopped(): Promise<void> {
  stop.abort();
  await folder?.running.catch(() => undefined);
  folder = undefined;
}
const drop = (name: string, content = name): Promise<void> => writeFile(join(dir, name), content);
const listing = async (of: string): Promise<string[]> =>
  (await readdir(join(dir, of)).catch(() => [])).filter((name) => name !== '.recent').toSorted();
const contentOf = (...path: string[]): Promise<string> => readFile(join(dir, ...path), 'utf8');
/** Markers move with their files. */
const comesTo = (of: string, names: readonly string[]): Promise<void> =>
  expect.poll(async () => (await listing(of)).filter((name) => !name.endsWith('.ready')), patience).toEqual(names);
/** Whole at the first look, before it is looked for; so all of them are seen at once. */
const dropReady = async (names: readonly string[]): Promise<void> => {
  for (const name of names) {
    await drop(name);
    await drop(`${name}.ready`, '');
  }
};
/** Lets the watcher look once, so many milliseconds later by its clock; between looks it sleeps. */
const lookAfter = async (clock: VirtualClock, ms: number): Promise<void> => {
  await expect.poll(() => clock.sleepers(), patience).toBe(1);
  await clock.pass(ms);
  await expect.poll(() => clock.sleepers(), patience).toBe(1);
};
/** Long enough that what could happen would have happened. */
const aWhile = (): Promise<void> => sleep(250);
/** Root may read and write everything; as somebody else, what is not allowed fails. */
async function withoutPrivileges(work: () => Promise<void>): Promise<void> {
  if (process.getuid?.() !== 0) return work();
  const unprivileged = 65_534;
  await chown(dir, unprivileged, unprivileged);
  process.seteuid?.(unprivileged);
  try {
    await work();
  } finally {
    process.seteuid?.(0);
  }
}

describe('a file that changes after it was taken', () => {
  const append = (...path: string[]): Promise<void> => writeFile(join(dir, ...path), 'r2\n', { flag: 'a' });
  const contents: string[] = [];
  const reading = async ({ path }: DroppedFile): Promise<Verdict> => {
    contents.push(await readFile(path, 'utf8'));
    return 'done';
  };
  beforeEach(() => void (contents.length = 0));

  it('while it is handled ends that, goes back, and is read again as a whole', async () => {
    await drop('a.csv', 'r1\n');
    let isFirst = true;
    const files = watch(async (file) => {
      if (!isFirst) return reading(file);
      isFirst = false;
      await append('processing', 'a.csv');
      await new Promise<void>((resolve) => file.signal.addEventListener('abort', () => resolve(), { once: true }));
      expect(await file.hasChanged()).toBe(true);
      return 'left';
    });
    await comesTo('done', ['a.csv']);
    expect(contents).toEqual(['r1\nr2\n']);
    await expect.poll(() => files.state(), patience).toMatchObject({ returned: 1, done: 1 });
    expect(warnings).toEqual([expect.stringContaining('a.csv changed after it was taken')]);
  });

  it('goes back also when it was handled to the end', async () => {
    await drop('a.csv', 'r1\n');
    let isFirst = true;
    watch(async (file) => {
      const verdict = await reading(file);
      if (isFirst) await append('processing', 'a.csv');
      isFirst = false;
      return verdict;
    });
    await comesTo('done', ['a.csv']);
    expect(contents).toEqual(['r1\n', 'r1\nr2\n']);
  });

  it.each(['done', 'refused'] as const)('within an hour in %s goes back, also after a restart', async (ending) => {
    await drop('a.csv', 'r1\n');
    watch(async () => ending);
    await comesTo(ending, ['a.csv']);
    await stopped();
    await append(ending, 'a.csv');
    stop = new AbortController();
    const files = watch(reading);
    await expect.poll(() => contents, patience).toEqual(['r1\nr2\n']);
    await expect.poll(() => files.state(), patience).toMatchObject({ returned: 1 });
  });

  it('is left in done after an hour', async () => {
    await drop('a.csv', 'r1\n');
    const clock = createVirtualClock();
    watch(reading, { clock, restMs: 0 });
    await lookAfter(clock, 100);
    await comesTo('done', ['a.csv']);
    for (let looks = 0; looks < 4; looks += 1) await lookAfter(clock, 3_600_000);
    await expect.poll(() => readdir(join(dir, '.recent')), patience).toEqual([]);
    await append('done', 'a.csv');
    await lookAfter(clock, 10_000);
    await lookAfter(clock, 10_000);
    expect(contents).toEqual(['r1\n']);
    await comesTo('done', ['a.csv']);
  });

  it('goes back under another name when its own is taken', async () => {
    await drop('a.csv', 'r1\n');
    let isFirst = true;
    watch(
      async (file) => {
        if (isFirst) {
          await append('processing', 'a.csv');
          await drop('a.csv', 'other\n');
        }
        isFirst = false;
        return reading(file);
      },
      { concurrency: 1 },
    );
    await expect.poll(() => contents.toSorted(), patience).toEqual(['other\n', 'r1\nr2\n', 'r1\nr2\n']);
    expect(handled.toSorted()).toEqual(['a.1.csv', 'a.csv', 'a.csv']);
  });
});

describe('the watcher', () => {
  it('takes .csv and .csv.gz in any case, in the order of their names, one at a time', async () => {
    await dropReady(['c.CSV', 'a.csv', 'b.csv.gz', 'd.Csv.Gz']);
    let most = 0;
    let now = 0;
    const files = watch(
      async ({ path, name }) => {
        now += 1;
        most = Math.max(most, now);
        expect(path).toBe(join(dir, 'processing', name));
        expect(await readFile(path, 'utf8')).toBe(name);
        await sleep(5);
        now -= 1;
        return 'done';
      },
      { restMs: 60_000 },
    );
    await comesTo('done', ['a.csv', 'b.csv.gz', 'c.CSV', 'd.Csv.Gz']);
    expect(handled).toEqual(['a.csv', 'b.csv.gz', 'c.CSV', 'd.Csv.Gz']);
    expect(most).toBe(1);
    const end = { waiting: 0, processing: 0, setAside: 0, others: 0, done: 4, refused: 0, returned: 0, problem: null };
    await expect.poll(() => files.state(), patience).toEqual(end);
    await comesTo('processing', []);
  });

  it('handles as many files at once as allowed', async () => {
    const gate = Promise.withResolvers<void>();
    await dropReady(['a.csv', 'b.csv', 'c.csv', 'd.csv']);
    const files = watch(() => gate.promise.then(() => 'done'), { concurrency: 3, restMs: 60_000 });
    await expect.poll(() => handled.length, patience).toBe(3);
    await aWhile();
    // They are taken in this order, and begin in any.
    expect(handled.toSorted()).toEqual(['a.csv', 'b.csv', 'c.csv']);
    expect(files.state()).toMatchObject({ processing: 3 });
    gate.resolve();
    await comesTo('done', ['a.csv', 'b.csv', 'c.csv', 'd.csv']);
  });

  it.each(['a.csv.part', 'a.csv.tmp', 'a.tmp', '.a.csv', 'a.csv.ready', 'a.csv.ack.json', 'a.csv.ack.txt'])(
    'ignores %s without a message',
    async (name) => {
      await drop(name);
      watch();
      await aWhile();
      expect(handled).toEqual([]);
      expect(await contentOf(name)).toBe(name);
      expect(warnings).toEqual([]);
    },
  );

  it.each(['july.csv.txt', 'aug.xls', 'apr'])('reports %s once, and answers beside it what to do', async (name) => {
    await drop(name);
    const files = watch(undefined, { answerOther: (other) => `rename ${other}\n` });
    await expect.poll(() => listing(''), patience).toContain(`${name}.ack.txt`);
    await aWhile();
    expect(await contentOf(`${name}.ack.txt`)).toBe(`rename ${name}\n`);
    expect(warnings).toEqual([expect.stringContaining(`${name} in the drop folder is not taken`)]);
    expect(handled).toEqual([]);
    expect(await contentOf(name)).toBe(name);
    expect(files.state()).toMatchObject({ others: 1, waiting: 0 });
  });

  it('takes a file only after it was unchanged for the rest time', async () => {
    await drop('a.csv', '');
    const clock = createVirtualClock();
    watch(undefined, { clock, restMs: 200 });
    for (let n = 0; n < 12; n += 1) {
      await writeFile(join(dir, 'a.csv'), 'x\n', { flag: 'a' });
      await lookAfter(clock, 50);
    }
    expect(handled).toEqual([]);
    await lookAfter(clock, 149);
    expect(handled).toEqual([]);
    await clock.pass(51);
    await comesTo('done', ['a.csv']);
    expect(await contentOf('done', 'a.csv')).toBe('x\n'.repeat(12));
  });

  it('waits six times as long for a file that ends in the middle of a line', async () => {
    await drop('a.csv', 'amount\n15');
    const clock = createVirtualClock();
    watch(undefined, { clock, restMs: 200 });
    for (let n = 0; n < 11; n += 1) await lookAfter(clock, 100);
    expect(handled).toEqual([]);
    await clock.pass(101);
    await comesTo('done', ['a.csv']);
  });

  it('takes only files with a marker where markers are required', async () => {
    await drop('a.csv', 'x\n');
    await drop('b.csv', 'x\n');
    watch(undefined, { sign: 'ready', restMs: 0 });
    await aWhile();
    expect(handled).toEqual([]);
    await drop('b.csv.ready', '');
    await comesTo('done', ['b.csv']);
    expect(handled).toEqual(['b.csv']);
  });

  it('does not believe a marker that is older than the file', async () => {
    await drop('a.csv.ready', '');
    await utimes(join(dir, 'a.csv.ready'), 1, 1);
    await drop('a.csv', 'x\n');
    watch(undefined, { restMs: 60_000 });
    await aWhile();
    expect(handled).toEqual([]);
  });

  it('waits also when only the modification time changes', async () => {
    await drop('a.csv');
    const clock = createVirtualClock();
    watch(undefined, { clock, restMs: 200 });
    for (let n = 0; n < 12; n += 1) {
      await utimes(join(dir, 'a.csv'), n, n);
      await lookAfter(clock, 50);
    }
    expect(handled).toEqual([]);
  });

  it('takes at once what has a .ready beside it, which moves with the file', async () => {
    watch(undefined, { restMs: 60_000 });
    await drop('a.csv');
    await drop('b.csv');
    await aWhile();
    expect(handled).toEqual([]);
    await drop('a.csv.ready', '');
    await comesTo('done', ['a.csv']);
    expect(await listing('')).toEqual(['b.csv', 'done', 'processing', 'refused']);
    expect(await listing('done')).toEqual(['a.csv', 'a.csv.ready']);
  });

  it('warns once of what is not a regular file, and leaves it', async () => {
    await writeFile(join(dir, 'target'), 'x');
    await symlink(join(dir, 'target'), join(dir, 'link.csv'));
    await mkdir(join(dir, 'folder.csv'));
    execFileSync('mkfifo', [join(dir, 'pipe.csv')]);
    await drop('real.csv');
    const files = watch();
    await comesTo('done', ['real.csv']);
    await aWhile();
    expect(handled).toEqual(['real.csv']);
    expect(warnings.filter((warning) => !warning.startsWith('target ')).toSorted()).toEqual(
      ['folder', 'link', 'pipe'].map((name) => expect.stringContaining(`${name}.csv in the drop folder is not a regular file`)),
    );
    const links = ['folder.csv', 'link.csv', 'pipe.csv'];
    expect(await listing('')).toEqual(['done', ...links, 'processing', 'refused', 'target', 'target.ack.txt']);
    expect(files.state()).toMatchObject({ setAside: 3, waiting: 3 });
    await rm(join(dir, 'folder.csv'), { recursive: true });
    await expect.poll(() => files.state().setAside, patience).toBe(2);
  });

  it('warns once of a name that is too long', async () => {
    const name = `${'x'.repeat(200)}.csv`;
    await drop(name);
    watch();
    const warned = [expect.stringMatching(/has a name of 204 bytes; at most 180/)];
    await expect.poll(() => warnings, patience).toEqual(warned);
    await aWhile();
    expect(warnings).toEqual(warned);
  });

  it('warns once of a file that cannot be read', async () => {
    await withoutPrivileges(async () => {
      await drop('a.csv');
      await chmod(join(dir, 'a.csv'), 0);
      await drop('b.csv');
      watch();
      await comesTo('done', ['b.csv']);
      const warned = [expect.stringContaining('a.csv in the drop folder cannot be read')];
      await expect.poll(() => warnings, patience).toEqual(warned);
      await aWhile();
      expect(warnings).toEqual(warned);
      await stopped();
    });
  });

  it('is not troubled by files that vanish before they are taken', async () => {
    watch(async () => 'done');
    for (let n = 0; n < 60; n += 1) {
      await drop(`${n}.csv`);
      // Most of them go, after pauses from nothing to longer than a rest.
      await sleep((n * 17) % 50);
      if (n % 10 < 7) await unlink(join(dir, `${n}.csv`)).catch(() => undefined);
    }
    await drop('last.csv');
    await expect.poll(() => listing('done'), patience).toContain('last.csv');
    expect(warnings).toEqual([]);
    await comesTo('processing', []);
  });

  it('handles more files than it remembers', { timeout: 180_000 }, async () => {
    const names = Array.from({ length: 1_300 }, (_, n) => `${String(n).padStart(4, '0')}.csv`);
    for (const name of names) await drop(name, '');
    const files = watch(undefined, { concurrency: 4 });
    await expect.poll(() => files.state().done, { timeout: 150_000, interval: 50 }).toBe(1_300);
    // Four at a time end in whatever order they please.
    expect(handled.toSorted()).toEqual(names);
  });
});

describe('the folder of a taken file', () => {
  it('shows the acknowledgement at once, the rest at the end, and moves all together', async () => {
    const gate = Promise.withResolvers<void>();
    await drop('may.csv');
    watch(async ({ write, pathOf }) => {
      await write('ack.json', '{}');
      await writeFile(pathOf('results.csv'), 'results');
      await write('errors.csv', 'errors');
      await gate.promise;
      return 'refused';
    });
    await expect.poll(() => listing('processing'), patience).toEqual(expect.arrayContaining(['may.csv', 'may.csv.ack.json']));
    expect((await stat(join(dir, 'processing', 'may.csv.ack.json'))).mode & 0o777).toBe(0o640);
    await expect
      .poll(async () => (await listing('processing')).filter((name) => !name.startsWith('.')), patience)
      .toEqual(['may.csv', 'may.csv.ack.json', 'may.csv.claim']);
    gate.resolve();
    await comesTo('refused', ['may.csv', 'may.csv.ack.json', 'may.csv.errors.csv', 'may.csv.results.csv']);
    expect(await contentOf('refused', 'may.csv.results.csv')).toBe('results');
    expect((await stat(join(dir, 'refused', 'may.csv.errors.csv'))).mode & 0o777).toBe(0o640);
    await comesTo('processing', []);
    expect(await listing('done')).toEqual([]);
    for (const name of ['processing', 'done', 'refused']) expect((await stat(join(dir, name))).mode & 0o7777).toBe(0o2770);
  });

  it('never overwrites: the whole set gets the next number', async () => {
    await mkdir(join(dir, 'done'));
    await writeFile(join(dir, 'done', 'may.csv'), 'first');
    await writeFile(join(dir, 'done', 'may.csv.1.ack.json'), 'of another');
    await drop('may.csv', 'new');
    watch(async ({ write }) => {
      await write('ack.json', 'ack of new');
      return 'done';
    });
    await comesTo('done', ['may.csv', 'may.csv.1.ack.json', 'may.csv.2', 'may.csv.2.ack.json']);
    expect(await contentOf('done', 'may.csv')).toBe('first');
    expect(await contentOf('done', 'may.csv.2')).toBe('new');
    expect(await contentOf('done', 'may.csv.2.ack.json')).toBe('ack of new');
  });

  it('does not mistake a corrected fix-file that is dropped for what it writes itself', async () => {
    const gate = Promise.withResolvers<void>();
    await drop('may.csv');
    watch(
      async ({ name, write }) => {
        await write('errors.csv', `errors of ${name}`);
        await gate.promise;
        return 'done';
      },
      { concurrency: 2 },
    );
    await expect.poll(() => handled, patience).toEqual(['may.csv']);
    await drop('may.csv.errors.csv', 'corrected');
    await expect.poll(() => handled, patience).toEqual(['may.csv', 'may.csv.errors.csv']);
    gate.resolve();
    await expect.poll(async () => (await listing('done')).length, patience).toBe(4);
    await comesTo('processing', []);
    const found = await Promise.all((await listing('done')).map((name) => contentOf('done', name)));
    expect(found.toSorted()).toEqual(['corrected', 'errors of may.csv', 'errors of may.csv.errors.csv', 'may.csv']);
  });

  it('lets the same name wait while the first is handled', async () => {
    const gate = Promise.withResolvers<void>();
    const seen: string[] = [];
    await drop('may.csv', 'first');
    watch(
      async ({ path }) => {
        seen.push(await readFile(path, 'utf8'));
        await gate.promise;
        expect(await readFile(path, 'utf8')).toBe(seen.at(-1));
        return 'done';
      },
      { concurrency: 2 },
    );
    await expect.poll(() => seen, patience).toEqual(['first']);
    await drop('may.csv', 'second');
    await aWhile();
    expect(seen).toEqual(['first']);
    gate.resolve();
    await comesTo('done', ['may.csv', 'may.csv.1']);
    expect(await contentOf('done', 'may.csv.1')).toBe('second');
  });
});

describe('stopping and beginning again', () => {
  it('leaves in processing what was left, and takes it up at the next start', async () => {
    await drop('may.csv');
    const waits = Promise.withResolvers<void>();
    watch(async ({ signal, write }) => {
      await write('ack.json', 'first');
      const left = new Promise((resolve) => signal.addEventListener('abort', resolve));
      waits.resolve();
      await left;
      return 'left';
    });
    await waits.promise;
    expect(handled).toEqual(['may.csv']);
    await stopped();
    expect(await listing('processing')).toEqual(['may.csv', 'may.csv.ack.json']);
    expect(await listing('done')).toEqual([]);
    stop = new AbortController();
    watch();
    await comesTo('done', ['may.csv', 'may.csv.ack.json']);
    expect(warnings).toEqual([]);
  });

  it('takes up what an operator brought back to processing', async () => {
    await mkdir(join(dir, 'processing'));
    await writeFile(join(dir, 'processing', 'may.csv'), 'x');
    watch();
    await comesTo('done', ['may.csv']);
  });

  it('tries again, after growing pauses, what could not be handled', async () => {
    const at: number[] = [];
    await drop('may.csv');
    watch(async () => {
      at.push(performance.now());
      if (at.length < 4) throw new Error('the ledger is away');
      return 'done';
    });
    await comesTo('done', ['may.csv']);
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toContain('the ledger is away');
    const pauses = at.slice(1).map((time, n) => time - (at[n] ?? 0));
    expect(pauses[0]).toBeGreaterThan(29);
    expect(pauses[1]).toBeGreaterThan(59);
    expect(pauses[2]).toBeGreaterThan(119);
  });

  it('one that fails does not hold up the others', async () => {
    await drop('bad.csv');
    await drop('good.csv');
    watch(async ({ name }) => {
      if (name === 'bad.csv') throw new Error('no');
      return 'done';
    });
    await comesTo('done', ['good.csv']);
  });

  it('finishes a move that was broken off, without handling the file again', async () => {
    await drop('may.csv');
    // The set cannot be moved while `done` is in the way of it.
    watch(
      async ({ write }) => {
        await write('ack.json', 'ack');
        await write('results.csv', 'results');
        await mkdir(join(dir, 'elsewhere'), { recursive: true });
        return 'done';
      },
      { refreshMs: 60_000 },
    );
    await comesTo('done', ['may.csv', 'may.csv.ack.json', 'may.csv.results.csv']);
    await stopped();
    // As a crash after the first of its steps would leave it.
    const work = '.work-0123456789abcdef';
    await mkdir(join(dir, 'processing', work));
    await rename(join(dir, 'done', 'may.csv'), join(dir, 'processing', 'may.csv'));
    await rename(join(dir, 'done', 'may.csv.results.csv'), join(dir, 'processing', work, 'may.csv.results.csv'));
    const { size, mtimeMs } = await stat(join(dir, 'processing', 'may.csv'));
    await writeFile(join(dir, 'processing', '.may.csv.leaving'), JSON.stringify({ ending: 'done', work, base: 'may.csv', size, mtimeMs }));
    stop = new AbortController();
    watch();
    await comesTo('done', ['may.csv', 'may.csv.ack.json', 'may.csv.results.csv']);
    await comesTo('processing', []);
    expect(handled).toEqual(['may.csv']);
  });

  it('never takes a note that outlived its file for one about the next', async () => {
    await mkdir(join(dir, 'processing'));
    const note = { ending: 'done', work: '.work-0123456789abcdef', base: 'may.csv', size: 3, mtimeMs: 5_000 };
    await writeFile(join(dir, 'processing', '.may.csv.leaving'), JSON.stringify(note));
    await drop('may.csv', 'new');
    await utimes(join(dir, 'may.csv'), 5, 5);
    watch();
    await comesTo('done', ['may.csv']);
    expect(handled).toEqual(['may.csv']);
    await comesTo('processing', []);

    await writeFile(join(dir, 'processing', '.june.csv.leaving'), JSON.stringify({ ...note, base: 'june.csv' }));
    await writeFile(join(dir, 'processing', 'june.csv'), 'brought back');
    await expect.poll(() => handled, patience).toEqual(['may.csv', 'june.csv']);
  });

  it('stops handling for good when it lost its claim, and moves nothing', async () => {
    const aborted = Promise.withResolvers<void>();
    await drop('may.csv');
    watch(
      async ({ signal, write }) => {
        signal.addEventListener('abort', () => aborted.resolve());
        await aborted.promise;
        await write('results.csv', 'stale');
        return 'done';
      },
      { refreshMs: 20 },
    );
    await expect.poll(() => handled, patience).toEqual(['may.csv']);
    const { token } = JSON.parse(await contentOf('processing', 'may.csv.claim')) as { token: string };
    // What a successor does.
    const claim = `{"token":"fedcba9876543210","owner":"successor"}\n`;
    await writeFile(join(dir, 'processing', `may.csv.claim.${token}`), claim);
    await aborted.promise;
    await expect.poll(() => warnings, patience).toEqual([expect.stringContaining('may.csv was taken over by another instance')]);
    await aWhile();
    expect(handled).toEqual(['may.csv']);
    expect(await listing('done')).toEqual([]);
    expect(await listing('processing')).toEqual(['may.csv', 'may.csv.claim', `may.csv.claim.${token}`]);
  });
});

describe('the drop folder', () => {
  it.each([
    ['is missing', async () => rm(dir, { recursive: true }), /The drop folder .* does not exist\. Create it, or set INBOX_DIR/],
    [
      'is a file',
      async () => {
        await rm(dir, { recursive: true });
        await writeFile(dir, '');
      },
      /is not a folder/,
    ],
    ['has a file where a folder belongs', async () => writeFile(join(dir, 'done'), ''), /done cannot be created/],
  ])('fails at the start when it %s', async (_, spoil, message) => {
    await spoil();
    await expect(watch().running).rejects.toThrow(message);
  });

  it('fails at the start when it is not writable', async () => {
    await withoutPrivileges(async () => {
      await chmod(dir, 0o500);
      await expect(watch().running).rejects.toThrow(/is not writable/);
      await chmod(dir, 0o700);
    });
  });

  it('causes one warning when it disappears, and is watched again when it is back', async () => {
    const files = watch();
    await drop('a.csv');
    await comesTo('done', ['a.csv']);
    await comesTo('processing', []);
    await rename(dir, `${dir}-away`);
    await expect.poll(() => files.state().problem, patience).toContain('does not exist');
    await aWhile();
    await rename(`${dir}-away`, dir);
    await drop('b.csv');
    await comesTo('done', ['a.csv', 'b.csv']);
    expect(files.state().problem).toBeNull();
    expect(warnings).toEqual([expect.stringContaining('does not exist'), expect.stringContaining('is usable again')]);
  });
});
