/** The formulas of docs/results.md, computed as they stand there by a library of others. */
import { v5 } from 'uuid';
import { expect, it } from 'vitest';
import { createKeyDerivation } from '../../batches/record/idempotency-key.ts';
import { resultSchema } from '../../batches/record/result-event.ts';
import { page } from './pages.ts';

const text = page('docs/results.md');
const events = text.split('\n').flatMap((line) => (line.startsWith('{"event_id"') ? [resultSchema.parse(JSON.parse(line))] : []));
const namespace = v5('urn:disburse:v1:tour', v5.URL);

it('the examples are result events', () => {
  expect(events.map((event) => event.status)).toEqual(['succeeded', 'conflict']);
});

it.each(events.map((event) => [event.status, event] as const))('the ids of the %s example follow from the formulas', (_status, event) => {
  const line = 'line' in event.source ? event.source.line : 0;
  const place = `file:${event.batch_id}:${line}`;
  expect(event.event_id).toBe(v5(`result:${place}:1:${event.status}`, namespace));
  expect(createKeyDerivation('tour').eventId({ place, attempt: 1, status: event.status, sequence: event.sequence })).toBe(event.event_id);
  const key = v5(`${event.kind}:${event.record_id}:1`, namespace);
  // What was never sent has no key.
  expect(event.idempotency_key).toBe(event.attempt === undefined ? undefined : key);
});

it('the worked example shows what comes out', () => {
  const [first] = events;
  for (const id of [namespace, first?.idempotency_key, first?.event_id]) expect(text).toContain(`# ${id}`);
});
