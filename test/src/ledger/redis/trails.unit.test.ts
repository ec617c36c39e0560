import { describe, expect, it } from 'vitest';
import type { AuditNote } from '../../../../batches/audit/audit-entry.ts';
import { decodeEntry, encodeEntry } from '../../../../src/ledger/redis/trails.ts';
import { at, batchA, transitionSettings } from '../../../support/builders.ts';

const entryOf = (note: AuditNote, number = 1) => {
  const head = number === 1 ? null : { number: number - 1, chain: 'ab'.repeat(32) };
  const [entry] = transitionSettings.audit.append(head, 'inv-1', note, at).entries;
  if (entry === undefined) throw new Error('no entry');
  return entry;
};
const fingerprint = '0123456789abcdef'.repeat(4);

describe('an entry of a trail, as it is stored', () => {
  it.each<[string, AuditNote]>([
    ['an admission', { event: 'admitted', detail: { place: `file:${batchA}:23412`, amount: 1230, currency: 'EUR', fingerprint } }],
    ['an intent', { event: 'admitted', detail: { attempt: 1, send: 1 } }],
    ['a decision of a person', { event: 'admitted', by: 'Zoë "the boss" ~ 1', detail: { reason: 'a\nb\\c "detail":{ }' } }],
    ['nothing to tell', { event: 'admitted', detail: {} }],
    ['what looks shortened', { event: 'admitted', detail: { one: '~abc~', two: `~${fingerprint}~`, three: '1 mhxyz admitted {}' } }],
    ['digits of an odd number', { event: 'admitted', detail: { one: 'a'.repeat(33), two: 'A'.repeat(40), three: 'f'.repeat(31) } }],
    ['a base of a chain', { event: 'admitted', detail: { dropped: 7, base: 'ef'.repeat(32) } }],
  ])('is restored as it was: %s', (_, note) => {
    for (const number of [1, 2, 1_000]) {
      const entry = entryOf(note, number);
      expect(decodeEntry(encodeEntry(entry), number)).toEqual(entry);
    }
  });

  it('is restored as it was: one whose time is no whole number, as the clock of a stand-alone ledger may show it', () => {
    const detail = `{"place":"file:${fingerprint}:2","amount":1,"currency":"EUR","fingerprint":"${fingerprint}"}`;
    const entry = { number: 1, text: `{"number":1,"at":1795248000000.25,"event":"admitted","detail":${detail}}`, hash: 'ab'.repeat(16) };
    expect(decodeEntry(encodeEntry(entry), 1)).toEqual(entry);
  });

  it.each(['', 'no JSON', '{"number":1}', '{"number":1,"at":007,"event":"admitted","detail":{}}', '{"at":1,"number":1}'])(
    'keeps a text that is no entry as it is: %s',
    (text) => {
      expect(decodeEntry(encodeEntry({ number: 1, text, hash: 'ab'.repeat(16) }), 1).text).toBe(text);
    },
  );

  it('takes with its hash less than three fifths of its text, where that holds a fingerprint and the id of a batch', () => {
    const entry = entryOf({ event: 'admitted', detail: { place: `file:${fingerprint}:2`, amount: 1, currency: 'EUR', fingerprint } });
    expect(encodeEntry(entry).length).toBeLessThan(entry.text.length * 0.6);
  });
});
