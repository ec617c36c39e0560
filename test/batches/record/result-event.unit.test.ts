import { describe, expect, it } from 'vitest';
import { v5 as uuidV5 } from 'uuid';
import { createKeyDerivation } from '../../../batches/record/idempotency-key.ts';
import { readResultEvent, recordEvent, resultSchema } from '../../../batches/record/result-event.ts';
import { isFinal, isPublished, statuses, type RecordStatus } from '../../../batches/record/status.ts';
import { at, queuedRecord, sentRecord } from '../../support/builders.ts';

const keys = createKeyDerivation('shop');
const namespace = uuidV5('urn:disburse:v1:shop', uuidV5.URL);
const recordStatuses = statuses.filter((status): status is RecordStatus => status !== 'conflict' && status !== 'duplicate');

describe('a result with a trace', () => {
  const event = recordEvent(keys, sentRecord({ status: 'succeeded', sequence: 3 }), at);
  const traced = (traceparent: string) => ({ ...event, source: { ...event.source, traceparent } });

  it('is written only with a trace in the form of W3C Trace Context, and read with any', () => {
    const good = traced(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`);
    const odd = traced('01-odd');
    expect(resultSchema.safeParse(good).success).toBe(true);
    expect(resultSchema.safeParse(odd).success).toBe(false);
    for (const one of [good, odd]) expect(readResultEvent(JSON.stringify(one))).toEqual(one);
  });
});

describe('the result event of a record', () => {
  it.each(recordStatuses.filter((status) => isPublished[status]))(
    'with status %s fits the schema, and its id follows from the formula',
    (status) => {
      const record = sentRecord({ status, sequence: 3, sessionId: 'ps_1', entryId: 'po_1', metadata: { order: '77' } });
      const event = resultSchema.parse(recordEvent(keys, record, at));
      const place = `${record.occurrence.stream}:${record.occurrence.position}`;
      expect(event).toEqual({
        event_id: uuidV5(`result:${place}:1:${status}${isFinal[status] ? '' : ':3'}`, namespace),
        sequence: 3,
        record_id: 'inv-1',
        kind: 'payout',
        status,
        final: isFinal[status],
        batch_id: record.batchId,
        source: { file: 'may.csv', line: 2 },
        idempotency_key: uuidV5('payout:inv-1:1', namespace),
        attempt: 1,
        key_lifetime_ms: 43_200_000,
        idempotency_header: 'X-PARTNER-IDEMPOTENCY-KEY',
        amount_details: { amount: 1230, currency: 'EUR' },
        session_id: 'ps_1',
        entry_id: 'po_1',
        destination: 'DE**…3000',
        metadata: { order: '77' },
        fingerprint: 'print',
        occurred_at: '2026-11-21T08:00:00.000Z',
        version: 1,
      });
    },
  );

  it.each(['queued', 'submitting'] as const)('does not exist for status %s', (status) => {
    expect(() => recordEvent(keys, sentRecord({ status }), at)).toThrow(TypeError);
  });

  it('has no key and no attempt when nothing was sent, and its reason as the error', () => {
    const reason = { code: 'batch_refused', description: 'Nothing was paid.' };
    const event = recordEvent(keys, queuedRecord({ status: 'rejected', sequence: 1, reason, destination: undefined }), at);
    expect(resultSchema.parse(event)).toMatchObject({ status: 'rejected', error: reason });
    for (const member of ['idempotency_key', 'attempt', 'session_id', 'entry_id', 'destination', 'metadata'])
      expect(event).not.toHaveProperty(member);
  });

  it('has no member beside those of the contract', () => {
    const event = recordEvent(keys, sentRecord({ status: 'succeeded', sequence: 1 }), at);
    expect(resultSchema.safeParse({ ...event, extra: 1 }).success).toBe(false);
    expect(resultSchema.safeParse({ ...event, status: 'submitting' }).success).toBe(false);
    expect(resultSchema.safeParse({ ...event, sequence: 0 }).success).toBe(false);
  });
});

describe('reading a result event', () => {
  const event = recordEvent(keys, sentRecord({ status: 'succeeded', sequence: 1 }), at);
  const read = (value: unknown) => readResultEvent(JSON.stringify(value));

  it('accepts and keeps members that it does not know, in nested objects too', () => {
    const newer = { ...event, region: 'eu', source: { ...event.source, sheet: 'May' } };
    expect(read(newer)).toEqual(newer);
  });

  it('accepts an event without a version, as older ones are', () => {
    const { version: _, ...older } = event;
    expect(read(older)).toEqual(older);
  });

  it.each([
    ['an event of a version that is not known', { ...event, version: 2 }],
    ['an event with a status that is not known', { ...event, status: 'paused' }],
    ['an event without its id', { ...event, event_id: undefined }],
    ['another object', {}],
    ['a text', 'succeeded'],
    ['null', null],
  ])('returns undefined for %s', (_, value) => {
    expect(read(value)).toBeUndefined();
  });

  it('returns undefined for an event with a member twice', () => {
    const text = JSON.stringify(event);
    expect(readResultEvent(text)).toEqual(event);
    expect(readResultEvent(text.replace('"status":', '"status":"failed","status":'))).toBeUndefined();
  });

  it('returns undefined for text that is not JSON', () => {
    expect(readResultEvent('{"event_id":')).toBeUndefined();
  });
});
