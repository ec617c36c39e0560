/** Folders of uploads without a note, which a kill leaves. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeUnfinished } from '../../../src/console/uploads/unfinished.ts';

let dataDir: string;
beforeEach(() => void (dataDir = mkdtempSync(join(tmpdir(), 'disburse-unfinished-'))));
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const now = Date.UTC(2026, 10, 21, 8);
const hourMs = 3_600_000;

/** @param ages of the folder, the folder in it and the file, in milliseconds */
function upload(ages: readonly [number, number, number], { note, suffix = '' }: { note?: string; suffix?: string } = {}): string {
  const id = randomUUID();
  const folder = join(dataDir, 'uploads', `${id}${suffix}`);
  mkdirSync(join(folder, 'file'), { recursive: true });
  const file = join(folder, 'file', 'may.csv');
  writeFileSync(file, 'sealed');
  if (note !== undefined) writeFileSync(join(folder, note), '{}');
  for (const [index, path] of [folder, join(folder, 'file'), file].entries()) {
    const at = (now - (ages[index] ?? 0)) / 1000;
    utimesSync(path, at, at);
  }
  return id;
}

async function remove(): Promise<readonly string[]> {
  const said: string[] = [];
  const log = (fields: unknown): void => void said.push((fields as { upload: string }).upload);
  await removeUnfinished({ dataDir, now, logger: { info: log, warn: () => undefined } });
  return said;
}

const left = (): readonly string[] => readdirSync(join(dataDir, 'uploads'));
const old = [hourMs, hourMs, hourMs] as const;

describe('the folder of an upload without a note', () => {
  it('is removed after an hour without a change', async () => {
    const id = upload(old);
    expect(await remove()).toEqual([id]);
    expect(left()).toEqual([]);
  });

  it.each([
    ['the folder', [hourMs - 1_000, hourMs, hourMs]],
    ['the file', [2 * hourMs, 2 * hourMs, 1_000]],
    ['the file, by a clock that is ahead,', [hourMs, hourMs, -hourMs]],
  ] as const)('is kept when %s changed within the hour', async (_title, ages) => {
    const id = upload(ages);
    expect(await remove()).toEqual([]);
    expect(left()).toEqual([id]);
  });

  it('is removed when only the beginning of its note is there', async () => {
    upload(old, { note: 'upload.json.new' });
    upload(old);
    expect(await remove()).toHaveLength(1);
    expect(left()).toHaveLength(1);
    const [id = ''] = left();
    for (const name of ['', 'upload.json.new'])
      utimesSync(join(dataDir, 'uploads', id, name), (now - hourMs) / 1000, (now - hourMs) / 1000);
    expect(await remove()).toEqual([id]);
  });

  it('is removed at the next start when a kill came after it had another name', async () => {
    const id = upload([0, 0, 0], { suffix: '.removed' });
    expect(await remove()).toEqual([id]);
    expect(left()).toEqual([]);
  });
});

describe('an upload with a note', () => {
  it('is kept whatever its age, also with a note that cannot be read', async () => {
    const id = upload(old, { note: 'upload.json' });
    expect(await remove()).toEqual([]);
    expect(readFileSync(join(dataDir, 'uploads', id, 'file', 'may.csv'), 'utf8')).toBe('sealed');
  });

  it('gets its name back when the note came while the folder had another one', async () => {
    const id = upload(old, { note: 'upload.json', suffix: '.removed' });
    expect(await remove()).toEqual([]);
    expect(left()).toEqual([id]);
  });
});

it('what no upload is called is left as it is, and a data folder without uploads is no fault', async () => {
  expect(await remove()).toEqual([]);
  mkdirSync(join(dataDir, 'uploads', 'notes'), { recursive: true });
  await remove();
  expect(existsSync(join(dataDir, 'uploads', 'notes'))).toBe(true);
});
