import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { eventBounds } from '../../../batches/instruction/bounds.ts';
import { readInstructionEvent } from '../../../batches/event/parse-event.ts';
import { instructionSchema } from '../../../batches/event/schema.ts';
import { kinds, type ParseResult } from '../../../batches/instruction/instruction.ts';
import { routeNames } from '../../../batches/instruction/templates.ts';
import { at, rowOf, samplePayment, samplePayout } from '../../support/builders.ts';
import { codesOf, parseRow, problemsOf, validOf } from '../../support/parsing.ts';

const read = (value: unknown, maxAmount?: ReadonlyMap<string, bigint>): ParseResult =>
  readInstructionEvent(value, maxAmount === undefined ? { now: at } : { now: at, maxAmount });

type Json = Record<string, unknown>;

/** A copy of an object with the member at a path otherwise; undefined takes it away. */
const withMember = (object: Json, path: string, value: unknown): Json => {
  const copy = structuredClone(object);
  const keys = path.split('.');
  const last = keys.pop() as string;
  const parent = keys.reduce<Json>((found, key) => (found[key] ??= {}) as Json, copy);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
};

const iban = 'payment_method.bank_account.global.iban';
const payout = withMember({ record_id: 'inv-1', kind: 'payout', ...samplePayout }, iban, 'BE68539007547034');
const payment = withMember(
  { record_id: 'order-1', kind: 'payment', ...samplePayment },
  'payment_details.card.bank_card.expiration_year',
  '29',
);

const codes = (event: Json, path: string, value: unknown): string[] => codesOf(read(withMember(event, path, value)));

describe('the samples of the vendor', () => {
  it('are valid once the IBAN is one and the card has not expired', () => {
    expect(validOf(read(payout))).toMatchObject({
      recordId: 'inv-1',
      kind: 'payout',
      amountMinor: 1000n,
      currency: 'USD',
      hasCardNumber: false,
      destination: 'BE**…7034',
    });
    expect(validOf(read(payment))).toMatchObject({
      recordId: 'order-1',
      kind: 'payment',
      amountMinor: 10000n,
      currency: 'USD',
      hasCardNumber: true,
      destination: '424242…4242',
    });
  });

  it('are sent as they are', () => {
    const { record_id: _r, kind: _k, ...body } = payout;
    expect(validOf(read(payout)).body).toEqual(body);
  });

  it('are not valid before', () => {
    expect(codesOf(read({ record_id: 'a', kind: 'payout', ...samplePayout }))).toEqual([`iban_format@${iban}`]);
    expect(codesOf(read({ record_id: 'a', kind: 'payment', ...samplePayment }))).toEqual([
      'card_expired@payment_details.card.bank_card.expiration_year',
    ]);
  });
});

describe('an event', () => {
  const everyRoute = kinds.flatMap((kind) => routeNames(kind).map((route) => [kind, route] as const));

  it.each(everyRoute)('of %s by %s is the same draft as the row', (kind, route) => {
    const row = validOf(parseRow(rowOf(kind, route, { 'metadata.order': '77' })));
    expect(validOf(read({ record_id: row.recordId, kind, metadata: row.metadata, ...row.body }))).toEqual(row);
  });

  it('is normalised like a row', () => {
    const changed = withMember(withMember(payout, iban, 'be68 5390 0754 7034'), 'amount_details.currency', 'USD');
    expect(validOf(read(withMember(changed, 'participant_details.recipient.currency', 'EUR')))).toEqual(validOf(read(payout)));
  });

  it('lets unknown members of the gateway pass, and no others', () => {
    const event = withMember(withMember(payout, 'payment_method.bank_account.global.nick', 'x'), 'amount_details.note', [1, { a: null }]);
    expect(JSON.stringify(validOf(read(event)).body)).toContain('"nick":"x"');
    expect(JSON.stringify(validOf(read(event)).body)).toContain('"note":[1,{"a":null}]');
    const [problem] = problemsOf(read({ ...payout, metdata: {} }));
    expect(problem).toMatchObject({
      code: 'unknown_member',
      column: 'metdata',
      message: expect.stringContaining('did you mean metadata?'),
    });
  });

  it('with a card number in an unknown member is sensitive', () => {
    expect(validOf(read(withMember(payout, 'participant_details.recipient.extra', '4242 4242 4242 4242'))).hasCardNumber).toBe(true);
    expect(validOf(read(withMember(payout, 'participant_details.recipient.extra', 4242424242424242))).hasCardNumber).toBe(true);
  });

  it.each([
    ['kind', undefined, ['member_missing@kind']],
    ['kind', 'Payout', ['kind_unknown@kind']],
    ['kind', 5, ['kind_unknown@kind']],
    ['kind', ['payout'], ['kind_unknown@kind']],
    ['kind', { toString: 1, valueOf: 1 }, ['kind_unknown@kind']],
    ['record_id', undefined, ['member_missing@record_id']],
    ['record_id', '', ['member_missing@record_id']],
    ['record_id', 7, ['wrong_type@record_id']],
    ['record_id', 'a b', ['record_id_format@record_id']],
    ['record_id', '4242424242424242', ['card_number_misplaced@record_id']],
    ['batch_id', 'may-1', []],
    ['batch_id', 'may 1', ['batch_id_format@batch_id']],
    ['batch_id', 'a'.repeat(64), ['batch_id_reserved@batch_id']],
    ['batch_id', 'A1'.repeat(32), ['batch_id_reserved@batch_id']],
    ['batch_id', 5, ['wrong_type@batch_id']],
    ['amount_details', undefined, ['member_missing@amount_details']],
    ['amount_details.amount', undefined, ['member_missing@amount_details.amount']],
    ['amount_details.amount', '1000', ['wrong_type@amount_details.amount']],
    ['amount_details.amount', 10.5, ['amount_format@amount_details.amount']],
    ['amount_details.amount', 0, ['amount_zero@amount_details.amount']],
    ['amount_details.amount', -1, ['amount_negative@amount_details.amount']],
    ['amount_details.amount', 9007199254740991, []],
    ['amount_details.amount', 9007199254740992, ['amount_too_large@amount_details.amount']],
    ['amount_details.currency', 'BGN', ['currency_withdrawn@amount_details.currency']],
    ['amount_details.currency', '', ['empty_value@amount_details.currency']],
    ['payment_method', undefined, ['member_missing@payment_method']],
    ['payment_method', 'iban', ['wrong_type@payment_method']],
    ['payment_method.type', 'crypto', ['method_unknown@payment_method.type']],
    ['payment_method.type', undefined, ['member_missing@payment_method.type']],
    ['payment_method.bank_account.system_type', 'local', ['method_unknown@payment_method.bank_account.system_type']],
    ['payment_method.card', { type: 'bank_card', bank_card: { number: '4242424242424242' } }, ['method_ambiguous']],
    [iban, undefined, [`member_missing@${iban}`]],
    [iban, 5, [`wrong_type@${iban}`]],
    [iban, null, [`wrong_type@${iban}`]],
    [iban, 'BE68539007547035', [`iban_check_digits@${iban}`]],
    [iban, '1.23457E+11', [`excel_scientific@${iban}`]],
    ['payment_method.bank_account.global.description', undefined, ['member_missing@payment_method.bank_account.global.description']],
    ['participant_details.recipient.first_name', undefined, ['member_missing@participant_details.recipient.first_name']],
    ['participant_details.recipient.first_name', 'Jo\u200bhn', ['invisible_character@participant_details.recipient.first_name']],
    ['participant_details.sender.company_name', '12345', ['company_name_digits@participant_details.sender.company_name']],
    ['payment_details', {}, ['not_for_kind@payment_details']],
    ['payment_options', {}, ['not_for_kind@payment_options']],
    ['source', 'x', ['unknown_member@source']],
    ['metadata', 'text', []],
    ['metadata', 5, []],
    ['metadata', { a: { b: [1, 'x', null] } }, []],
    ['metadata', 5.5, ['metadata_type@metadata']],
    ['metadata', [], ['metadata_type@metadata']],
    ['metadata', null, ['metadata_type@metadata']],
    ['metadata', true, ['metadata_type@metadata']],
    ['metadata', { record_id: 'inv-1', attempt: 1 }, []],
    ['metadata', { record_id: 'inv-2' }, ['metadata_record_id@metadata.record_id']],
    ['metadata', { attempt: 2 }, ['metadata_attempt@metadata.attempt']],
    ['metadata', { idempotency_key: 'k' }, ['metadata_idempotency_key@metadata.idempotency_key']],
    ['metadata', { attempt: '1' }, ['metadata_attempt@metadata.attempt']],
    ['metadata', { a: { card: '4242424242424242' } }, ['card_number_misplaced@metadata.a.card']],
    ['metadata', 4242424242424242, ['card_number_misplaced@metadata']],
    ['amount_details.extra', 2 ** 60, ['number_inexact@amount_details.extra']],
    ['amount_details.extra', 'half \ud800', ['lone_surrogate@amount_details.extra']],
    ['amount_details.a\u0000b', 1, ['member_name@amount_details']],
  ])('with %s = %j: %j', (path, value, expected) => {
    expect(codes(payout, path, value)).toEqual(expected);
  });

  it.each([
    ['payment_details.card.bank_card.number', '4242424242424241', ['card_number_check_digit@payment_details.card.bank_card.number']],
    ['payment_details.card.bank_card.number', 4242424242424242, ['wrong_type@payment_details.card.bank_card.number']],
    ['payment_details.card.bank_card.security_code', undefined, ['member_missing@payment_details.card.bank_card.security_code']],
    ['payment_details.card.type', 'tokenized_card', ['method_unknown@payment_details.card.type']],
    ['customer', undefined, ['member_missing@customer']],
    ['customer.reference', undefined, ['member_missing@customer.reference']],
    ['customer.contacts', [{ email: 'x' }], ['email_format@customer.contacts.0.email']],
    ['payment_options.recurrent', true, []],
    ['payment_options.recurrent', 'true', ['wrong_type@payment_options.recurrent']],
    ['payment_options.return_url', 'website.com', ['url_format@payment_options.return_url']],
    ['payment_method', {}, ['not_for_kind@payment_method']],
  ])('of a payment with %s = %j: %j', (path, value, expected) => {
    expect(codes(payment, path, value)).toEqual(expected);
  });

  it.each([[null], [5], ['x'], [[]], [undefined]])('is refused when it is not an object: %j', (value) => {
    expect(codesOf(read(value))).toEqual(['event_not_object']);
  });

  it('is refused beyond the limits of size, members and depth', () => {
    let deep: unknown = 1;
    for (let level = 0; level <= eventBounds.depth; level += 1) deep = { a: deep };
    expect(codes(payout, 'metadata', deep)).toEqual(['event_too_deep']);
    expect(
      codes(
        payout,
        'amount_details.many',
        Array.from({ length: eventBounds.members + 1 }, () => 1),
      ),
    ).toEqual(['event_too_large']);
    expect(codes(payout, 'amount_details.long', 'x'.repeat(eventBounds.characters + 1))).toEqual(['event_too_large']);
  });

  it.each(['{"__proto__":{"a":1}}', '{"a":{"__proto__":{"a":1}}}', '{"a":1e400}'])(
    'with the metadata %s is refused without repeating it',
    (text) => {
      const found = read({ ...payout, metadata: JSON.parse(text) as never });
      expect(found).toMatchObject({ ok: false, refusal: { recordId: 'inv-1', metadata: undefined } });
    },
  );

  it('cannot reach the prototype of anything', () => {
    const event = JSON.parse(JSON.stringify(payout).replace('"record_id"', '"__proto__":{"polluted":true},"record_id"')) as unknown;
    expect(codesOf(read(event))).toContain('member_name');
    expect(({} as Json)['polluted']).toBeUndefined();
  });

  it('is refused above the limit of its currency', () => {
    expect(codesOf(read(payout, new Map([['USD', 999n]])))).toEqual(['amount_above_limit@amount_details.amount']);
    expect(read(payout, new Map([['USD', 1000n]])).ok).toBe(true);
  });

  it('is refused under what could be read of it', () => {
    expect(read({ ...withMember(payout, iban, 'x'), batch_id: 'may', metadata: { order: 1 } })).toMatchObject({
      refusal: { recordId: 'inv-1', kind: 'payout', amountMinor: 1000n, currency: 'USD', batchId: 'may', metadata: { order: 1 } },
    });
    expect(read({ ...payout, record_id: '4242424242424242' })).toMatchObject({ refusal: { recordId: undefined } });
  });

  it('keeps its batch and metadata, without reserved members', () => {
    expect(validOf(read({ ...payout, batch_id: 'may', metadata: { record_id: 'inv-1', attempt: 1, order: 7 } }))).toMatchObject({
      batchId: 'may',
      metadata: { order: 7 },
    });
    expect(validOf(read({ ...payout, metadata: { record_id: 'inv-1' } })).metadata).toBeUndefined();
  });
});

describe('the schema of events', () => {
  it('is JSON Schema and takes what is read', () => {
    const schema = z.toJSONSchema(instructionSchema, { io: 'input' });
    expect(JSON.stringify(schema)).toContain('"swift_bic_code"');
    expect(instructionSchema.safeParse(payout).success).toBe(true);
    expect(instructionSchema.safeParse(payment).success).toBe(true);
    expect(instructionSchema.safeParse({ ...payout, colour: 1 }).success).toBe(false);
  });
});
