/** Readers and formulas of ours against those of others, on what they were not written for. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readCsv } from '../../consumers/csv/read-csv.ts';
import { compareEditedEvents, compareJson, compareNames } from './compare-values.ts';
import { compareFiles, compareText, fileOf } from './differential.ts';
import { csvSeeds } from './targets/csv.ts';

const folder = mkdtempSync(join(tmpdir(), 'disburse-differential-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const cases = join(import.meta.dirname, '..', 'cases');

describe('a CSV file', () => {
  const texts = csvSeeds()
    .filter((bytes) => bytes.at(0) !== 0x1f && !bytes.includes(0))
    .map((bytes) => bytes.toString('utf8'))
    // Both mean something to us only: the line `sep=`, and the last column of a fix-file.
    .filter((text) => !/^sep=/.test(text) && !/^[^\n]*,error\r?\n/.test(text));

  it('of every case and every route is read cell by cell as csv-parse reads it', async () => {
    expect(texts.length).toBeGreaterThan(readdirSync(cases).length);
    const path = join(folder, 'corpus.csv');
    for (const text of texts) {
      writeFileSync(path, text);
      const csv = await readCsv(path);
      await csv.close();
      expect(await compareText(path, text, csv.delimiter)).toBe(true);
    }
  });

  it('that is generated is read as csv-parse reads it, or is refused', async () => {
    const compared = await compareFiles({ seed: 1, first: 0, count: 2_000 });
    expect(compared.failure).toBeUndefined();
    // Files of every kind were among them.
    expect(compared.read).toBeGreaterThan(500);
    expect(compared.refused).toBeGreaterThan(100);
  });

  it('that is generated is the same for the same seed', () => {
    expect(fileOf(7)).toEqual(fileOf(7));
    expect(fileOf(7)).not.toEqual(fileOf(8));
  });
});

describe('canonical JSON', () => {
  it('equals that of the package canonicalize for any JSON', () => {
    expect(() => compareJson({ seed: 1, count: 2_000 })).not.toThrow();
  });

  it('equals that of the package canonicalize for events that were edited', () => {
    expect(compareEditedEvents({ seed: 0, count: 4_000 })).toBeGreaterThan(500);
  });
});

describe('names of the project', () => {
  it('equal those of the package uuid, whatever is in them', () => {
    expect(() => compareNames({ seed: 1, count: 2_000 })).not.toThrow();
  });
});
