import { describe, expect, it } from 'vitest';
import { startPreflight, type IndexedRow, type Preflight, type RowIndex } from '../../../batches/preflight/preflight.ts';
import { validateBlock } from '../../../batches/preflight/check-block.ts';
import { rowOf, type Cells } from '../../support/builders.ts';
import { parserOf } from '../../support/parsing.ts';

type RepeatedRow = ReturnType<RowIndex['repeated']> extends Iterable<infer Row> ? Row : never;

/** An honest index of a few rows in memory. */
function memoryIndex(): RowIndex & { readonly rows: IndexedRow[] } {
  const rows: IndexedRow[] = [];
  return {
    rows,
    add: (row) => void rows.push(row),
    *repeated(): Generator<RepeatedRow> {
      for (const row of rows) {
        const all = rows.filter(({ recordId }) => recordId === row.recordId);
        if (all.length < 2) continue;
        const same = all.every(({ content }) => content === row.content);
        const valid = row.amountMinor !== null;
        yield {
          line: row.line,
          firstLine: all[0]?.line ?? 0,
          lastLine: all.at(-1)?.line ?? 0,
          lines: all.length,
          same,
          valid,
          amountMinor: row.amountMinor ?? 0n,
          currency: row.currency,
        };
      }
    },
    *twins() {
      for (const row of rows) {
        const first = rows.find((other) => other.twin === row.twin && other.recordId !== row.recordId && row.twin !== null);
        if (first !== undefined && first.line < row.line) yield { line: row.line, firstLine: first.line };
      }
    },
    close: () => undefined,
  };
}

const header = Object.keys(rowOf('payout', 'sepa'));
const reader = parserOf(header);
const whole = { recordIdColumn: 'record_id', headerLine: 1, warnings: [], warningsTotal: 0 };
const row = (changes: Cells): string[] => Object.values(rowOf('payout', 'sepa', changes));

function preflightOf(all: readonly Cells[], blocks = 1): { found: Preflight; looked: number } {
  const rows = all.map((changes, index) => ({ line: index + 2, cells: row(changes) }));
  const making = startPreflight();
  const size = Math.ceil(rows.length / blocks);
  for (let from = 0; from < rows.length; from += size) making.take(validateBlock(rows.slice(from, from + size), reader));
  if (!making.hasCandidates()) return { found: making.finish(null, whole), looked: 0 };
  const index = memoryIndex();
  for (const { line, cells } of rows) making.verifyCandidate(index, line, cells, reader.read(cells));
  return { found: making.finish(index, whole), looked: index.rows.length };
}

const told = (problems: Preflight['errors']) => problems.map(({ line, code }) => [line, code]);

describe('a preflight', () => {
  it('of rows with an odd text counts them as valid and reports a warning on each line, in the order of the file', () => {
    const { found } = preflightOf(
      [
        { record_id: 'a', amount: '1', recipient_last_name: 'None' },
        { record_id: 'b', amount: '2', recipient_last_name: 'Peeters' },
        { record_id: 'c', amount: '3', recipient_last_name: 'MÃ¼ller' },
        { record_id: 'd', amount: '4', recipient_last_name: 'null', iban: 'x' },
      ],
      2,
    );
    expect(found).toMatchObject({ rows: 4, valid: 3, invalid: 1, warningsTotal: 3 });
    expect(told(found.warnings)).toEqual([
      [2, 'placeholder_value'],
      [4, 'garbled_text'],
      [5, 'placeholder_value'],
    ]);
  });

  it('of rows that are all different looks at nothing twice', () => {
    const { found, looked } = preflightOf([
      { record_id: 'a', amount: '1.00' },
      { record_id: 'b', amount: '2' },
      { record_id: 'c', amount: '5', currency: 'JPY' },
    ]);
    expect(looked).toBe(0);
    expect(found).toMatchObject({ rows: 3, valid: 3, invalid: 0, duplicates: 0, errorsTotal: 0, warningsTotal: 0 });
    expect([...found.totals]).toEqual([
      ['EUR', { count: 2, amountMinor: 300n }],
      ['JPY', { count: 1, amountMinor: 5n }],
    ]);
    expect(found.isAmbiguous(2)).toBe(false);
  });

  it.each([1, 2, 5])('calls equal rows under one id duplicates: the first counts (in %i blocks)', (blocks) => {
    const { found } = preflightOf(
      [{ record_id: 'a' }, { record_id: 'b', amount: '7.00' }, { record_id: 'a' }, { record_id: 'a', amount: '12.3' }],
      blocks,
    );
    expect(found).toMatchObject({ rows: 4, valid: 2, invalid: 0, duplicates: 2, errorsTotal: 0 });
    expect([...found.totals]).toEqual([['EUR', { count: 2, amountMinor: 1930n }]]);
    expect(told(found.warnings)).toEqual([
      [4, 'duplicate_row'],
      [5, 'duplicate_row'],
    ]);
    expect(found.isAmbiguous(4)).toBe(false);
  });

  it.each([1, 3])('pays none of unequal rows under one id (in %i blocks)', (blocks) => {
    const { found } = preflightOf(
      [
        { record_id: 'a', amount: '1.00' },
        { record_id: 'b', amount: '9.00' },
        { record_id: 'a', amount: '2.00' },
      ],
      blocks,
    );
    expect(found).toMatchObject({ rows: 3, valid: 1, invalid: 2, duplicates: 0, errorsTotal: 2 });
    expect([...found.totals]).toEqual([['EUR', { count: 1, amountMinor: 900n }]]);
    expect(told(found.errors)).toEqual([
      [2, 'record_id_ambiguous'],
      [4, 'record_id_ambiguous'],
    ]);
    expect([2, 3, 4].map(found.isAmbiguous)).toEqual([true, false, true]);
  });

  it('pays none under an id of which one row is bad', () => {
    const { found } = preflightOf([{ record_id: 'a' }, { record_id: 'a', iban: 'BE68539007547035' }]);
    expect(found).toMatchObject({ rows: 2, valid: 0, invalid: 2, duplicates: 0 });
    expect(told(found.errors)).toEqual([
      [2, 'record_id_ambiguous'],
      [3, 'iban_check_digits'],
      [3, 'record_id_ambiguous'],
    ]);
    expect(found.totals.size).toBe(0);
  });

  it('counts equal bad rows once each, and not as duplicates', () => {
    const { found } = preflightOf([
      { record_id: 'a', amount: 'x' },
      { record_id: 'a', amount: 'x' },
    ]);
    expect(found).toMatchObject({ rows: 2, valid: 0, invalid: 2, duplicates: 0, errorsTotal: 2 });
  });

  it('warns of rows that look alike under different ids, and pays both', () => {
    const { found } = preflightOf([{ record_id: 'a' }, { record_id: 'b' }, { record_id: 'c', amount: '1.00' }]);
    expect(found).toMatchObject({ valid: 3, invalid: 0, warningsTotal: 1 });
    expect(told(found.warnings)).toEqual([[3, 'looks_like_a_twin']]);
  });

  it('keeps rows = valid + invalid + duplicates, and lines in order, whatever comes', () => {
    const mixed = Array.from({ length: 60 }, (_, index): Cells => ({
      record_id: `r-${index % 17}`,
      amount: index % 5 === 0 ? 'x' : `${(index % 3) + 1}.00`,
    }));
    for (const blocks of [1, 7, 60]) {
      const { found } = preflightOf(mixed, blocks);
      expect(found.valid + found.invalid + found.duplicates).toBe(found.rows);
      expect(found.rows).toBe(60);
      const lines = found.errors.map(({ line }) => line);
      expect(lines).toEqual(lines.toSorted((a, b) => a - b));
      expect([...found.totals.values()].reduce((sum, { count }) => sum + count, 0)).toBe(found.valid);
    }
  });
});
