import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKeyedHash } from '../../../batches/audit/keyed-hash.ts';

describe('a keyed hash', () => {
  it("of any text under any key is Node's HMAC-SHA-256, in the order of the calls", () => {
    const texts = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.constant('\ud800é\udfff')), {
      minLength: 1,
    });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), texts, (key, all) => {
        const keyedHash = createKeyedHash(key);
        for (const text of all) {
          expect(keyedHash([text], 'hex')).toBe(createHmac('sha256', key).update(text).digest('hex'));
          expect(keyedHash([text], 'base64url')).toBe(createHmac('sha256', key).update(text).digest('base64url'));
        }
      }),
    );
  });

  it.each([1_364, 1_365, 1_366, 4_095, 4_096, 4_097, 70_000])(
    'of a text of %i characters is the same, of one byte or three each',
    (length) => {
      const key = Buffer.alloc(32, 7);
      const keyedHash = createKeyedHash(key);
      for (const text of ['a'.repeat(length), '€'.repeat(length), 'b'])
        expect(keyedHash([text], 'hex')).toBe(createHmac('sha256', key).update(text).digest('hex'));
    },
  );

  it('of parts is that of the text that they make', () => {
    const keyedHash = createKeyedHash(Buffer.alloc(32, 7));
    for (const length of [0, 1, 500, 5_000]) {
      const parts = ['a'.repeat(length), '', '\n', '€'.repeat(length), 'b'];
      expect(keyedHash(parts, 'hex')).toBe(keyedHash([parts.join('')], 'hex'));
    }
  });

  it('refuses a key of more than a block, which HMAC would hash first', () => {
    expect(() => createKeyedHash(Buffer.alloc(65))).toThrow(RangeError);
  });
});
