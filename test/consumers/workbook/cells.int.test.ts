/** What cells of a workbook become. */
import { describe, expect, it } from 'vitest';
import { inlineRow, parts, readParts } from './workbooks.ts';

const header = inlineRow(1, 'a', 'b', 'c');
const read = async (sheetData: string, options?: Parameters<typeof parts>[1]) => readParts(parts(`${header}${sheetData}`, options));
const cellsOf = async (sheetData: string, options?: Parameters<typeof parts>[1]) =>
  (await read(sheetData, options)).rows.map(({ cells }) => cells);
const notesOf = async (sheetData: string, options?: Parameters<typeof parts>[1]) => (await read(sheetData, options)).rows[0]?.notes;

describe('a cell of text', () => {
  it('is read as it is, with its blanks, line breaks, references and escapes', async () => {
    const texts = [' x ', 'a\r\nb', '&lt;&amp;&#233;&#x1F600;', '_x000D__x005F_x0041_', '<![CDATA[<raw>]]>'];
    const row = `<row r="2">${texts.map((text) => `<c t="inlineStr"><is><t xml:space="preserve">${text}</t></is></c>`).join('')}</row>`;
    expect(await cellsOf(row)).toEqual([[' x ', 'a\nb', '<&é😀', '\r_x0041_', '<raw>']]);
  });

  it('with several runs and a reading aid for Japanese is the runs alone', async () => {
    const run = '<is><r><rPr><b/></rPr><t>東</t></r><r><t>京</t></r><rPh sb="0" eb="1"><t>トウ</t></rPh></is>';
    expect(await cellsOf(`<row r="2"><c t="inlineStr">${run}</c></row>`)).toEqual([['東京', '', '']]);
  });

  it('may be shared, and has no note', async () => {
    const row = '<row r="2"><c r="A2" t="s"><v>1</v></c><c r="B2" t="s"><v>0</v></c></row>';
    expect(await cellsOf(row, { texts: ['zero', 'one'] })).toEqual([['one', 'zero', '']]);
    expect(await notesOf(row, { texts: ['zero', 'one'] })).toBeUndefined();
  });

  it('keeps its column where cells before it are left out', async () => {
    expect(await cellsOf('<row r="2"><c r="C2" t="str"><v>x</v></c></row>')).toEqual([['', '', 'x']]);
  });

  it('is read whatever the prefix of the elements is', async () => {
    const given = parts('');
    given['xl/sheet.xml'] =
      '<x:worksheet xmlns:x="m"><x:sheetData><x:row><x:c t="str"><x:v>a</x:v></x:c></x:row><x:row><x:c t="str"><x:v>1</x:v></x:c></x:row></x:sheetData></x:worksheet>';
    expect((await readParts(given)).rows.map(({ cells }) => cells)).toEqual([['1']]);
  });
});

describe('a cell that is not text', () => {
  const styles =
    '<numFmts count="2"><numFmt numFmtId="170" formatCode="dd/mm/yyyy"/><numFmt numFmtId="171" formatCode="[$€-407] #,##0.00 &quot;days&quot;"/></numFmts>' +
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/><xf numFmtId="171"/><xf numFmtId="10"/></cellXfs>';

  it.each([
    ['a number', '<c><v>12345</v></c>', 'number'],
    ['a number in a format of money', '<c s="3"><v>12345</v></c>', 'number'],
    ['a date by a format that every spreadsheet has', '<c s="1"><v>45000</v></c>', 'date'],
    ['a date by a format of the workbook', '<c s="2"><v>45000</v></c>', 'date'],
    ['a date as text', '<c t="d"><v>2026-05-01</v></c>', 'date'],
    ['a percentage', '<c s="4"><v>0.5</v></c>', 'percent'],
    ['true or false', '<c t="b"><v>1</v></c>', 'boolean'],
    ['an error', '<c t="e"><v>#N/A</v></c>', 'error'],
  ])('is noted when it is %s', async (_, cell, is) => {
    expect(await notesOf(`<row r="2">${cell}</row>`, { styles })).toEqual([{ index: 0, is }]);
  });

  it.each([
    ['a value', '<c t="str"><f>A1</f><v>x</v></c>', ['formula']],
    ['a number', '<c><f>1+1</f><v>2</v></c>', ['formula', 'number']],
    ['the empty text', '<c t="str"><f>A1</f><v></v></c><c t="str"><v>x</v></c>', ['formula']],
    ['an empty number', '<c><f>1+1</f><v/></c>', ['formula_unsaved']],
    ['no value', '<c><f>1+1</f></c>', ['formula_unsaved']],
  ])('is noted when it is a formula with %s', async (_, cell, notes) => {
    expect((await notesOf(`<row r="2">${cell}</row>`))?.map(({ is }) => is)).toEqual(notes);
  });
});

describe('what a person does not see', () => {
  it('is named: hidden rows and columns, merged cells, blank rows', async () => {
    const hidden = (line: number) => `<row r="${line}" hidden="1"><c t="str"><v>x</v></c></row>`;
    const sheet = `${header}${hidden(2)}${hidden(3)}<row r="4"><c t="str"><v>y</v></c></row>${hidden(9)}`;
    const given = parts(sheet, { after: '<mergeCells><mergeCell ref="A2:B3"/></mergeCells>' });
    given['xl/sheet.xml'] = String(given['xl/sheet.xml']).replace(
      '<sheetData>',
      '<cols><col min="2" max="3" hidden="1"/></cols><sheetData>',
    );
    const { rows, warnings } = await readParts(given);
    expect(rows.map(({ line }) => line)).toEqual([2, 3, 4, 9]);
    expect(warnings).toEqual(['2 hidden_rows', '5 blank_rows', '9 hidden_rows', '1 merged_cells', '1 hidden_columns']);
  });

  it('is no warning where rows at the end have only a format', async () => {
    expect((await read('<row r="2"><c t="str"><v>y</v></c></row><row r="900"><c s="1"/></row>')).warnings).toEqual([]);
  });
});

describe('the header', () => {
  it('is the first row that has something in it', async () => {
    const { headerLine, warnings, rows } = await readParts(parts(`<row r="1"><c/></row>${inlineRow(3, 'a')}${inlineRow(4, 'x')}`));
    expect([headerLine, warnings, rows.map(({ line }) => line)]).toEqual([3, ['1 blank_rows'], [4]]);
  });

  it('of a fix-file removes the apostrophes of its cells', async () => {
    const sheet = `${inlineRow(1, 'a', 'error')}${inlineRow(2, "'+49", 'e')}`;
    expect((await readParts(parts(sheet))).rows[0]?.cells).toEqual(['+49', 'e']);
  });
});
