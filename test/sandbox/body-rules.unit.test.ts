import { describe, expect, it } from 'vitest';
import { bodyError } from '../../sandbox/body-rules.ts';
import type { Json } from '../../sandbox/body-rules.ts';
import { paymentBody, payoutBody } from './gateway-calls.ts';

const copy = (body: unknown): Json => JSON.parse(JSON.stringify(body)) as Json;

/** The body with one member set, or taken away by `undefined`. */
function withMember(body: unknown, path: string, value: unknown): Json {
  const changed = copy(body) as Record<string, unknown>;
  const names = path.split('.');
  const last = names.pop() ?? '';
  let at = changed;
  for (const name of names) at = at[name] as Record<string, unknown>;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy(changed);
}

const bank = 'payment_method.bank_account.global';
const card = 'payment_details.card.bank_card';

describe('a payout', () => {
  it.each([
    ['the documented sample', payoutBody()],
    ['with its placeholder', withMember(payoutBody(), `${bank}.iban`, 'NUMBER_VALUE')],
    ['metadata as a text', payoutBody('good')],
    ['metadata as an integer', payoutBody(7)],
    ['metadata as an object', payoutBody({ record_id: 'a', deep: { er: [1] } })],
    ['without participants', withMember(payoutBody(), 'participant_details', undefined)],
    ['another country', withMember(payoutBody(), bank, { description: 'd', clabe: '002010077777777771' })],
    ['unknown members', withMember(payoutBody(), 'something', { new: true })],
    [
      'a wallet',
      withMember(payoutBody(), 'payment_method', {
        type: 'wallet',
        wallet: { type: 'global', global: { name: 'n', description: 'd', msisdn: '1' } },
      }),
    ],
    [
      'a card',
      withMember(payoutBody(), 'payment_method', { type: 'card', card: { type: 'bank_card', bank_card: { number: '4242424242424242' } } }),
    ],
    [
      'a hash',
      withMember(payoutBody(), 'payment_method', { type: 'card', card: { type: 'encrypted_card', encrypted_card: { number_hash: 'h' } } }),
    ],
    [
      'a token',
      withMember(payoutBody(), 'payment_method', { type: 'card', card: { type: 'tokenized_card', tokenized_card: { token: 't' } } }),
    ],
  ])('is accepted: %s', (_, body) => {
    expect(bodyError('payout', copy(body))).toBeUndefined();
  });

  it.each([
    ['payment_method', undefined],
    ['payment_method', 'bank_account'],
    ['payment_method.type', 'cash'],
    ['payment_method.type', '__proto__'],
    ['payment_method.bank_account', undefined],
    ['payment_method.bank_account.system_type', 'local'],
    [bank, undefined],
    [`${bank}.description`, undefined],
    [`${bank}.description`, ' '],
    [`${bank}.iban`, 'DE89 3704 0044 0532 0130 00'],
    [`${bank}.sort_code`, '123456'],
    [`${bank}.bsb_number`, '12345'],
    [`${bank}.routing_code`, '12345678'],
    [`${bank}.account_type`, 'checking'],
    ['amount_details', undefined],
    ['amount_details.amount', undefined],
    ['amount_details.amount', 0],
    ['amount_details.amount', -1],
    ['amount_details.amount', 10.5],
    ['amount_details.amount', '1000'],
    ['amount_details.amount', 2 ** 53],
    ['amount_details.currency', 'us'],
    ['amount_details.currency', 840],
    ['metadata', true],
    ['metadata', [1]],
    ['metadata', 1.5],
    ['metadata', null],
    ['customer', 'user123'],
    ['customer', { contacts: ['user@example.com'] }],
    ['participant_details', []],
    ['participant_details.sender.company_name', '123'],
    ['participant_details.sender.company_name', 'x'.repeat(101)],
    ['participant_details.sender.registration_number', '1'.repeat(65)],
    ['participant_details.recipient.country_iso3', 'BE'],
  ])('is rejected: %s = %j', (path, value) => {
    expect(bodyError('payout', withMember(payoutBody(), path, value))).toMatch(`${path}`);
  });

  it('requires an account beside the description', () => {
    expect(bodyError('payout', withMember(payoutBody(), bank, { description: 'd' }))).toMatch(/^payment_method.bank_account.global: /);
  });

  it.each([null, [], 'text', 1])('must be an object, not %j', (body) => {
    expect(bodyError('payout', body)).toBe('body: expected an object');
  });
});

describe('a payment', () => {
  it.each([
    ['the documented sample', paymentBody()],
    ['recurrent', withMember(paymentBody(), 'payment_details', { type: 'recurrent', recurrent: { token: 't', initiator: 'merchant' } })],
    ['without options', withMember(paymentBody(), 'payment_options', undefined)],
  ])('is accepted: %s', (_, body) => {
    expect(bodyError('payment', copy(body))).toBeUndefined();
  });

  it.each([
    ['payment_details', undefined],
    ['payment_details.type', 'bank_account'],
    ['customer', undefined],
    [`${card}.number`, '4242 4242 4242 4242'],
    [`${card}.expiration_month`, '13'],
    [`${card}.expiration_month`, 5],
    [`${card}.expiration_year`, '2035'],
    [`${card}.security_code`, undefined],
    ['payment_options.recurrent', 'true'],
  ])('is rejected: %s = %j', (path, value) => {
    const complaint = bodyError('payment', withMember(paymentBody(), path, value));
    expect(complaint).toMatch(path);
    expect(complaint).not.toMatch(/4242/);
  });
});
