/** The parser gives no reason to doubt it here, so its mistakes are made for it. */
import { describe, expect, it } from 'vitest';
import { verifyCoverage } from '../../../consumers/csv/coverage-check.ts';

const mismatch = (text: string, records: string[][]): unknown => verifyCoverage(text, 10, records, ',').mismatch;

describe('the check that the parser lost nothing', () => {
  it('goes through when every character is somewhere', () => {
    const found = verifyCoverage(
      '1,"a\n""b"""\n\n3,\r\n4,5',
      10,
      [
        ['1', 'a\n"b"'],
        ['3', ''],
        ['4', '5'],
      ],
      ',',
    );
    expect(found.mismatch).toBeUndefined();
    expect(found.rows.map((row) => [row.line, row.cells.length])).toEqual([
      [10, 2],
      [12, 0],
      [13, 2],
      [14, 2],
    ]);
    expect(found.multiline).toEqual([{ row: 0, cell: 1, line: 10, endLine: 11 }]);
  });

  it.each([
    ['a row is missing at the end', '1,2\n3,4\n', [['1', '2']]],
    [
      'a row is missing in the middle',
      '1,2\n3,4\n5,6\n',
      [
        ['1', '2'],
        ['5', '6'],
      ],
    ],
    ['all rows are missing', '1,2\n', []],
    [
      'a row is there twice',
      '1,2\n',
      [
        ['1', '2'],
        ['1', '2'],
      ],
    ],
    ['a cell is missing', '1,2\n', [['1']]],
    ['there is one cell more', '1,2\n', [['1', '2', '']]],
    ['a character is missing', '1,23\n', [['1', '2']]],
    ['a character is another', '1,2\n', [['1', '3']]],
    ['a cell was trimmed', '1, 2\n', [['1', '2']]],
    ['a line end was taken into a cell', '1,2\n3,4\n', [['1', '2\n3', '4']]],
    ['a quote was dropped', '1,"2"""\n', [['1', '2']]],
    ['a quote was kept', '1,"2"\n', [['1', '"2"']]],
    ['a line break was lost in quotes', '1,"2\n"\n', [['1', '2']]],
  ])('and found out when %s', (_, text, records) => {
    expect(mismatch(text, records)).toBeDefined();
  });

  it('names the line', () => {
    expect(
      mismatch('1,2\n3,4\n', [
        ['1', '2'],
        ['3', '5'],
      ]),
    ).toEqual({ line: 11, at: 6 });
  });
});
