import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { find, valuesOf } from '../../../batches/event/values.ts';
import type { Json, JsonObject, Kind } from '../../../batches/instruction/instruction.ts';
import { members, slotOf } from '../../../batches/instruction/members.ts';

const slotsToSkip = new Set([slotOf('record_id'), slotOf('iban')]);
const placesOf = (kind: Kind) =>
  members.flatMap(({ places }, slot) =>
    places.filter((place) => place.kind === undefined || place.kind === kind).map(({ path }) => ({ slot, keys: path.split('.') })),
  );

/** An object with these texts at their places; digits among the keys are items of a list. */
function put(object: Record<string, Json>, [key = '', ...rest]: readonly string[], value: Json): void {
  if (rest.length === 0) object[key] = value;
  else {
    const below = (object[key] ??= rest[0] === '0' ? [] : {}) as Record<string, Json>;
    if (typeof below === 'object') put(below, rest, value);
  }
}

describe('the texts of an event by slot', () => {
  it.each(['payout', 'payment'] as const)('of a %s are what is at their places, the last one where a slot has several', (kind) => {
    const places = placesOf(kind);
    const several = places.filter(({ slot }, index) => places.findIndex((other) => other.slot === slot) < index);
    expect(several.length).toBeGreaterThan(kind === 'payout' ? 0 : -1);
    const value = fc.oneof(fc.constantFrom<Json>('', 'text', 'other', null, 7, true, false, { a: 'b' }, []), fc.string());
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...places, ...several), value)), (filled) => {
        const event: Record<string, Json> = {};
        for (const [{ keys }, one] of filled) put(event, keys, one);
        const expected: (string | undefined)[] = [];
        for (const { slot, keys } of places) {
          const one = find(event, keys);
          if (typeof one === 'string' && one !== '') expected[slot] = one;
          else if (typeof one === 'boolean' && slot === slotOf('recurrent')) expected[slot] = String(one);
        }
        const found = valuesOf(event as JsonObject, kind);
        for (const [slot, one] of found.entries()) if (!slotsToSkip.has(slot)) expect([slot, one]).toEqual([slot, expected[slot]]);
      }),
      { numRuns: 1_000 },
    );
  });
});
