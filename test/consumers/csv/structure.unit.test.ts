import { describe, expect, it } from 'vitest';
import { broken, read, told } from './reading.ts';

const limit = 64 * 1024;
const filler = (rows: number): string => 'x,y,z\n'.repeat(rows);

describe('a broken file is reported by what is wrong with it, and where', () => {
  it.each([
    [
      'a spreadsheet formula without quotes around it',
      'a,b\n1,="021000021"\n="3",4\n',
      [
        [2, 'excel_formula'],
        [3, 'excel_formula'],
      ],
    ],
    ['a bare quote inside a cell', 'a,b\n1,5" pipe\n3,4\n', [[2, 'quote_bare']]],
    ['a bare quote, and no other one in the whole large file', `a,b,c\nx"y,1,2\n${filler(30_000)}`, [[2, 'quote_bare']]],
    ['text after a closing quote', 'a,b\n"1"x,2\n', [[2, 'quote_trailing_text']]],
    ['a blank after a closing quote', 'a,b\n"1" ,2\n', [[2, 'quote_trailing_text']]],
    ['a quote that is not doubled', 'a,b\n"she said "no" twice",2\n', [[2, 'quote_trailing_text']]],
    [
      'several at once',
      'a,b\n1,x"\n"1"x,2\n3,4\n5,y"z\n',
      [
        [2, 'quote_bare'],
        [3, 'quote_trailing_text'],
        [5, 'quote_bare'],
      ],
    ],
    ['a quote never closed', 'a,b\n1,2\n"3,4\n5,6\n', [[3, 'quote_unclosed']]],
    ['a quote never closed in the header', 'a,"b\n1,2\n', [[1, 'quote_unclosed']]],
    ['NUL in a cell', 'a,b\n1,2\n3,x\0y\n', [[3, 'nul_character']]],
    ['NUL in quotes', 'a,b\n"1\n\0",2\n', [[3, 'nul_character']]],
    [
      'NUL behind a closing quote',
      'a,b\n"1"\0,2\n',
      [
        [2, 'nul_character'],
        [2, 'quote_trailing_text'],
      ],
    ],
    [
      'CR alone as line end',
      'a,b\r1,2\r',
      [
        [1, 'line_end_cr'],
        [1, 'line_end_cr'],
      ],
    ],
    ['CR alone once', 'a,b\r\n1,2\r3,4\r\n', [[2, 'line_end_cr']]],
    ['CR alone at the very end', 'a,b\n1,2\r', [[2, 'line_end_cr']]],
    [
      'CR alone with a sep= line',
      'sep=;\ra;b\r1;2\r',
      [
        [1, 'line_end_cr'],
        [1, 'line_end_cr'],
        [1, 'line_end_cr'],
      ],
    ],
    [
      'CR doubled',
      'a,b\r\r\n1,2\r\r\n',
      [
        [1, 'line_end_cr'],
        [2, 'line_end_cr'],
      ],
    ],
  ])('%s', async (_, text, problems) => {
    const error = await broken(text);
    expect(told(error)).toEqual(problems);
    for (const { column, value } of error.problems) expect([column, value]).toEqual([null, null]);
  });

  it('names CR alone in a large file too', async () => {
    expect((await broken(`a,b\r${'1,2\r'.repeat(50_000)}`)).problems).toContainEqual(
      expect.objectContaining({ code: 'line_end_cr', line: 1 }),
    );
  });

  it('reports a limited number of errors', async () => {
    expect((await broken(`a,b\n${'1,x"\n'.repeat(1000)}`)).problems).toHaveLength(100);
  });

  it('names the byte offset, after multibyte characters and a byte order mark', async () => {
    expect((await broken('\uFEFFa,b\nZoë,€\n1,x"\n')).problems[0].message).toContain('(byte 19)');
    expect((await broken(Buffer.from('\uFEFFa,b\nZoë,€\n1,x"\n', 'utf16le'))).problems[0].message).toContain('(byte 28)');
    expect((await broken('sep=;\na;b\n1;x"\n')).problems[0].message).toContain('(byte 13)');
  });

  it('shows nothing of what is in a broken row', async () => {
    const error = await broken('a,b\n"4111111111111111" x,2\n');
    expect(JSON.stringify([error.message, error.problems, error.cause ?? null])).not.toContain('4111');
  });
});

describe('a row over 64 KiB', () => {
  const rowOf = (bytes: number): string => `${'x'.repeat(bytes - 2)},1`;

  it.each(['\n', '\r\n', ''])('is refused, one of exactly 64 KiB is not (line end %j)', async (end) => {
    expect((await read(`a,b\n1,2\n${rowOf(limit)}${end}`)).rows[1]?.cells[0]).toHaveLength(limit - 2);
    expect(told(await broken(`a,b\n1,2\n${rowOf(limit + 1)}${end}`))).toEqual([[3, 'record_too_long']]);
  });

  it('is measured in bytes of UTF-8', async () => {
    expect((await read(`a,b\n${'é'.repeat(limit / 2 - 1)},1\n`)).rows).toHaveLength(1);
    expect(told(await broken(`a,b\n${'é'.repeat(limit / 2)},1\n`))).toEqual([[2, 'record_too_long']]);
    expect(told(await broken(Buffer.from(`\uFEFFa,b\n${'€'.repeat(limit / 3)},1\n`, 'utf16le')))).toEqual([[2, 'record_too_long']]);
  });

  it('is reported by its first line, and by the line of the quote that was left open', async () => {
    const error = await broken(`a,b\n1,2\n"many\nlines",", but\n${'x,y\n'.repeat(60_000)}`);
    expect(told(error)).toEqual([[3, 'record_too_long']]);
    expect(error.problems[0].message).toContain('opened on line 4');
  });

  it('is refused when the file is one endless line', async () => {
    expect(told(await broken(`a,b\n${'x'.repeat(500_000)}`))).toEqual([[2, 'record_too_long']]);
  });
});

describe('a stray quote that swallowed rows', () => {
  const header = 'a,b,c\n';

  it.each([
    ['closed two rows later', '1,"x,3\n2,y,3\n3,z",3\n', 2, 4],
    ['closed in the next row', '0,n,3\n1,"x,3\n2,y",3\n', 3, 4],
    ['with CRLF', '1,"x,3\r\n2,y,3\r\n3,z",3\r\n', 2, 4],
  ])('is refused: %s', async (_, rows, from, to) => {
    const error = await broken(header + rows);
    expect(told(error)).toEqual([[from, 'quote_swallowed_rows']]);
    expect(error.problems[0].message).toContain(`is not closed until line ${to}`);
  });

  it.each([
    ['an address', '1,"x\ny\nz",3\n'],
    ['a sentence with a delimiter', '1,"x, and\nthen\ny",3\n'],
    ['a last line like a row', '1,"x\na,b,c",3\n'],
    ['a line that is shorter than a row', '1,"x\none,comma\ny",3\n'],
  ])('is detected from a text of several lines: %s', async (_, rows) => {
    expect((await read(header + rows)).rows).toMatchObject([{ line: 2 }]);
  });
});
