/** Which results show that a ledger is not the newest, by the mark and the outbox that it has. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Published } from '../../../../src/ledger/sqlite/published.ts';
import { findUnknownResults } from '../../../../src/profiles/standalone/unknown-results.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'disburse-unknown-'));
  path = join(folder, 'results.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const line = (name: string): string => `${JSON.stringify({ event_id: `e-${name}`, batch_id: 'b', record_id: name, sequence: 1 })}\n`;
const lines = (...names: string[]): string => names.map(line).join('');
interface Known {
  readonly noted?: string;
  readonly unpublished?: readonly string[];
  readonly known?: readonly string[];
}
const published = ({ noted, unpublished = [], known = [] }: Known): Published => ({
  mark: noted === undefined ? null : String(noted.length),
  isUnpublished: (eventId) => unpublished.includes(eventId.slice(2)),
  isKnown: ({ record_id: recordId }) => known.includes(recordId ?? ''),
});
const countOf = async (text: string | null, ledger: Known, isQuiet = true): Promise<number> => {
  if (text !== null) writeFileSync(path, text);
  return (await findUnknownResults({ path, published: published(ledger), isQuiet }))?.count ?? 0;
};

it.each<[string, string | null, Known]>([
  ['a file that ends at the mark', lines('a', 'b'), { noted: lines('a', 'b'), known: ['a', 'b'] }],
  ['lines behind the mark that are in the outbox still', lines('a', 'b'), { noted: lines('a'), known: ['a', 'b'], unpublished: ['b'] }],
  ['a missing file', null, { noted: lines('a'), known: ['a'] }],
  ['an empty file after a rotation', '', { noted: lines('a'), known: ['a'] }],
  ['a file that is cut to fewer lines', lines('a'), { noted: lines('a', 'b'), known: ['a', 'b'] }],
  ['half a line', '{"event_id":"e-a","batch', {}],
  ['half a line behind the mark', `${lines('a')}{"event_id"`, { noted: lines('a'), known: ['a'] }],
  ['lines that are no results', 'null\nrubbish\n', {}],
])('no unknown result is reported for %s', async (_name, text, ledger) => {
  expect(await countOf(text, ledger)).toBe(0);
});

it.each<[string, string, Known, number]>([
  ['lines behind the mark', lines('a', 'b', 'c'), { noted: lines('a'), known: ['a'] }, 2],
  ['lines behind the mark of records that went on since', lines('a', 'b'), { noted: lines('a'), known: ['a', 'b'] }, 1],
  ['lines of a ledger that has published nothing', lines('a'), {}, 1],
  ['results of another ledger that are as long', lines('x', 'y'), { noted: lines('a', 'b'), known: ['a', 'b'] }, 2],
  ['shorter results of another ledger', lines('x'), { noted: lines('a', 'b'), known: ['a', 'b'] }, 1],
  ['a rotated file with newer results', lines('c'), { noted: lines('a', 'b'), known: ['a', 'b'] }, 1],
])('%s are not known to the ledger', async (_name, text, ledger, expected) => {
  expect(await countOf(text, ledger)).toBe(expected);
});

it('results that another process publishes meanwhile are known by their sequence', async () => {
  const ledger = { noted: lines('a'), known: ['a', 'b'] };
  expect(await countOf(lines('a', 'b'), ledger, false)).toBe(0);
  expect(await countOf(lines('a', 'b', 'c'), ledger, false)).toBe(1);
});

describe('the newest of the files that were moved away', () => {
  const countWith = async (moved: readonly string[], ledger: Known): Promise<number> => {
    const rotated = moved.map((text, index) => {
      const at = join(folder, `results-2026-11-2${index}T08-00-00.000Z.jsonl`);
      writeFileSync(at, text);
      return at;
    });
    return (await findUnknownResults({ path, rotated, published: published(ledger), isQuiet: true }))?.count ?? 0;
  };

  it.each<[string, readonly string[], Known]>([
    ['lines that the ledger knows', [lines('a', 'b')], { noted: '', known: ['a', 'b'] }],
    ['lines that are in the outbox still', [lines('a', 'b')], { noted: lines('a'), known: ['a'], unpublished: ['b'] }],
    ['an older file of a ledger that is used no more', [lines('x'), lines('a')], { noted: '', known: ['a'] }],
    ['a file that is gone by now', [], { noted: lines('a'), known: ['a'] }],
    ['an empty file', [''], { noted: '', known: [] }],
  ])('shows no unknown result for %s', async (_name, moved, ledger) => {
    expect(await countWith(moved, ledger)).toBe(0);
  });

  it('shows a ledger that is older than its last lines, whatever the mark says and however long it is', async () => {
    const many = lines(...Array.from({ length: 2000 }, (_, index) => `r${index}`));
    expect(
      await countWith([many + lines('b')], { noted: lines('a'), known: Array.from({ length: 2000 }, (_, index) => `r${index}`) }),
    ).toBe(1);
    expect(await countWith([lines('a', 'b')], { known: ['a'] })).toBe(1);
  });
});
