/** What is kept of a workbook, and what is done for it, is bounded by its bytes. All bounds are counts. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readWorkbook } from '../../../consumers/workbook/read-workbook.ts';
import { createXmlReader } from '../../../consumers/workbook/xml.ts';
import { zipOf } from '../gateway-report/reports.ts';
import { inlineRow, parts, refusal, withFile } from './workbooks.ts';

const good = `${inlineRow(1, 'a')}${inlineRow(2, 'x')}`;

afterEach(() => void vi.restoreAllMocks());

describe('a row of a workbook', () => {
  it('is refused when a value is right of 1,024 columns, which would all be filled', async () => {
    const at = (place: string) => zipOf(parts(`${inlineRow(1, 'a')}<row r="2"><c r="${place}" t="str"><v>x</v></c></row>`));
    expect(await refusal(at('AMK2'))).toBe('2 record_too_long');
    await expect(refusal(at('AMJ2'))).rejects.toThrow('the workbook was read');
  });

  it('is refused when the pieces of one text are too much together', async () => {
    const text = `${'x'.repeat(1_000)}<!-- -->`.repeat(600);
    expect(await refusal(zipOf(parts(inlineRow(1, text))))).toBe('1 record_too_long');
  });

  it('that repeats a long text many times is in blocks of a few MiB', async () => {
    const row = '<row><c t="s"><v>0</v></c></row>';
    const bytes = zipOf(parts(`${inlineRow(1, 'a')}${row.repeat(3_000)}`, { texts: ['x'.repeat(5_000)] }));
    const sizes = await withFile(bytes, async (path) => {
      const file = await readWorkbook(path);
      const found: number[] = [];
      for await (const block of file.blocks) found.push(block.reduce((sum, { cells }) => sum + (cells[0]?.length ?? 0), 0));
      return found;
    });
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(15_000_000);
    expect(Math.max(...sizes)).toBeLessThan(7_000_000);
  });
});

describe('a part of a workbook', () => {
  it('is refused when it unpacks to more than its directory says, before it is read', async () => {
    const bytes = zipOf({ ...parts(good), 'xl/workbook.xml': `<workbook>${'<a/>'.repeat(500_000)}` });
    // In its entry of the directory.
    bytes.writeUInt32LE(2_000, bytes.lastIndexOf('xl/workbook.xml') - 46 + 24);
    await withFile(bytes, async (path) => {
      await expect(readWorkbook(path)).rejects.toThrow('a part is larger than its directory says');
    });
  });

  it.each([
    ['more cell styles than a spreadsheet has', `<cellXfs>${'<xf/>'.repeat(65_537)}</cellXfs>`],
    ['a number format that is too long', `<numFmts><numFmt numFmtId="170" formatCode="${'['.repeat(1_025)}"/></numFmts>`],
  ])('is refused when it has %s', async (_title, styles) => {
    expect(await refusal(zipOf(parts(good, { styles })))).toBe('1 workbook_damaged');
  });

  it('is refused when one shared text has too many pieces', async () => {
    expect(await refusal(zipOf(parts(good, { texts: [`${'x'.repeat(1_000)}<!-- -->`.repeat(600)] })))).toBe('1 workbook_damaged');
  });

  it('is refused when it has more relations than a workbook has', async () => {
    const given = parts(good);
    const many = String(given['xl/_rels/workbook.xml.rels']).replace('</Relationships>', `${'<Relationship/>'.repeat(10_000)}$&`);
    expect(await refusal(zipOf({ ...given, 'xl/_rels/workbook.xml.rels': many }))).toBe('1 workbook_damaged');
  });
});

describe('an element', () => {
  it('with many quotes is searched for its end once', () => {
    const reader = createXmlReader({ open: () => undefined, close: () => undefined, text: () => undefined });
    const searched = vi.spyOn(String.prototype, 'indexOf');
    reader.push(`<a ${`x="" `.repeat(10_000)}/>`);
    reader.end();
    expect(searched.mock.calls.filter(([sign]) => sign === '>').length).toBeLessThan(5);
  });
});
