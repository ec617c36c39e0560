/** Rows that were rejected before are compared where they can be, and are no reason not to pay. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { forgiving, openRejected, rejectedRowsFile } from '../../../src/profiles/rejected-rows.ts';

let dataDir: string;
const warnings: string[] = [];
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'disburse-rejected-'));
  warnings.length = 0;
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const open = (make: boolean) =>
  openRejected({ dataDir, settings: {} } as unknown as Config, { make, onWarning: (message) => void warnings.push(message) });

it('nothing is made by a command that only compares', () => {
  expect(open(false)).toBeNull();
  const made = open(true);
  expect(made).not.toBeNull();
  made?.close();
  const read = open(false);
  expect(read).not.toBeNull();
  read?.close();
  expect(warnings).toEqual([]);
});

it('a file that is no database is a warning and no failure', async () => {
  await writeFile(rejectedRowsFile(dataDir), 'this is no database, but it is long enough to be looked at as one');
  expect(open(true)).toBeNull();
  expect(warnings).toEqual([expect.stringContaining('are not compared')]);
});

it('a failure while a file is read is one warning, and the file is read on', () => {
  const fail = (): never => {
    throw new Error('database is locked');
  };
  const found: unknown[] = [];
  const rejected = forgiving({ mayKnow: () => true, keep: fail, compare: fail, close: () => undefined }, (cause) => void found.push(cause));
  const of = { file: 'may.csv', sha256: 'a', header: [], reader: { maskSecrets: () => [] } };
  expect(rejected.mayKnow(new Uint32Array(2))).toBe(true);
  rejected.keep(of, []);
  rejected.keep(of, []);
  expect(rejected.mayKnow(new Uint32Array(2))).toBe(false);
  expect(found).toEqual([new Error('database is locked')]);
});
