/** Readers and formulas of ours against those of others, on what they were not written for. */
import canonicalize from 'canonicalize';
import * as fc from 'fast-check';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v5 } from 'uuid';
import { afterAll, describe, expect, it } from 'vitest';
import type { Json } from '../../batches/instruction/instruction.ts';
import { canonicalJson } from '../../batches/record/canonical-json.ts';
import { createKeyDerivation } from '../../batches/record/idempotency-key.ts';
import { readCsv } from '../../consumers/csv/read-csv.ts';
import { createDice } from '../../simulation/dice.ts';
import { compareFiles, compareText, fileOf } from './differential.ts';
import { mutate } from './mutator.ts';
import { csvSeeds } from './targets/csv.ts';
import { targets } from './targets.ts';

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
  const check = (value: unknown): void => {
    let ours: string | undefined;
    try {
      ours = canonicalJson(value as Json);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
    }
    // The package writes halves of surrogate pairs, and the RFC forbids them; JSON has no infinite number.
    if (ours === undefined)
      expect(JSON.stringify(value, (_name, one) => (one === Infinity || one === -Infinity ? '\ud800' : one))).toMatch(/\\ud[89a-f]/);
    else expect(ours).toBe(canonicalize(value));
  };

  it('equals that of the package canonicalize for any JSON', () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' }), check), { numRuns: 2_000, seed: 1 });
    fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), check), { numRuns: 2_000, seed: 1 });
  });

  it('equals that of the package canonicalize for events that were edited', () => {
    const target = targets['event']?.();
    if (target === undefined) throw new Error('there is no such target');
    let parsed = 0;
    for (let seed = 0; seed < 4_000; seed += 1) {
      const text = mutate({ ...target, maxBytes: 20_000 }, createDice(seed)).toString('utf8');
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        continue;
      }
      parsed += 1;
      if (!/\[{500}|(?:\{"a":){500}/.test(text)) check(value);
    }
    expect(parsed).toBeGreaterThan(500);
  });
});

describe('names of the project', () => {
  it('equal those of the package uuid, whatever is in them', () => {
    const text = fc.string({ unit: 'binary', maxLength: 80 }).filter((one) => one.isWellFormed());
    fc.assert(
      fc.property(text, text, text, fc.integer({ min: 1, max: 99 }), (project, place, fact, attempt) => {
        const keys = createKeyDerivation(project);
        const namespace = v5(`urn:disburse:v1:${project}`, v5.URL);
        expect(keys.idempotencyKey('payment', place, attempt)).toBe(v5(`payment:${place}:${attempt}`, namespace));
        expect(keys.alertId({ alert: 'refunded', about: place, fact })).toBe(v5(`alert:refunded:${place}:${fact}`, namespace));
        const name = `result:${place}:${attempt}:unknown:${attempt}`;
        expect(keys.eventId({ place, attempt, status: 'unknown', sequence: attempt })).toBe(v5(name, namespace));
      }),
      { numRuns: 2_000, seed: 1 },
    );
  });
});
