/** Several instances, in processes of their own, on one folder. */
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startWatcher, type WatcherProcess } from './watcher-process.ts';

let dir: string;
let watchers: WatcherProcess[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'disburse-drop-'));
  watchers = [];
});
afterEach(async () => {
  await Promise.all(watchers.map((watcher) => watcher.end('SIGKILL')));
  await rm(dir, { recursive: true, force: true });
});
const start = async (...params: Parameters<typeof startWatcher>): Promise<WatcherProcess> => {
  const watcher = await startWatcher(...params);
  watchers.push(watcher);
  return watcher;
};
const listing = async (folder: string): Promise<string[]> => (await readdir(join(dir, folder))).toSorted();
const until = { timeout: 30_000, interval: 50 };

it('several instances handle each of 200 files exactly once', async () => {
  const names = Array.from({ length: 200 }, (_, n) => `${String(n).padStart(3, '0')}.csv`);
  // Alone, one of them would need 5 s: no pause of the machine keeps the other from its share.
  const [one, other] = await Promise.all([start(dir, 'one', 50), start(dir, 'other', 50)]);
  for (const name of names) {
    await writeFile(join(dir, `${name}.part`), name);
    await rename(join(dir, `${name}.part`), join(dir, name));
  }
  await expect.poll(async () => (await listing('done')).length, until).toBe(400);
  await expect.poll(() => [...one.handled(), ...other.handled()].toSorted(), until).toEqual(names);
  expect(one.handled().length).toBeGreaterThan(20);
  expect(other.handled().length).toBeGreaterThan(20);
  expect([...one.warnings(), ...other.warnings()]).toEqual([]);
  await Promise.all([one.end('SIGTERM'), other.end('SIGTERM')]);
  expect(await listing('processing')).toEqual([]);
  expect((await listing('')).filter((name) => name.includes('csv'))).toEqual([]);
  for (const name of names) expect(await readFile(join(dir, 'done', name), 'utf8')).toBe(name);
});

it('inherit from one that was killed, once, and only after it gave no sign of life for long', async () => {
  // More than a machine stalls the one that lives, between two of its signs.
  const takeOverMs = 6_000;
  const victim = await start(dir, 'victim', 60_000, takeOverMs);
  await writeFile(join(dir, 'may.csv'), 'may');
  await expect.poll(victim.handled, until).toEqual(['may.csv']);
  const successors = await Promise.all(['successor', 'other', 'third'].map((owner) => start(dir, owner, 50, takeOverMs)));
  const inherited = (): readonly string[] => successors.flatMap((successor) => successor.handled());

  // Longer than the bound: as long as it lives, no instance takes it.
  await new Promise((resolve) => setTimeout(resolve, 1.5 * takeOverMs));
  expect(inherited()).toEqual([]);
  await victim.end('SIGKILL');
  await expect.poll(() => listing('done'), until).toEqual(['may.csv', 'may.csv.ack.json']);
  await expect.poll(inherited, until).toEqual(['may.csv']);
  expect(successors.flatMap((successor) => successor.warnings())).toEqual([expect.stringContaining('may.csv was left')]);
  expect(await readFile(join(dir, 'done', 'may.csv.ack.json'), 'utf8')).not.toContain('victim');
  await Promise.all(successors.map((successor) => successor.end('SIGTERM')));
  expect(await listing('processing')).toEqual([]);
});

it('an instance takes over the file of a killed instance, also repeatedly', async () => {
  await writeFile(join(dir, 'may.csv'), 'may');
  for (const owner of ['first', 'second', 'third']) {
    const victim = await start(dir, owner, 60_000, 600);
    await expect.poll(victim.handled, until).toEqual(['may.csv']);
    await victim.end('SIGKILL');
  }
  const last = await start(dir, 'last', 0, 600);
  await expect.poll(() => listing('done'), until).toEqual(['may.csv', 'may.csv.ack.json']);
  await last.end('SIGTERM');
  expect(await listing('processing')).toEqual([]);
});
