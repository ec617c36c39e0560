import { describe, expect, it } from 'vitest';
import { slotOf } from '../../../src/redis/slots.ts';
import { addressOf, urlAt, urlsOf } from '../../../src/redis/urls.ts';

describe('the slot of a key', () => {
  // As CLUSTER KEYSLOT of Redis answers.
  it.each([
    ['123456789', 12_739],
    ['foo', 12_182],
    ['{foo}bar', 12_182],
    ['foo{}{bar}', 8_363],
    ['foo{{bar}}zap', 4_015],
    ['disburse:{07}:meta', 801],
    ['ключ', 10_303],
  ])('of %s is %i', (key, slot) => {
    expect(slotOf(key)).toBe(slot);
  });
});

describe('a list of URLs', () => {
  it('ends a URL at a comma only where another one begins', () => {
    expect(urlsOf('redis://:a,b@one:1 , redis://:a,b@two:2')).toEqual(['redis://:a,b@one:1', 'redis://:a,b@two:2']);
    expect(urlsOf('redis://one')).toEqual(['redis://one']);
  });
  it('is shown without passwords', () => {
    expect(addressOf('rediss://payer:s3cret@one:1,rediss://payer:s3cret@two')).toBe(
      'rediss://payer:***@one:1, rediss://payer:***@two:6379',
    );
  });
  it('gives its user, password and protocol to another address', () => {
    expect(urlAt('rediss://payer:s3%2Ccret@one:1/0', '10.0.0.7', 7_000)).toBe('rediss://payer:s3%2Ccret@10.0.0.7:7000');
    expect(urlAt('redis://one', '::1', 7_000)).toBe('redis://[::1]:7000');
  });
});
