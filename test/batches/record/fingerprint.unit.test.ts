import { createHmac, hkdfSync } from 'node:crypto';
import canonicalize from 'canonicalize';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../batches/record/canonical-json.ts';
import { createFingerprints, differingFields } from '../../../batches/record/fingerprint.ts';
import type { ValidInstruction, Json } from '../../../batches/instruction/instruction.ts';
import { contentKey, similarityKey } from '../../../batches/preflight/content-key.ts';
import { rowOf, type Cells } from '../../support/builders.ts';
import { parseRow, validOf } from '../../support/parsing.ts';

const ledgerKey = Buffer.alloc(32, 7);
const { fingerprint, fields } = createFingerprints(ledgerKey);
const draft = (changes: Cells = {}, route = 'sepa'): ValidInstruction =>
  validOf(parseRow(rowOf('payout', route, { 'metadata.order': '77', ...changes })));
const card = (changes: Cells = {}): ValidInstruction => validOf(parseRow(rowOf('payment', 'card', changes)));

/** The same JSON with the members of every object in another order. */
const turned = (value: Json): Json => {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, member]) => [key, turned(member as Json)] as const)
      .toReversed(),
  );
};

describe('canonical JSON', () => {
  it('is what the RFC 8785 package makes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const clean = JSON.parse(JSON.stringify(value).replaceAll(/\\ud[89a-f][0-9a-f]{2}/gi, '')) as Json;
        const text = canonicalize(clean);
        expect(canonicalJson(clean)).toBe(text);
        // The same with nearly all members in order.
        expect(canonicalJson(JSON.parse(text ?? '') as Json)).toBe(text);
        expect(canonicalJson({ first: JSON.parse(text ?? '') as Json, a: clean })).toBe(canonicalize({ first: clean, a: clean }));
      }),
      { numRuns: 1000 },
    );
  });

  it('sorts by UTF-16 code units and writes numbers as ECMAScript does', () => {
    expect(canonicalJson({ '\u{1f600}': 1, '\ufb33': 2, '10': 3, '9': 4, '': 1e21, a: [-0, 0.1, '\u000f"\\é\n'] })).toBe(
      '{"":1e+21,"10":3,"9":4,"a":[0,0.1,"\\u000f\\"\\\\é\\n"],"\u{1f600}":1,"\ufb33":2}',
    );
  });

  it('refuses what has no canonical form', () => {
    expect(() => canonicalJson(Number.NaN)).toThrow(RangeError);
    expect(() => canonicalJson('\ud800')).toThrow(RangeError);
    for (const value of [{ a: { b: ['\udfff'] } }, { b: '\ud800', a: 1 }, { '\ud800': 1 }, { a: [1, Number.NaN] }, [{ a: Infinity }]])
      expect(() => canonicalJson(value)).toThrow(RangeError);
    expect(canonicalJson({ a: '\\ud800', b: '\u{1f600}' })).toBe('{"a":"\\\\ud800","b":"\u{1f600}"}');
  });
});

describe('a fingerprint', () => {
  it('is HMAC-SHA-256 under a derived key over kind, body and the metadata of the caller', () => {
    const known = draft();
    const key = Buffer.from(hkdfSync('sha256', ledgerKey, '', 'disburse:v1:fingerprint', 32));
    const text = canonicalize({ kind: known.kind, body: { ...known.body, metadata: known.metadata } }) ?? '';
    expect(fingerprint(known)).toBe(createHmac('sha256', key).update(text).digest('base64url'));
    expect(fingerprint(known)).toMatch(/^[\w-]{43}$/);
  });

  it('is the same whatever the order of members and columns', () => {
    const known = draft();
    const body = turned(known.body) as ValidInstruction['body'];
    expect(Object.keys(body)).not.toEqual(Object.keys(known.body));
    expect(fingerprint({ ...known, body })).toBe(fingerprint(known));
    expect(fields({ ...known, body })).toEqual(fields(known));
    fc.assert(
      fc.property(
        fc.shuffledSubarray(Object.entries(rowOf('payout', 'uk')), { minLength: Object.keys(rowOf('payout', 'uk')).length }),
        (entries) => {
          expect(fingerprint(validOf(parseRow(Object.fromEntries(entries))))).toBe(fingerprint(validOf(parseRow(rowOf('payout', 'uk')))));
        },
      ),
      { numRuns: 30 },
    );
  });

  it.each([
    [{ currency: 'eur' }, {}],
    [{ amount: '10' }, { amount: '10.00' }],
    [{ amount: '10.5' }, { amount: '10.50' }],
    [{ amount: '', amount_minor: '1230' }, { amount: '12.30' }],
    [{ iban: 'be68 5390 0754 7034' }, {}],
    [{ recipient_currency: 'eur' }, { recipient_currency: 'EUR' }],
    [{ kind: '' }, {}],
    [{ 'metadata.record_id': 'inv-1', 'metadata.attempt': '1' }, {}],
    [{ record_id: 'other', 'metadata.x': '' }, {}],
  ])('of %j and %j is the same', (a, b) => {
    expect(fingerprint(draft(a))).toBe(fingerprint(draft(b)));
    expect(differingFields(fields(draft(a)), fields(draft(b)))).toEqual([]);
  });

  it('has fields that depend on the draft alone, whatever drafts were before it', () => {
    const drafts = [{}, { amount: '3' }, { amount: '3' }, {}, { 'metadata.order': 'x'.repeat(200) }, { 'metadata.order': '' }].map(
      (cells) => draft(cells),
    );
    const all = [...drafts, card(), card({ card_number: '4012888888881881' }), card(), ...drafts.toReversed()];
    for (const one of all) expect(fields(one)).toEqual(createFingerprints(ledgerKey).fields(one));
  });

  it('depends on the ledger key', () => {
    expect(createFingerprints(Buffer.alloc(32, 8)).fingerprint(draft())).not.toBe(fingerprint(draft()));
  });

  it('differs when any member differs, and the fields tell which', () => {
    const known = card();
    const paths = fields(known).paths.split('\n');
    const leaves = (value: Json, change: (leaf: Json) => Json): Json[] => {
      if (Array.isArray(value)) return value.flatMap((item: Json, index) => leaves(item, change).map((other) => value.with(index, other)));
      if (typeof value !== 'object' || value === null) return [change(value)];
      return Object.entries(value).flatMap(([key, member]) =>
        leaves(member as Json, change).map((other) => Object.assign({}, value, { [key]: other })),
      );
    };
    const bodies = leaves(known.body, (leaf) => (typeof leaf === 'number' ? leaf + 1 : `${String(leaf)}x`));
    expect(bodies.length).toBeGreaterThan(9);
    for (const body of bodies) {
      const other = { ...known, body: body as ValidInstruction['body'] };
      expect(fingerprint(other)).not.toBe(fingerprint(known));
      const found = differingFields(fields(known), fields(other));
      expect(found).toHaveLength(1);
      expect(paths).toContain(found[0]);
    }
    expect(fingerprint({ ...known, kind: 'payout' })).not.toBe(fingerprint(known));
  });

  it.each([
    [{ amount: '12.31' }, ['amount_details.amount']],
    [{ iban: 'BE71096123456769' }, ['payment_method.bank_account.global.iban']],
    [{ 'metadata.order': '78' }, ['metadata.order']],
    [{ 'metadata.order': '' }, ['metadata.order']],
    [{ 'metadata.more': 'x' }, ['metadata.more']],
    [{ amount: '1', recipient_city: 'Gent' }, ['amount_details.amount', 'participant_details.recipient.city']],
  ])('of a row with %j differs in %j', (changes, expected) => {
    expect(differingFields(fields(draft()), fields(draft(changes)))).toEqual(expected);
  });

  it('shows that a card differs, never which part of it', () => {
    expect(differingFields(fields(card()), fields(card({ card_security_code: '124' })))).toEqual(['payment_details.card.bank_card']);
  });

  it('keeps eight bytes a field, and one list of paths for rows of one shape', () => {
    const { paths, digests } = fields(draft());
    expect(digests).toHaveLength(paths.split('\n').length * 8);
    expect(paths.split('\n')).toEqual(paths.split('\n').toSorted());
    expect(fields(draft({ record_id: 'other', amount: '99' })).paths).toBe(paths);
  });
});

describe('likeness', () => {
  it('depends on all content but the record id', () => {
    expect(contentKey(draft({ record_id: 'other' }))).toBe(contentKey(draft()));
    for (const changes of [
      { amount: '1' },
      { currency: 'USD' },
      { description: 'x' },
      { 'metadata.order': '78' },
      { 'metadata.order': '' },
    ]) {
      expect(contentKey(draft(changes))).not.toBe(contentKey(draft()));
    }
  });

  it('is equal for the same amount, destination and recipient', () => {
    for (const changes of [
      { record_id: 'other' },
      { description: 'another text' },
      { 'metadata.order': '78' },
      { recipient_first_name: 'JOHN' },
    ]) {
      expect(similarityKey(draft(changes))).toBe(similarityKey(draft()));
    }
    for (const changes of [{ amount: '1' }, { currency: 'USD' }, { iban: 'BE71096123456769' }, { recipient_last_name: 'Smith' }]) {
      expect(similarityKey(draft(changes))).not.toBe(similarityKey(draft()));
    }
  });

  it.each([
    ['uk', { account_number: '31926810' }],
    ['uk', { sort_code: '60-16-14' }],
    ['australia', { bsb_number: '062001' }],
    ['wallet', { wallet_msisdn: '+639171234568' }],
    ['card', { card_number: '4111111111111111' }],
    ['tokenized-card', { card_token: 'another' }],
  ])('distinguishes destinations of %s', (route, changes) => {
    expect(similarityKey(draft(changes, route))).not.toBe(similarityKey(draft({}, route)));
    expect(similarityKey(draft({ record_id: 'other' }, route))).toBe(similarityKey(draft({}, route)));
  });

  it('distinguishes customers of payments', () => {
    expect(similarityKey(card({ customer_reference: 'b' }))).not.toBe(similarityKey(card()));
  });
});
