import { describe, expect, it } from 'vitest';
import { broken, read, told } from './reading.ts';

describe('header and rows', () => {
  it('hands out names and cells exactly as they stand', async () => {
    const { csv, rows } = await read(' Record_ID ,"Amo""unt",\n x ,"a,b ""c""\r\nd",\t\n');
    expect(csv.header).toEqual([' Record_ID ', 'Amo"unt', '']);
    expect(rows).toEqual([{ line: 2, cells: [' x ', 'a,b "c"\r\nd', '\t'] }]);
  });

  it('counts lines physically, with either line end, inside quotes too', async () => {
    const { rows, ending } = await read('a,b\r\n1,2\n"3\n\r\n",4\r\n5,6');
    expect(rows.map((row) => row.line)).toEqual([2, 3, 6]);
    expect(ending.lines).toBe(6);
    expect((await read('a,b\n1,2\n')).ending.lines).toBe(2);
  });

  it('reads a header without rows', async () => {
    const { csv, rows, ending } = await read('a,b');
    expect(csv.header).toEqual(['a', 'b']);
    expect(rows).toEqual([]);
    expect(ending.lines).toBe(1);
  });

  it.each(['\n\n\r\n', ',,,\n;;\n', '\uFEFF', 'sep=;\n', 'sep=;'])('refuses %j for its missing header', async (text) => {
    expect(told(await broken(text))).toEqual([[1, 'header_missing']]);
  });

  it('keeps line numbers correct over many blocks', async () => {
    const rowsOf = Array.from({ length: 30_000 }, (_, index) => (index % 7 === 0 ? `"${index}\n",x` : `${index},x`));
    const { rows } = await read(`a,b\n${rowsOf.join('\n')}\n`);
    let line = 2;
    const lines = rowsOf.map((row) => {
      const at = line;
      line += row.split('\n').length;
      return at;
    });
    expect(rows.map((row) => row.line)).toEqual(lines);
  });
});

describe('rows that do not fit the header', () => {
  it('are handed out with the cells they have', async () => {
    const { rows } = await read('a,b,c\n1,2\n1,2,3\n1,2,3,4\nx\n');
    expect(rows.map((row) => [row.line, row.cells.length])).toEqual([
      [2, 2],
      [3, 3],
      [4, 4],
      [5, 1],
    ]);
  });
});

describe('blank rows', () => {
  it('are no rows, and one warning for each run', async () => {
    const { rows, ending } = await read('a,b\n1,2\n\n,\r\n"",""\n3,4\n,,,\n5,6\n');
    expect(rows.map((row) => row.line)).toEqual([2, 6, 8]);
    expect(ending.warnings.map(({ line, code, message }) => [line, code, message])).toEqual([
      [3, 'blank_rows', 'Lines 3 to 5 are blank and are not rows.'],
      [7, 'blank_rows', 'Line 7 is blank and is not a row.'],
    ]);
    expect(ending.warningsTotal).toBe(2);
  });

  it('cause no warning at the end of the file', async () => {
    const { rows, ending } = await read('a,b\n1,2\n\n,\n\n');
    expect(rows).toHaveLength(1);
    expect(ending.warnings).toEqual([]);
    expect(ending.lines).toBe(5);
  });

  it('are allowed before the header', async () => {
    const { csv, rows, ending } = await read('\n;;\r\na;b\n1;2\n');
    expect(csv).toMatchObject({ header: ['a', 'b'], headerLine: 3, delimiter: ';' });
    expect(rows).toEqual([{ line: 4, cells: ['1', '2'] }]);
    expect(ending.warnings).toMatchObject([{ line: 1, code: 'blank_rows' }]);
  });

  it.each([';\n', '\t\n', ',;\t\r\n\n'])(
    'before the header may have the delimiters of other files, whether ours is named or detected: %j',
    async (blank) => {
      const content = `${blank}a,b\n1,2\n`;
      const detected = await read(content);
      expect(detected.csv).toMatchObject({ header: ['a', 'b'], delimiter: ',' });
      const named = await read(content, { delimiter: ',' });
      expect([named.csv.header, named.rows, named.ending]).toEqual([detected.csv.header, detected.rows, detected.ending]);
    },
  );

  it('do not include cells that contain blanks', async () => {
    expect((await read('a,b\n ,\n')).rows).toHaveLength(1);
  });

  it('are one run over many blocks, and are reported a thousand times at most', async () => {
    const long = await read(`a,b\n1,2\n${'\n'.repeat(200_000)}3,4\n`);
    expect(long.rows.map((row) => row.line)).toEqual([2, 200_003]);
    expect(long.ending.warnings).toMatchObject([{ line: 3 }]);
    const many = await read(`a,b\n${'1,2\n\n'.repeat(1500)}3,4\n`);
    expect([many.ending.warnings.length, many.ending.warningsTotal]).toEqual([1000, 1500]);
  });
});

describe('the delimiter', () => {
  it.each([
    ['a,b\n1,2\n', {}, ','],
    ['a;b\n1;2\n', {}, ';'],
    ['a\tb\n1\t2\n', {}, '\t'],
    ['"a,x,y";b\n1;2\n', {}, ';'],
    ['sep=;\na;b\n1;2\n', {}, ';'],
    ['SEP=|\r\na|b\r\n1|2\r\n', {}, '|'],
    ['sep=\t\na\tb\n1\t2\n', {}, '\t'],
    ['a|b\n1|2\n', { delimiter: '|' }, '|'],
    ['a\tb\n1\t2\n', { delimiter: 'tab' }, '\t'],
    ['sep=;\na,b\n1,2\n', { delimiter: ',' }, ','],
  ])('of %j is reported (%j)', async (text, options, delimiter) => {
    const { csv, rows } = await read(text, options);
    expect(csv.delimiter).toBe(delimiter);
    expect(csv.headerLine).toBe(/^sep/i.test(text) ? 2 : 1);
    expect(rows.map((row) => row.cells)).toEqual([['1', '2']]);
  });

  it('is detected from the whole header, though it goes over several lines', async () => {
    expect((await read('"a\n,";b;c\n1;2;3\n')).csv).toMatchObject({ delimiter: ';', header: ['a\n,', 'b', 'c'], headerLine: 1 });
    expect((await read('"a\nx";b\n1;2\n')).csv.delimiter).toBe(';');
  });

  it('is a comma where there is one column', async () => {
    expect((await read('a\n1\n')).csv.delimiter).toBe(',');
  });

  it.each([
    ['a,b;c\n', {}, [1, 'delimiter_ambiguous']],
    ['sep=\na,b\n', {}, [1, 'sep_line_invalid']],
    ['sep=,;\na,b\n', {}, [1, 'sep_line_invalid']],
    ['a,b\n', { delimiter: '' }, [1, 'delimiter_invalid']],
    ['a,b\n', { delimiter: ',,' }, [1, 'delimiter_invalid']],
    ['a,b\n', { delimiter: '"' }, [1, 'delimiter_invalid']],
    ['a,b\n', { delimiter: '\n' }, [1, 'delimiter_invalid']],
    ['a,b\n', { delimiter: '1' }, [1, 'delimiter_invalid']],
  ])('of %j with %j is refused', async (text, options, problem) => {
    expect(told(await broken(text, options))).toEqual([problem]);
  });
});
