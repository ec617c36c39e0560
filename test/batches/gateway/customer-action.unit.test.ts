import { describe, expect, it } from 'vitest';
import { readCustomerAction } from '../../../batches/gateway/customer-action.ts';

const url = 'https://bank.example/3ds?id=1';

describe('what a payer has to do', () => {
  it.each([
    ['flat', { type: 'redirect', url, method: 'POST', params: { MD: 'a', step: 2 } }],
    ['under the name of its type', { type: 'redirect', redirect: { url, method: 'post', params: { MD: 'a', step: 2 } } }],
    [
      'with members that are not known',
      { type: 'redirect', token: 't', redirect: { url, method: 'POST', params: { MD: 'a', step: 2 }, qs: {}, secret: 's' } },
    ],
  ])('is read %s', (_, shown) => {
    expect(readCustomerAction(shown)).toEqual({ type: 'redirect', url, method: 'POST', params: { MD: 'a', step: '2' } });
  });

  it('may have a type only', () => {
    expect(readCustomerAction({ type: 'inform' })).toEqual({ type: 'inform' });
    expect(readCustomerAction({ type: 'redirect', redirect: { url: null, params: [] } })).toEqual({ type: 'redirect' });
  });

  it.each([undefined, null, 'confirm', 7, [], {}, { type: 7 }, { type: '' }, { type: '<b>' }, { type: 'x'.repeat(65) }, { url }])(
    'is nothing for %j',
    (shown) => {
      expect(readCustomerAction(shown)).toBeNull();
    },
  );

  it.each([
    ['a script for a URL', { url: 'javascript:alert(1)' }],
    ['a file for a URL', { url: 'file:///etc/passwd' }],
    ['a URL with a password', { url: 'https://a:b@bank.example/' }],
    ['a URL that is none', { url: 'bank.example' }],
    ['a URL that is too long', { url: `https://bank.example/${'a'.repeat(2_048)}` }],
    ['another method', { url, method: 'DELETE' }],
    ['parameters that are no object', { url, params: 'a=b' }],
    ['a parameter that is an object', { url, params: { a: {} } }],
    ['a card number', { url, params: { pan: '4242424242424242' } }],
    ['too many parameters', { url, params: Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`p${index}`, 'v'])) }],
    ['parameters that are too long', { url, params: { PaReq: 'x'.repeat(8_192) } }],
  ])('is its type only with %s', (_, redirect) => {
    expect(readCustomerAction({ type: 'redirect', redirect })).toEqual({ type: 'redirect' });
  });

  it('has the members of parameters as they are, whatever their names', () => {
    const params = JSON.parse('{"__proto__":"a","constructor":"b"}') as object;
    const action = readCustomerAction({ type: 'redirect', url, params });
    expect(Object.entries(action?.params ?? {})).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
  });
});
