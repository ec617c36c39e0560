import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Occurrence } from '../../../batches/instruction/instruction.ts';
import { recordEvent, rejectedEvent } from '../../../batches/record/result-event.ts';
import { resultMembers } from '../../../batches/record/result-members.ts';
import { at, batchA, keys, queuedRecord, refused } from '../../support/builders.ts';

const membersOf = (json: string): object => {
  const { record_id, kind, status, occurred_at } = JSON.parse(json) as Record<string, unknown>;
  return { record_id, kind, status, occurred_at };
};
const picked = (json: string): object => {
  const { record_id, kind, status, occurred_at } = resultMembers(json);
  return { record_id, kind, status, occurred_at };
};

const odd = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('"', '\\', '}', '{', '","occurred_at":"2020"', '},"version":1,"record_id":"x","kind":"payout",', 'may, "final".csv'),
);
const occurrences = fc.oneof(
  fc.record({ file: odd, line: fc.nat() }).map((source): Occurrence => ({ stream: `file:${batchA}`, position: source.line, source })),
  fc
    .record({ topic: odd, partition: fc.nat(), offset: fc.nat().map(String) })
    .map((source): Occurrence => ({ stream: 'topic:t:0', position: 1, source })),
);

describe('the members of a result event that are needed on its way out', () => {
  it('are those that parsing all of it shows, whatever its place, batch, metadata and reason', () => {
    fc.assert(
      fc.property(occurrences, odd, odd, fc.boolean(), (occurrence, batchId, text, isRefused) => {
        const metadata = { record_id: text, kind: text, status: text, occurred_at: text };
        const reason = { code: 'session_not_shown', description: text };
        const content = refused({ recordId: undefined, kind: undefined, metadata });
        const event =
          isRefused && content.type === 'refused'
            ? rejectedEvent(keys, { occurrence, batchId, sequence: 1, at, refusal: content.refusal })
            : recordEvent(keys, queuedRecord({ status: 'in_progress', occurrence, batchId, metadata, reason }), at);
        const json = JSON.stringify(event);
        expect(picked(json)).toEqual(membersOf(json));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['an alert', '{"event_id":"1","version":1,"alert":"refund","occurred_at":"2026-01-01T00:00:00.000Z","record_id":"inv-1"}'],
    ['an event without a record id', '{"event_id":"1","metadata":{"record_id":"other"},"status":"rejected"}'],
    ['an event in another order', '{"record_id":"inv-1","status":"failed","event_id":"1"}'],
  ])('are those of %s too', (_what, json) => {
    expect(picked(json)).toEqual(membersOf(json));
  });
});
