/** Our canonical JSON and our names against the packages canonicalize and uuid, on values that were not written for them. */
import assert from 'node:assert/strict';
import canonicalize from 'canonicalize';
import * as fc from 'fast-check';
import { v5 } from 'uuid';
import type { Json } from '../../batches/instruction/instruction.ts';
import { canonicalJson } from '../../batches/record/canonical-json.ts';
import { createKeyDerivation } from '../../batches/record/idempotency-key.ts';
import { createDice } from '../../simulation/dice.ts';
import { mutate } from './mutator.ts';
import { targets } from './targets.ts';

export interface Draws {
  readonly seed: number;
  readonly count: number;
}

function checkJson(value: unknown): void {
  let ours: string | undefined;
  try {
    ours = canonicalJson(value as Json);
  } catch (error) {
    assert.ok(error instanceof RangeError, String(error));
  }
  if (ours !== undefined) {
    assert.equal(ours, canonicalize(value));
    return;
  }
  // The package writes halves of surrogate pairs, and the RFC forbids them; JSON has no infinite number.
  const text = JSON.stringify(value, (_name, one: unknown) => (one === Infinity || one === -Infinity ? '\ud800' : one));
  assert.match(text, /\\ud[89a-f]/, 'what is refused has half of a surrogate pair or an infinite number');
}

/** @throws with the value, shrunk, and fast-check's seed and path */
export function compareJson({ seed, count }: Draws): void {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' }), checkJson), { numRuns: count, seed });
  fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), checkJson), { numRuns: count, seed });
}

/** @returns how many of the edited texts were JSON at all */
export function compareEditedEvents({ seed: first, count }: Draws): number {
  const target = targets['event']?.();
  if (target === undefined) throw new Error('there is no such target');
  let parsed = 0;
  for (let seed = first; seed < first + count; seed += 1) {
    const text = mutate({ ...target, maxBytes: 20_000 }, createDice(seed)).toString('utf8');
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      continue;
    }
    parsed += 1;
    if (!/\[{500}|(?:\{"a":){500}/.test(text)) checkJson(value);
  }
  return parsed;
}

export function compareNames({ seed, count }: Draws): void {
  const text = fc.string({ unit: 'binary', maxLength: 80 }).filter((one) => one.isWellFormed());
  fc.assert(
    fc.property(text, text, text, fc.integer({ min: 1, max: 99 }), (project, place, fact, attempt) => {
      const keys = createKeyDerivation(project);
      const namespace = v5(`urn:disburse:v1:${project}`, v5.URL);
      assert.equal(keys.idempotencyKey('payment', place, attempt), v5(`payment:${place}:${attempt}`, namespace));
      assert.equal(keys.alertId({ alert: 'refunded', about: place, fact }), v5(`alert:refunded:${place}:${fact}`, namespace));
      const name = `result:${place}:${attempt}:unknown:${attempt}`;
      assert.equal(keys.eventId({ place, attempt, status: 'unknown', sequence: attempt }), v5(name, namespace));
    }),
    { numRuns: count, seed },
  );
}
