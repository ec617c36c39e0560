/** Workbooks of which nothing is paid, each named for what is wrong with it. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { FileChangedError } from '../../../consumers/csv/file.ts';
import { readWorkbook } from '../../../consumers/workbook/read-workbook.ts';
import { zipOf } from '../gateway-report/reports.ts';
import { inlineRow, parts, readAll, refusal, withFile, type Parts } from './workbooks.ts';

const fixture = (name: string) => readFile(new URL(`../../fixtures/workbooks/${name}`, import.meta.url));
const good = `${inlineRow(1, 'a')}${inlineRow(2, 'x')}`;
const changed = (name: string, change: (text: string) => string, given: Parts = parts(good)): Buffer =>
  zipOf({ ...given, [name]: change(String(given[name])) });

describe('a file that is no workbook to pay from', () => {
  it.each([
    ['with macros', 'xlsxwriter-macros.xlsm', '1 workbook_macros'],
    ['with a password', 'encrypted.xlsx', '1 workbook_encrypted'],
    ['of an old spreadsheet', 'libreoffice-old.xls', '1 workbook_old'],
    ['of OpenDocument', 'libreoffice.ods', '1 not_csv'],
  ])('%s is refused by its name', async (_, name, expected) => {
    expect(await refusal(await fixture(name))).toBe(expected);
  });

  it('is refused when it is binary, a document, or any zip', async () => {
    const target = (name: string) => (text: string) => text.replace('xl/workbook.xml', name);
    expect(await refusal(changed('_rels/.rels', target('xl/workbook.bin'), { ...parts(good), 'xl/workbook.bin': 'x' }))).toBe(
      '1 workbook_binary',
    );
    expect(await refusal(zipOf({ ...parts(good), 'xl/workbook.xml': '<document/>' }))).toBe('1 not_csv');
    expect(await refusal(zipOf({ 'may.csv': 'record_id' }))).toBe('1 not_csv');
  });
});

describe('a damaged workbook', () => {
  it('is refused when it is truncated anywhere', async () => {
    const whole = await fixture('libreoffice-payouts.xlsx');
    for (const length of [30, 500, Math.floor(whole.length / 2), whole.length - 1]) {
      expect(await refusal(whole.subarray(0, length))).toBe('1 workbook_damaged');
    }
  });

  it('is refused when a byte of a part is another', async () => {
    const bytes = zipOf(parts(good));
    const at = bytes.indexOf('xl/sheet.xml') + 'xl/sheet.xml'.length + 20;
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    expect(await refusal(bytes)).toMatch(/^\d+ workbook_damaged$/);
  });

  it.each([
    ['a document type', (text: string) => `<!DOCTYPE x [<!ENTITY e "e">]>${text}`],
    ['a reference without meaning', (text: string) => text.replace('>x<', '>&nothing;<')],
    ['an element that is not closed', (text: string) => text.replace('</row>', '')],
    ['rows that are not in order', (text: string) => text.replace('r="2"', 'r="1"')],
    ['a row beyond the last', (text: string) => text.replace('r="2"', 'r="1048577"')],
    ['a cell of another row', (text: string) => text.replace(/<row r="2"><c/, '<row r="2"><c r="A7"')],
    ['a text that is not there', (text: string) => text.replace(/<row r="2">.*?<\/row>/, '<row r="2"><c t="s"><v>7</v></c></row>')],
    ['a number that is none', (text: string) => text.replace(/<row r="2">.*?<\/row>/, '<row r="2"><c><v>0x10</v></c></row>')],
    ['something else between the rows', (text: string) => text.replace('<row r="2">', '<AlternateContent/><row r="2">')],
    ['two roots', (text: string) => `${text}<worksheet/>`],
  ])('is refused when its sheet has %s', async (_, change) => {
    expect(await refusal(changed('xl/sheet.xml', change))).toMatch(/^\d+ workbook_damaged$/);
  });

  it('is refused when two of its parts have one name', async () => {
    const bytes = zipOf({ ...parts(good), 'xl/sheex.xml': '<worksheet/>' });
    expect(await refusal(Buffer.from(bytes.toString('latin1').replaceAll('xl/sheex.xml', 'xl/sheet.xml'), 'latin1'))).toBe(
      '1 workbook_damaged',
    );
  });

  it('is refused when its directory calls a part by the name of another', async () => {
    const bytes = zipOf(parts(good)).toString('latin1');
    const last = bytes.lastIndexOf('xl/sheet.xml');
    expect(await refusal(Buffer.from(`${bytes.slice(0, last)}xl/shEEt.xml${bytes.slice(last + 12)}`, 'latin1'))).toMatch(
      /workbook_damaged$/,
    );
  });
});

describe('a workbook that unpacks to more than a payout file has', () => {
  it('is refused while it is unpacked', async () => {
    const limits = { maxRatio: 20, ratioFromBytes: 1024, maxBytes: 1024 ** 3 };
    expect(await refusal(zipOf(parts(`${good}${' '.repeat(1024 ** 2)}`)), { limits })).toBe('1 workbook_too_large');
    expect(await refusal(zipOf(parts(good)), { limits: { ...limits, maxBytes: 100 } })).toBe('1 workbook_too_large');
  });

  it('is refused when its texts are what is large', async () => {
    const limits = { maxRatio: 20, ratioFromBytes: 1024, maxBytes: 1024 ** 3 };
    expect(await refusal(zipOf(parts(good, { texts: [' '.repeat(1024 ** 2)] })), { limits })).toBe('1 workbook_too_large');
  });

  it('is refused when one row has more than a payout', async () => {
    const cell = 'x'.repeat(30_000);
    expect(await refusal(zipOf(parts(`${inlineRow(1, 'a', 'b', 'c')}${inlineRow(2, cell, cell, cell)}`)))).toBe('2 record_too_long');
  });
});

describe('the sheet to be paid', () => {
  const sheets = (list: string) => changed('xl/workbook.xml', (text) => text.replace(/<sheet name.*?\/>/, list));
  it('is named when it is hidden and the first, and read when it is asked for', async () => {
    const bytes = sheets('<sheet name="Pay" r:id="r1" state="veryHidden"/>');
    expect(await refusal(bytes)).toBe('1 sheet_hidden');
    const { rows, warnings } = await withFile(bytes, (path) => readAll(path, { sheet: 'pay' }));
    expect([rows.length, warnings]).toEqual([1, ['1 sheet_hidden']]);
  });

  it('is refused when no sheet has the name, or it is a chart', async () => {
    expect(await refusal(sheets('<sheet name="Pay" r:id="r1"/>'), { sheet: 'other' })).toBe('1 sheet_missing');
    expect(await refusal(sheets('<sheet name="Chart" r:id="r2"/><sheet name="Pay" r:id="r1"/>'))).toBe('1 sheet_without_rows');
  });
});

describe('a workbook that changes', () => {
  const expectedOf = async (path: string) => {
    const file = await readWorkbook(path);
    for await (const block of file.blocks) expect(block.length).toBeGreaterThan(0);
    return file.finished();
  };

  it('between two readings hands out no row', async () => {
    const expected = await withFile(zipOf(parts(good)), expectedOf);
    await expect(withFile(zipOf(parts(good.replace('x', 'y'))), (path) => readAll(path, { expected }))).rejects.toThrow(FileChangedError);
  });

  it('while it is read hands out no row of what changed', async () => {
    const { openVerified } = await import('../../../consumers/workbook/verified-file.ts');
    await withFile(zipOf(parts(good)), async (path) => {
      const file = await openVerified(path);
      const { writeFile } = await import('node:fs/promises');
      await writeFile(path, zipOf(parts(good.replace('x', 'y'))));
      await expect(file.read(0, 10)).rejects.toThrow(FileChangedError);
      await file.close();
    });
  });
});
