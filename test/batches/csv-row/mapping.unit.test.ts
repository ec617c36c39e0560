import { describe, expect, it } from 'vitest';
import { mappingDigest, parseMapping } from '../../../batches/csv-row/mapping.ts';

const parsed = (value: object) => {
  const found = parseMapping(JSON.stringify({ version: 1, columns: { record_id: 'Ref' }, ...value }));
  if (!found.ok) throw new Error(found.problems.join());
  return found.mapping;
};

describe('a mapping', () => {
  it('has columns, constants, and how the file is written', () => {
    expect(parsed({ constants: { kind: 'payout' }, decimal: 'comma', delimiter: ';', date: '2026-05-01' })).toEqual({
      columns: { record_id: 'Ref' },
      constants: { kind: 'payout' },
      decimal: 'comma',
      delimiter: ';',
      date: '2026-05-01',
    });
  });

  it.each([
    ['that is no JSON', '{', 'not JSON'],
    ['of another version', '{"version": 2, "columns": {"record_id": "Ref"}}', 'version is not as it must be'],
    ['with a member twice', '{"version": 1, "columns": {"record_id": "a", "record_id": "b"}}', 'columns.record_id appears twice'],
    ['with a member that is not known', '{"version": 1, "columns": {"record_id": "a"}, "colums": {}}', 'colums is not known'],
    ['with a column that is no text', '{"version": 1, "columns": {"record_id": 7}}', 'columns.record_id is not as it must be'],
    ['with a column of no name', '{"version": 1, "columns": {"record_id": " "}}', 'columns.record_id is empty'],
    ['with no column', '{"version": 1, "constants": {"kind": "payout"}}', 'columns is empty'],
    [
      'with a name in both',
      '{"version": 1, "columns": {"kind": "a"}, "constants": {"kind": "payout"}}',
      'kind is in columns and in constants',
    ],
    ['with a name of every object', '{"version": 1, "columns": {"__proto__": "a"}}', 'not'],
    ['with another decimal sign', '{"version": 1, "columns": {"record_id": "a"}, "decimal": "."}', 'decimal is not as it must be'],
    ['that is a list', '[]', 'not as it must be'],
  ])('%s is refused with what is wrong', (_, text, expected) => {
    const found = parseMapping(text);
    expect(found.ok ? [] : found.problems.join('; ')).toContain(expected);
  });

  it('shows no value of a constant in a problem', () => {
    const found = parseMapping('{"version": 1, "columns": {"record_id": "a"}, "constants": {"card_number": ["4242424242424242"]}}');
    expect(JSON.stringify(found)).not.toContain('4242424242424242');
  });

  it('has the same digest whatever the order of its members and its date', () => {
    const one = parsed({ columns: { a: 'x', b: 'y' }, date: '2026-05-01' });
    expect(mappingDigest(parsed({ columns: { b: 'y', a: 'x' }, date: '2026-06-01' }))).toBe(mappingDigest(one));
    for (const other of [
      { columns: { a: 'y', b: 'x' } },
      { columns: { a: 'x', b: 'y' }, decimal: 'comma' },
      { columns: { a: 'x', b: 'y' }, constants: { c: 'z' } },
    ]) {
      expect(mappingDigest(parsed(other))).not.toBe(mappingDigest(one));
    }
  });
});
