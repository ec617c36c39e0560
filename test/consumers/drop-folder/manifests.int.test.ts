/** Manifests beside dropped files. */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DropFolder, DropFolderOptions, DroppedFile, Verdict } from '../../../consumers/drop-folder/drop-folder.ts';
import { watchDropFolder } from '../../../consumers/drop-folder/watch.ts';
import { monotonicClock } from '../../../src/clock.ts';
import { patience } from '../../support/patience.ts';

let dir: string;
let stop: AbortController;
let warnings: string[];
let manifests: (string | null)[];
let folder: DropFolder | undefined;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'disburse-manifests-'));
  stop = new AbortController();
  warnings = [];
  manifests = [];
});
afterEach(async () => {
  stop.abort();
  await folder?.running.catch(() => undefined);
  await rm(dir, { recursive: true, force: true });
});

const never = 3_600_000;
function watch(more: Partial<DropFolderOptions> = {}, verdict: (file: DroppedFile) => Promise<Verdict> = async () => 'done'): void {
  folder = watchDropFolder({
    ...{ dir, owner: 'me', host: 'here', pid: 1, clock: monotonicClock, random: () => 0.5, signal: stop.signal, restMs: never, pollMs: 15 },
    onWarning: (message) => warnings.push(message),
    async handle(file) {
      manifests.push(await file.manifest());
      return verdict(file);
    },
    ...more,
  });
}
const drop = (name: string, content = name): Promise<void> => writeFile(join(dir, name), content);
const listing = async (of: string): Promise<string[]> =>
  (await readdir(join(dir, of)).catch(() => [])).filter((name) => !name.startsWith('.')).toSorted();
const comesTo = (of: string, names: readonly string[]) => expect.poll(() => listing(of), patience).toEqual(names);

describe('a file with a manifest', () => {
  it('is taken at once, and both move on together', async () => {
    await drop('may.csv');
    await drop('may.csv.manifest.json', '{"bytes": 7}');
    watch();
    await comesTo('done', ['may.csv', 'may.csv.manifest.json']);
    expect(manifests).toEqual(['{"bytes": 7}']);
    await comesTo('processing', []);
    expect(warnings).toEqual([]);
  });

  it('is not taken while the manifest is not complete, and is when it is', async () => {
    await drop('may.csv');
    await drop('may.csv.manifest.json', '{"bytes": ');
    watch();
    await expect.poll(() => folder?.state().waiting, patience).toBe(1);
    expect(manifests).toEqual([]);
    await drop('may.csv.manifest.json', '{"bytes": 7}');
    await comesTo('done', ['may.csv', 'may.csv.manifest.json']);
    expect(manifests).toEqual(['{"bytes": 7}']);
  });

  it('is taken with a manifest that has rested and never became complete, to be refused by it', async () => {
    await drop('may.csv', 'x\n');
    await drop('may.csv.manifest.json', '{"bytes": ');
    watch({ restMs: 40 }, async () => 'refused');
    await comesTo('refused', ['may.csv', 'may.csv.manifest.json']);
    expect(manifests).toEqual(['{"bytes": ']);
  });

  it('waits for its rest when the manifest states another size, or is older than the file', async () => {
    await drop('size.csv');
    await drop('size.csv.manifest.json', '{"bytes": 70}');
    await drop('old.csv');
    await drop('old.csv.manifest.json', '{}');
    await utimes(join(dir, 'old.csv.manifest.json'), 1, 1);
    watch();
    await expect.poll(() => folder?.state().waiting, patience).toBe(2);
    expect(await listing('processing')).toEqual([]);
    expect(manifests).toEqual([]);
  });

  it('goes back to the drop folder with it when the file changes', async () => {
    await drop('may.csv');
    await drop('may.csv.manifest.json', '{}');
    let reads = 0;
    watch({}, async (file) => {
      reads += 1;
      if (reads === 1) await writeFile(file.path, 'another, longer text');
      return 'done';
    });
    await comesTo('done', ['may.csv', 'may.csv.manifest.json']).catch(() => undefined);
    expect([...(await listing('')), ...(await listing('done'))]).toContain('may.csv.manifest.json');
    await comesTo('processing', []);
  });
});

describe('an instance that was stopped while it took a file', () => {
  it('after it had moved the manifest leaves both together for the next', async () => {
    await mkdir(join(dir, 'processing'));
    await drop('may.csv');
    await drop('may.csv.manifest.json', '{"bytes": 7}');
    await drop('.manifests', '');
    await rename(join(dir, 'may.csv.manifest.json'), join(dir, 'processing', 'may.csv.manifest.json'));
    watch();
    await comesTo('done', ['may.csv', 'may.csv.manifest.json']);
    expect(manifests).toEqual(['{"bytes": 7}']);
  });
});

describe('a folder that had a manifest once', () => {
  it('takes no file without one, and says so once', async () => {
    await drop('may.csv', 'x\n');
    await drop('may.csv.manifest.json', '{}');
    watch({ restMs: 40 });
    await comesTo('done', ['may.csv', 'may.csv.manifest.json']);
    await drop('june.csv', 'x\n');
    await expect.poll(() => warnings, patience).toEqual([expect.stringContaining('june.csv in the drop folder waits for its manifest')]);
    expect(await listing('')).toContain('june.csv');
    expect(manifests).toHaveLength(1);
  });

  it('is the same as one for which INBOX_REQUIRE asks it', async () => {
    await drop('june.csv', 'x\n');
    watch({ restMs: 40, sign: 'manifest' });
    await expect.poll(() => warnings, patience).toEqual([expect.stringContaining('june.csv.manifest.json')]);
    expect(manifests).toEqual([]);
    expect(await readFile(join(dir, 'june.csv'), 'utf8')).toBe('x\n');
  });
});
