import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { verifyCoverage } from '../../../consumers/csv/coverage-check.ts';
import { unquotedRows } from '../../../consumers/csv/unquoted-rows.ts';

const parsed = (text: string, line: number, delimiter: string) => {
  const records: string[][] = parse(text, {
    delimiter,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    skip_empty_lines: true,
  });
  return verifyCoverage(text, line, records, delimiter);
};

it('finds in text without quotes what csv-parse finds, row by row, line by line', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', 'é', '💶', '.', ' ', ',', ';', '\t', '=', "'"), maxLength: 4 });
  const row = fc.array(cell, { maxLength: 4 });
  const lineEnd = fc.constantFrom('\n', '\r\n');
  const text = fc.array(fc.tuple(row, lineEnd), { maxLength: 8 });
  fc.assert(
    fc.property(
      text,
      fc.constantFrom(',', ';', '\t'),
      fc.boolean(),
      fc.integer({ min: 1, max: 9 }),
      (rows, delimiter, cutLastEnd, line) => {
        let whole = rows.map(([cells, end]) => cells.join(delimiter) + end).join('');
        if (cutLastEnd) whole = whole.replace(/\r?\n$/, '');
        expect(unquotedRows(whole, line, delimiter)).toEqual(parsed(whole, line, delimiter));
      },
    ),
    { numRuns: 2000 },
  );
});

it('a row that is too long is reported with its line', () => {
  const long = 'é'.repeat(32_769);
  expect(unquotedRows(`a,b\n${long}\nc,d\n`, 5, ',').tooLong).toEqual([6]);
  expect(unquotedRows(`${'é'.repeat(32_768)}\n`, 5, ',').tooLong).toEqual([]);
});
