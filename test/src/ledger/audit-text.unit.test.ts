import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shortText, wholeText } from '../../../src/ledger/audit-text.ts';

const text = (patch: object): string =>
  JSON.stringify({ number: 2, at: 1_795_875_562_913, event: 'answer', detail: { status: 'succeeded' }, ...patch });

describe('the stored text of an audit entry', () => {
  it.each([
    ['of a step', text({})],
    ['of a person', text({ by: 'alice' })],
    ['with long hex', text({ detail: { place: `file:${'ab'.repeat(32)}:2`, fingerprint: 'abc' } })],
    ['with a time that is no whole number', text({ at: 1.5, detail: { place: `file:${'ab'.repeat(32)}:2`, code: 'c' } })],
    ['with members in another order', '{"detail":{"status":"succeeded"},"number":2,"at":1,"event":"answer"}'],
    ['with a description of other letters', text({ detail: { description: 'räksmörgås ,"code":" \\u0001' } })],
  ])('comes back exactly as it was: %s', (_, whole) => {
    expect(wholeText(shortText(whole))).toBe(whole);
  });

  it('of a step is shorter', () => {
    expect(shortText(text({})).length).toBeLessThan(text({}).length / 2);
  });

  it('of anything that begins with a brace comes back exactly as it was', () => {
    const pieces = fc.constantFrom(
      ...[
        '{"number":',
        '1',
        '007',
        ',"at":',
        '0',
        '1795875562913',
        '9007199254740993',
        ',"event":"',
        'admitted',
        'answer',
        '",',
        '"detail":',
      ],
      ...['{"place":"file:', '{"status":"', 'failed"', 'succeeded"', ',"session_id":"', ',"code":"', '"by":"', '}', '}}', ' ', '"', '{'],
      ...[
        'a'.repeat(31),
        'ab'.repeat(16),
        'f'.repeat(33),
        '0'.repeat(2_000),
        '\u0001',
        '\u0012',
        '\u001f',
        '\n',
        'ä',
        '€',
        '\ud83d',
        '\ude00',
      ],
    );
    const odd = fc.array(fc.oneof(pieces, fc.string({ unit: 'binary', maxLength: 4 })), { maxLength: 12 });
    const usual = '{"number":3,"at":1795875562913,"event":"answer",';
    fc.assert(
      fc.property(fc.constantFrom('{', usual, `${usual}"detail":{`), odd, fc.constantFrom('}', '', '}}'), (first, middle, end) => {
        const whole = first + middle.join('') + end;
        expect(wholeText(shortText(whole))).toBe(whole);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is what earlier versions stored', () => {
    const place = `file:${'0f'.repeat(32)}:17`;
    const fingerprint = 'x'.repeat(43);
    expect([
      shortText(text({ number: 1, event: 'admitted', detail: { place, amount: 1, currency: 'USD', fingerprint } })),
      shortText(text({ event: 'intent', detail: { attempt: 1, send: 1 } })),
      shortText('{"number":2,"at":1795875562913,"event":"cancel","by":"alice","detail":{"status":"failed","code":"c","description":"d"}}'),
    ]).toEqual([
      `1 mx0hxwv5 \u0001\u001f${'Dw8P'.repeat(10)}Dw8\u001f:17"\u00031\u0004USD"\u0005${fingerprint}"}`,
      '2 mx0hxwv5 \u00061}',
      '2 mx0hxwv5 cancel \u0012alice","detail":{"status":"\u000c\u0010c"\u0011d"}',
    ]);
  });
});
