import { describe, expect, it } from 'vitest';
import { createSeal } from '../../../src/ledger/seal.ts';
import { ledgerKey } from './data-dir.ts';

const seal = createSeal(ledgerKey);
const context = { recordId: 'inv-1', attempt: 1 };
const body = Buffer.from('{"iban":"DE89370400440532013000"}');

describe('seal', () => {
  it.each([0, 1, 700, 70_000])('gives %i bytes back exactly', (size) => {
    const bytes = Buffer.alloc(size, 'abc');
    expect(Buffer.from(seal.open(seal.close(bytes, context), context))).toEqual(bytes);
  });

  it('opens what an earlier process sealed', () => {
    expect(Buffer.from(createSeal(ledgerKey).open(seal.close(body, context), context))).toEqual(body);
  });

  it('shows nothing of the body', () => {
    expect(Buffer.from(seal.close(body, context)).includes('DE89')).toBe(false);
  });

  it('takes a new nonce for every body, beyond one filling of the pool', () => {
    const nonces = new Set(Array.from({ length: 2_000 }, () => Buffer.from(seal.close(body, context)).toString('hex', 0, 12)));
    expect(nonces.size).toBe(2_000);
  });

  it.each([0, 12, 30, -1])('refuses a body whose byte %i was changed', (index) => {
    const sealed = Buffer.from(seal.close(body, context));
    const at = index < 0 ? sealed.length + index : index;
    sealed[at] = (sealed[at] ?? 0) ^ 1;
    expect(() => seal.open(sealed, context)).toThrow(/authenticate/);
  });

  it('refuses a body under another record, attempt or key, and a truncated one', () => {
    const sealed = seal.close(body, context);
    expect(() => seal.open(sealed, { ...context, recordId: 'inv-2' })).toThrow(/authenticate/);
    expect(() => seal.open(sealed, { ...context, attempt: 2 })).toThrow(/authenticate/);
    expect(() => createSeal(Buffer.alloc(32, 8)).open(sealed, context)).toThrow(/authenticate/);
    expect(() => seal.open(sealed.subarray(0, -1), context)).toThrow(/authenticate/);
    expect(() => seal.open(sealed.subarray(0, 20), context)).toThrow(RangeError);
  });
});
