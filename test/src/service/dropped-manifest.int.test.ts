/** A dropped file and its manifest, from the text to the folder where it goes. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DroppedFile } from '../../../consumers/drop-folder/drop-folder.ts';
import { createSequences } from '../../../consumers/drop-folder/sequences.ts';
import { monotonicClock } from '../../../src/clock.ts';
import { CommandError, exitCodes } from '../../../src/exit.ts';
import { createLogger } from '../../../src/logger.ts';
import { processDroppedFile, type InboxDeps } from '../../../src/service/process-dropped-file.ts';
import { csvOf, row } from '../../support/builders.ts';

let dir: string;
let paid: (number | undefined)[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'disburse-dropped-'));
  paid = [];
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const depsOf = (more: Partial<InboxDeps> = {}): InboxDeps => ({
  clock: monotonicClock,
  maxAmount: undefined,
  maxBatchTotal: undefined,
  mapping: null,
  rejected: null,
  isLive: false,
  sequences: createSequences({ dir, clock: monotonicClock, patienceMs: 0 }),
  logger: createLogger('silent', { write: () => undefined }),
  async pay(_inspection, _signal, notBefore) {
    paid.push(notBefore);
    return 'rested';
  },
  writeResults: async () => undefined,
  tallies: async () => [],
  cancelQueued: async () => 0,
  async *conflicts() {},
  record: async () => undefined,
  alert: async () => undefined,
  parts: new Map(),
  ...more,
});

async function dropped(name: string, text: string, manifest: object | string | null): Promise<DroppedFile> {
  const path = join(dir, name);
  await writeFile(path, text);
  return {
    name,
    path,
    pathOf: (sibling) => `${path}.${sibling}`,
    write: (sibling, content) => writeFile(`${path}.${sibling}`, content),
    signal: new AbortController().signal,
    hasChanged: async () => false,
    hasNamesake: async () => false,
    manifest: async () => (manifest === null || typeof manifest === 'string' ? manifest : JSON.stringify(manifest)),
  };
}
const codesOf = async (name: string): Promise<unknown> => {
  const {
    errors,
    structural,
    batch_id: batchId,
  } = JSON.parse(await readFile(join(dir, `${name}.ack.json`), 'utf8')) as {
    errors: { code: string }[];
    structural: boolean;
    batch_id: string | null;
  };
  return { codes: errors.map(({ code }) => code), structural, isBatch: batchId !== null };
};
const text = csvOf([row('a'), row('b')]);
const numbered = (number: number) => ({ sequence: { source: 'erp', number } });

describe('a dropped file', () => {
  it('that is what its manifest states is paid, not before the time in it', async () => {
    const file = await dropped('may.csv', text, {
      rows: 2,
      bytes: Buffer.byteLength(text),
      live: false,
      not_before: '2026-05-01T00:00:00Z',
    });
    expect(await processDroppedFile(depsOf(), file)).toBe('done');
    expect(paid).toEqual([Date.UTC(2026, 4, 1)]);
  });

  it.each([
    ['another number of rows', { rows: 3 }, 'manifest_differs'],
    ['another environment', { live: true }, 'wrong_environment'],
    ['no JSON', '{"rows": ', 'manifest_differs'],
    ['a member that is not known', { row: 2 }, 'manifest_differs'],
  ])('whose manifest has %s is refused, and nothing is paid', async (_, manifest, code) => {
    expect(await processDroppedFile(depsOf(), await dropped('may.csv', text, manifest))).toBe('refused');
    expect(await codesOf('may.csv')).toEqual({ codes: [code], structural: true, isBatch: false });
    expect(paid).toEqual([]);
  });

  it('is refused for a gap in the numbers, and for a number that another file has', async () => {
    const deps = depsOf();
    expect(await processDroppedFile(deps, await dropped('1.csv', text, numbered(1)))).toBe('done');
    expect(await processDroppedFile(deps, await dropped('3.csv', csvOf([row('c')]), numbered(3)))).toBe('refused');
    expect(await codesOf('3.csv')).toMatchObject({ codes: ['sequence_gap'] });
    expect(await processDroppedFile(deps, await dropped('1b.csv', csvOf([row('d')]), numbered(1)))).toBe('refused');
    expect(await codesOf('1b.csv')).toMatchObject({ codes: ['sequence_reused'] });
    expect(await processDroppedFile(deps, await dropped('2.csv', csvOf([row('e')]), numbered(2)))).toBe('done');
    expect(await processDroppedFile(deps, await dropped('1.csv', text, numbered(1)))).toBe('done');
    expect(paid).toHaveLength(3);
  });

  it('that is refused keeps no number: the corrected file takes it', async () => {
    const deps = depsOf();
    await processDroppedFile(deps, await dropped('1.csv', text, numbered(1)));
    const refusing = depsOf({
      pay: async () => {
        throw new CommandError(exitCodes.usage, 'read otherwise before');
      },
    });
    expect(await processDroppedFile(refusing, await dropped('2.csv', csvOf([row('f')]), numbered(2)))).toBe('refused');
    expect(await processDroppedFile(deps, await dropped('2.csv', csvOf([row('g')]), { ...numbered(2), rows: 9 }))).toBe('refused');
    expect(await processDroppedFile(deps, await dropped('2.csv', csvOf([row('h')]), numbered(2)))).toBe('done');
  });

  it('that fails for a reason outside of it keeps its number for the next try', async () => {
    const failing = depsOf({
      pay: async () => {
        throw new Error('the ledger is gone');
      },
    });
    const file = await dropped('1.csv', text, numbered(1));
    await expect(processDroppedFile(failing, file)).rejects.toThrow('the ledger is gone');
    expect(await processDroppedFile(depsOf(), await dropped('other.csv', csvOf([row('i')]), numbered(1)))).toBe('refused');
    expect(await processDroppedFile(depsOf(), file)).toBe('done');
  });
});
