import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { verifyCoverage, type Coverage } from '../../../consumers/csv/coverage-check.ts';
import { quotedRows } from '../../../consumers/csv/quoted-rows.ts';

const options = { record_delimiter: ['\r\n', '\n'], relax_column_count: true, skip_empty_lines: true };

/** Undefined where csv-parse refuses the text. */
function judged(text: string, line: number, delimiter: string): Coverage | undefined {
  let records: string[][];
  try {
    records = parse(text, { ...options, delimiter });
  } catch {
    return undefined;
  }
  return verifyCoverage(text, line, records, delimiter);
}

const delimiters = fc.constantFrom(',', ';', '\t', '|');
const lines = fc.integer({ min: 1, max: 9 });

it('finds in well-formed text with quotes what csv-parse finds: every cell, line, multi-line cell and line end', () => {
  const plain = fc.string({ unit: fc.constantFrom('a', 'é', '世', '💶', '.', ' ', '=', "'", '\\'), maxLength: 4 });
  const inside = fc.string({ unit: fc.constantFrom('a', 'é', '💶', '""', ',', ';', '\t', '\n', '\r\n', '\r', ' '), maxLength: 5 });
  const cell = fc.oneof(
    plain,
    inside.map((text) => `"${text}"`),
  );
  const row = fc.tuple(fc.array(cell, { maxLength: 5 }), fc.constantFrom('\n', '\r\n'));
  fc.assert(
    fc.property(fc.array(row, { maxLength: 8 }), delimiters, fc.boolean(), lines, (rows, delimiter, cutLastEnd, line) => {
      const ended = rows.map(([cells, end]) => cells.join(delimiter) + end).join('');
      const last = rows.at(-1)?.[1] ?? '';
      const text = cutLastEnd ? ended.slice(0, ended.length - last.length) : ended;
      const found = quotedRows(text, line, delimiter);
      expect(found).toBeDefined();
      expect(found).toEqual(judged(text, line, delimiter));
    }),
    { numRuns: 5000 },
  );
});

it('of any text it reads what csv-parse reads, or leaves the text to csv-parse', () => {
  const text = fc.string({ unit: fc.constantFrom('"', '"', '""', ',', ';', '\n', '\r\n', 'a', 'é', ' ', '=', '\ufeff'), maxLength: 14 });
  let read = 0;
  fc.assert(
    fc.property(text, fc.constantFrom(',', ';'), lines, (whole, delimiter, line) => {
      const found = quotedRows(whole, line, delimiter);
      if (found === undefined) return;
      read += 1;
      expect(found).toEqual(judged(whole, line, delimiter));
    }),
    { numRuns: 20_000 },
  );
  expect(read).toBeGreaterThan(1000);
});

it.each([
  ['inside a plain cell', 'a"b,c\n'],
  ['after a plain beginning', 'a,b"c"\n'],
  ['that is followed by text', '"a"b,c\n'],
  ['that is never closed', '"a,b\n'],
  ['that only an escaped one follows', '"a""'],
  ['before which a blank is', 'a, "b"\n'],
])('a quote %s leaves the text to csv-parse', (_, text) => {
  expect(quotedRows(text, 1, ',')).toBeUndefined();
});

it('a quoted row that is too long is reported with its line, in bytes', () => {
  const long = 'é'.repeat(32_767);
  expect(quotedRows(`"a",b\n"${long}"\nc,d\n`, 5, ',')?.tooLong).toEqual([]);
  expect(quotedRows(`"a\n",b\n"${long}.",\nc,d\n`, 5, ',')?.tooLong).toEqual([7]);
});
