import { describe, expect, it } from 'vitest';
import { mayBe, readMerchantMetadata } from '../../../batches/reconciliation/merchant-metadata.ts';

const deep = (levels: number, inner: string): string => `{"record_id":"inv-1","a":${'['.repeat(levels)}${inner}${']'.repeat(levels)}}`;

describe('metadata in the report', () => {
  it.each([
    ['our object', '{"record_id":"inv-1","attempt":2,"idempotency_key":"k"}', { recordId: 'inv-1', attempt: 2, idempotencyKey: 'k' }],
    ['our object behind members of the caller', '{"invoice":7,"record_id":"inv-1","attempt":1}', { recordId: 'inv-1', attempt: 1 }],
    ['an attempt as text', '{"record_id":"inv-1","attempt":"1"}', { attempt: 1 }],
    ['an attempt that is no whole number', '{"record_id":"inv-1","attempt":1.5}', { attempt: null }],
    ['no attempt', '{"record_id":"inv-1"}', { attempt: null, idempotencyKey: null }],
  ])('with %s is whole', (_title, text, expected) => {
    expect(readMerchantMetadata(text)).toMatchObject({ type: 'whole', ...expected });
  });

  it.each([
    ['inside the record id', '{"record_id":"inv-', 'inv-', false],
    ['behind the record id', '{"record_id":"inv-1",', 'inv-1', true],
    ['behind members of the caller', '{"invoice":7,"record_id":"inv-1","at', 'inv-1', true],
    ['to plain text', 'inv-1', 'inv-1', false],
    ['to digits', '20261121', '20261121', false],
    ['to a JSON text', '"inv-1"', 'inv-1', false],
  ])('that is cut %s hints at a record id', (_title, text, idPrefix, isWholeId) => {
    expect(readMerchantMetadata(text)).toEqual({ type: 'cut', idPrefix, isWholeId });
  });

  it.each([
    ['is empty', ' '],
    ['is cut before the record id', '{"record_'],
    ['is of another form', '{"invoice":7}'],
    ['has the record id in a member of the caller', '{"order":{"record_id":"inv-1"'],
    ['has the record id in a list of the caller', '{"orders":[{"record_id":"inv-1"}],"x'],
    ['is text that can be no record id', 'invoice of May'],
  ])('that %s says nothing', (_title, text) => {
    expect(readMerchantMetadata(text)).toEqual({ type: 'none' });
  });

  it.each([
    ['has a member twice', '{"record_id":"inv-1","record_id":"inv-2","attempt":1}'],
    ['is nested deeper than any of ours', deep(20_000, '1.5')],
    ['is nested deeper than any of ours, and cut', deep(20_000, '').slice(0, 15_000)],
  ])('that %s is ambiguous', (_title, text) => {
    expect(readMerchantMetadata(text)).toEqual({ type: 'ambiguous' });
  });

  it('that is cut behind a record id is of no longer one', () => {
    const whole = { type: 'cut', idPrefix: 'inv-1', isWholeId: true } as const;
    expect([mayBe(whole, 'inv-1'), mayBe(whole, 'inv-12'), mayBe({ ...whole, isWholeId: false }, 'inv-12')]).toEqual([true, false, true]);
  });
});
