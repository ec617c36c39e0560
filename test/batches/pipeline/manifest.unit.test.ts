import { describe, expect, it } from 'vitest';
import { compareManifest, isCompleteJson, parseManifest, type FileFacts } from '../../../batches/pipeline/drop-folder/manifest.ts';

const sha256 = 'ab'.repeat(32);
const facts: FileFacts = { sha256, bytes: 100, rows: 3, totals: new Map([['EUR', { count: 2, amountMinor: 1230n }]]), isLive: false };
const parsed = (value: object) => {
  const found = parseManifest(JSON.stringify(value));
  if (!found.ok) throw new Error(found.problems.join());
  return found.manifest;
};

describe('a manifest', () => {
  it('states nothing by a member that is absent', () => {
    expect(compareManifest(parsed({}), facts)).toEqual([]);
  });

  it('that states what the file is has no problem', () => {
    const stated = {
      sha256: sha256.toUpperCase(),
      bytes: 100,
      rows: 3,
      totals: { eur: { count: 2, amount: '12.3' } },
      sequence: { source: 'erp', number: 7 },
      live: false,
    };
    expect(compareManifest(parsed(stated), facts)).toEqual([]);
    expect(parsed({ ...stated, not_before: '2026-05-01T08:00:00+02:00' }).notBefore).toBe(Date.UTC(2026, 4, 1, 6));
  });

  it.each([
    ['another hash', { sha256: 'cd'.repeat(32) }, ['manifest_differs']],
    ['another size', { bytes: 99 }, ['manifest_differs']],
    ['other rows', { rows: 4 }, ['manifest_differs']],
    ['another total', { totals: { EUR: { count: 2, amount: '12.31' } } }, ['manifest_differs']],
    ['another count', { totals: { EUR: { count: 3, amount: '12.30' } } }, ['manifest_differs']],
    ['a currency more', { totals: { EUR: { count: 2, amount: '12.30' }, USD: { count: 0, amount: '0.01' } } }, ['manifest_differs']],
    ['a currency less', { totals: {} }, ['manifest_differs']],
    ['another environment', { live: true }, ['wrong_environment']],
    [
      'everything',
      { sha256: 'cd'.repeat(32), bytes: 1, rows: 1, totals: {}, live: true },
      [...Array.from({ length: 4 }, () => 'manifest_differs'), 'wrong_environment'],
    ],
  ])('that states %s is a difference', (_, stated, codes) => {
    expect(compareManifest(parsed(stated), facts).map(({ code }) => code)).toEqual(codes);
  });

  it('of a test is refused where real money is paid', () => {
    expect(compareManifest(parsed({ live: false }), { ...facts, isLive: true }).map(({ code }) => code)).toEqual(['wrong_environment']);
  });

  it.each([
    ['no JSON', '{"rows": 3', 'not JSON'],
    ['a member twice', '{"rows": 3, "rows": 4}', 'rows appears twice'],
    ['a member that is not known', '{"row": 3}', 'row in the manifest is not known'],
    ['a number with decimals', '{"rows": 3.0}', 'rows in the manifest is not as it must be'],
    ['a negative number', '{"bytes": -1}', 'bytes in the manifest is not as it must be'],
    ['an amount that is a number', '{"totals": {"EUR": {"count": 1, "amount": 1.5}}}', 'totals.EUR.amount'],
    ['too many decimals', '{"totals": {"EUR": {"count": 1, "amount": "1.505"}}}', 'more decimals than EUR has'],
    ['a currency that is none', '{"totals": {"EUX": {"count": 1, "amount": "1"}}}', 'not a current currency'],
    [
      'a currency in two cases',
      '{"totals": {"EUR": {"count": 1, "amount": "1"}, "eur": {"count": 1, "amount": "1"}}}',
      'totals.EUR appears twice',
    ],
    ['a time without a zone', '{"not_before": "2026-05-01T08:00:00"}', 'not_before in the manifest'],
    ['a text instead of true', '{"live": "true"}', 'live in the manifest'],
    ['a list', '[]', 'the manifest is not as it must be'],
  ])('is refused when it has %s', (_, text, expected) => {
    const found = parseManifest(text);
    expect(found.ok ? [] : found.problems.join()).toContain(expected);
  });

  it('is complete as soon as it is JSON to its end', () => {
    const text = JSON.stringify({ rows: 3, live: true });
    for (let length = 0; length < text.length; length += 1) expect(isCompleteJson(text.slice(0, length))).toBe(false);
    expect(isCompleteJson(text)).toBe(true);
  });
});
