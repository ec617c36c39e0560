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
});
