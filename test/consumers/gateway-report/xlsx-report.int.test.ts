/** The report as a workbook: cells of every type, and workbooks that are refused. */
import { describe, expect, it } from 'vitest';
import writeWorkbook, { type SheetData } from 'write-excel-file/node';
import type { ReportLine } from '../../../batches/reconciliation/report-row.ts';
import { reportLimits } from '../../../consumers/gateway-report/read-report.ts';
import {
  columnNames,
  csvReport,
  metadata,
  payout,
  readBack,
  refusal,
  sheetRow,
  withReport,
  workbookParts,
  zipOf,
  type ReportCells,
} from './reports.ts';

const name = 'Shop_2026-11-27_2026-11-27.xlsx';

const textRow = (cells: readonly string[]) => cells.map((value) => ({ value, type: String }));
const cellsOf = (row: ReportCells): string[] => columnNames.map((column) => row[column] ?? '');

const workbook = (data: SheetData): Promise<Buffer> => writeWorkbook(data).toBuffer();

const only = (lines: readonly ReportLine[]) => {
  const [line, more] = lines;
  if (line === undefined || more !== undefined) throw new Error(`${lines.length} lines`);
  return line.type === 'row' ? line.row : line.unreadable;
};

/** One row by hand, in which one column is a number with this literal. */
async function numberIn(column: string, literal: string) {
  const cells = cellsOf({ ...payout, [column]: literal });
  const sheet = sheetRow(1, columnNames) + sheetRow(2, cells, [columnNames.indexOf(column)]);
  return only((await readBack(zipOf(workbookParts(sheet)), name)).lines);
}

const byHand = (rows: string): Buffer => zipOf(workbookParts(sheetRow(1, columnNames) + rows));

/** In the directory, where it is read. */
function withOtherChecksum(zip: Buffer): Buffer {
  const changed = Buffer.from(zip);
  const entry = changed.indexOf(Buffer.from('504b0102', 'hex'));
  changed.writeUInt32LE((changed.readUInt32LE(entry + 16) ^ 1) >>> 0, entry + 16);
  return changed;
}

describe('a report as a workbook', () => {
  it('with text in every cell has the rows of the same report as CSV', async () => {
    const book = await readBack(await workbook([textRow(columnNames), textRow(cellsOf(payout))]), name);
    const text = await readBack(csvReport([payout]));
    expect(book).toEqual({ ...text, format: 'xlsx' });
  });

  it('keeps blanks around the metadata, which is compared as it was printed', async () => {
    const cells = cellsOf({ ...payout, paymentSessionMerchantMetadata: ' inv-1 ' });
    expect(only((await readBack(byHand(sheetRow(2, cells)), name)).lines)).toMatchObject({ merchantMetadata: ' inv-1 ' });
  });

  it('is told by its content, whatever its name', async () => {
    const bytes = await workbook([textRow(columnNames), textRow(cellsOf(payout))]);
    expect(await readBack(bytes, 'report.csv')).toMatchObject({ format: 'xlsx', days: null });
  });

  it('may have amounts as numbers, dates as dates, and ids as whole numbers', async () => {
    const cells = columnNames.map((column) => {
      if (column === 'paymentLocalAmount') return { value: 12.3, type: Number };
      if (column === 'operationId') return { value: 123_456_789_012_345, type: Number };
      if (column === 'transactionDate') return { value: new Date('2026-11-27T10:00:00Z'), type: Date, format: 'yyyy-mm-dd hh:mm:ss' };
      return { value: cellsOf(payout)[columnNames.indexOf(column)] ?? '', type: String };
    });
    expect(only((await readBack(await workbook([textRow(columnNames), cells]), name)).lines)).toMatchObject({
      ...{ line: 2, amountMinor: 1230n, operationId: '123456789012345', merchantMetadata: metadata },
      ...{ transactionAt: Date.parse('2026-11-27T10:00:00Z'), transactionDate: '2026-11-27T10:00:00.000Z' },
    });
  });

  it('has lines as the spreadsheet numbers its rows, also behind empty ones and where rows are left out', async () => {
    const rows = sheetRow(2, cellsOf(payout)) + sheetRow(3, []) + sheetRow(7, cellsOf(payout));
    const { lines } = await readBack(byHand(rows), name);
    expect(lines.map((line) => (line.type === 'row' ? line.row.line : 0))).toEqual([2, 7]);
  });

  it('may have the report on another sheet than the first', async () => {
    const bytes = await writeWorkbook([
      { data: [textRow(['Made by', 'accounts'])], sheet: 'Cover' },
      { data: [textRow(columnNames), textRow(cellsOf(payout))], sheet: 'Payouts' },
    ]).toBuffer();
    expect(only((await readBack(bytes, name)).lines)).toMatchObject({ operationId: 'po_1' });
  });
});

describe('a number cell', () => {
  it.each([
    ['12.3', 1230n],
    ['9.9499999999999993', 995n],
    ['0.30000000000000004', 30n],
    ['1.23E+1', 1230n],
    ['4.35', 435n],
    ['1234567.89', 123_456_789n],
    ['9999999999999.99', 999_999_999_999_999n],
    ['-12.3', -1230n],
    ['0', 0n],
  ])('%s is an exact amount', async (literal, amountMinor) => {
    expect(await numberIn('paymentLocalAmount', literal)).toMatchObject({ amountMinor });
  });

  it.each([
    ['an amount of more than 15 digits', 'paymentLocalAmount', '10000000000000.01', 'amount'],
    ['an amount of more decimals than its currency', 'paymentLocalAmount', '12.345', 'amount'],
    ['an id of more than 15 digits', 'operationId', '1234567890123456', 'operation_id'],
    ['an id with decimals', 'paymentSessionId', '1.5', 'session_id'],
  ])('that is %s makes the row unreadable', async (_title, column, literal, code) => {
    expect(await numberIn(column, literal)).toMatchObject({ line: 2, column, code });
  });

  it('of many digits in a column of text is no date and no float', async () => {
    expect(await numberIn('RRN', '123456789012')).toMatchObject({ others: { RRN: '123456789012' } });
  });
});

describe('a row of a workbook that cannot be read', () => {
  it('because a spreadsheet made a date of its amount is reported', async () => {
    const cells = cellsOf(payout).map((value, index) =>
      columnNames[index] === 'paymentLocalAmount'
        ? { value: new Date('2026-12-30'), type: Date, format: 'dd.mm' }
        : { value, type: String },
    );
    const { lines } = await readBack(await workbook([textRow(columnNames), cells]), name);
    expect(only(lines)).toMatchObject({ line: 2, code: 'amount', sessionId: 'ps_1' });
  });

  it('because its amount is an error value is reported', async () => {
    const { lines } = await readBack(byHand(sheetRow(2, cellsOf({ ...payout, paymentLocalAmount: '#REF!' }))), name);
    expect(only(lines)).toMatchObject({ line: 2, code: 'amount' });
  });
});

describe('a workbook that is refused', () => {
  const ole = Buffer.from('d0cf11e0a1b11ae1', 'hex');
  const good = byHand(sheetRow(2, cellsOf(payout)));

  it.each([
    [
      'with a password',
      Buffer.concat([ole, Buffer.alloc(600), Buffer.from('EncryptedPackage', 'utf16le')]),
      /^1 workbook_encrypted: .*password/,
    ],
    ['with macros', zipOf({ ...workbookParts(''), 'xl/vbaProject.bin': 'x' }), /^1 workbook_macros: .*download it again/],
    ['with encrypted members', zipOf(workbookParts(''), { flags: 1 }), /^1 workbook_encrypted: /],
    ['of an old version', Buffer.concat([ole, Buffer.alloc(600)]), /^1 workbook_old: .*\.xlsx/],
    ['truncated', good.subarray(0, good.length - 40), /^1 workbook_damaged: /],
    ['with a damaged member', Buffer.from(good).fill(0, 60, 90), /^1 workbook_damaged: /],
    ['with a member that is not what its checksum says', withOtherChecksum(good), /^1 workbook_damaged: /],
    ['that is another zip', zipOf({ 'notes.txt': 'x' }), /^1 not_a_report: .*zip archive/],
    ['without a sheet that has anything', zipOf(workbookParts('')), /^1 file_empty: /],
    ['with another table', zipOf(workbookParts(sheetRow(1, ['a', 'b']))), /^1 not_a_report: .*operationId/],
    [
      'with a column missing',
      zipOf(workbookParts(sheetRow(3, columnNames.slice(1)))),
      /^3 column_missing: The column operationId is missing/,
    ],
    [
      'with a cell that is no cell',
      byHand('<row r="2"><c r="A2" t="s"><v>7</v></c></row>'),
      /^2 workbook_damaged: .*a text that is not there/,
    ],
    ['that is no XML', zipOf({ ...workbookParts(''), 'xl/workbook.xml': 'none' }), /^1 (?:workbook_damaged|file_empty): /],
  ])('%s', async (_title, bytes, expected) => {
    expect(await refusal(bytes, name)).toMatch(expected);
  });

  it('with the report on two sheets', async () => {
    const data = [textRow(columnNames), textRow(cellsOf(payout))];
    const bytes = await writeWorkbook([
      { data, sheet: 'One' },
      { data, sheet: 'Two' },
    ]).toBuffer();
    expect(await refusal(bytes, name)).toMatch(/^1 sheet_ambiguous: /);
  });

  it('with more bytes on disk than the limit is not read', async () => {
    expect(await refusal(good, name, { ...reportLimits, maxWorkbookBytes: good.length - 1 })).toMatch(/^1 workbook_too_large: .*CSV/);
  });
});

describe('a workbook that unpacks to more than it may', () => {
  const blank = ' '.repeat(400 * 1024);
  const sheet = 'xl/worksheets/sheet1.xml';
  const bomb = { ...workbookParts(''), [sheet]: Buffer.alloc(8 * 1024 ** 2, ' ') };
  const limits = { ...reportLimits, maxUnpackedBytes: 1024 ** 2 };
  /** A sheet that is empty is read to its end, and so are the texts. */
  const sheetsOf = (count: number) => {
    const given = workbookParts(blank);
    const names = Array.from({ length: count }, (_, index) => `<sheet name="S${index}" sheetId="${index + 1}" r:id="rId1"/>`);
    return zipOf({ ...given, 'xl/workbook.xml': String(given['xl/workbook.xml']).replace(/<sheet .*?\/>/, names.join('')) });
  };

  it.each([
    ['by what it unpacks to', zipOf(bomb), /^1 workbook_too_large: .*CSV/],
    ['when it states a small size', zipOf(bomb, { statedBytes: 10 }), /^1 workbook_damaged: .*larger than its directory says/],
    ['when it states an enormous size', zipOf(workbookParts(''), { statedBytes: 0xffff_fff0 }), /^1 workbook_(?:damaged|too_large): /],
    ['when only its sheets together are too much', sheetsOf(3), /^1 workbook_too_large: /],
  ])('is refused %s', async (_title, bytes, expected) => {
    expect(await refusal(bytes, name, limits)).toMatch(expected);
  });

  it('is read up to the limit', async () => {
    expect(await refusal(sheetsOf(2), name, limits)).toMatch(/^1 file_empty: /);
  });
});

describe('a cell far from the others', () => {
  it.each([
    ['far below', '<row r="1048576"><c r="A1048576" t="str"><v>po_1</v></c></row>', 1_048_576],
    ['below, at a place that is written in entities', '<row r="&#57;9999"><c r="A&#57;9999" t="str"><v>po_1</v></c></row>', 99_999],
    ['below, behind a bracket in an attribute', '<row x=">" r="999999"><c r="A999999" t="str"><v>po_1</v></c></row>', 999_999],
    ['to the right', '<row r="2"><c r="Z2" t="str"><v>x</v></c></row>', 2],
  ])('%s is the only row between, since gaps are not filled', async (_title, rows, line) => {
    const bytes = byHand(rows);
    const opened = await withReport(bytes, async (table) => {
      const lines: number[] = [];
      for await (const row of table.rows) lines.push(row.line);
      return lines;
    });
    expect(opened).toEqual([line]);
  });

  it.each([
    ['right of 1,024 columns', '<row r="2"><c r="XFD2" t="str"><v>x</v></c></row>', /^2 record_too_long: .*1,024 columns/],
    ['outside of any sheet', '<row r="99999999999"><c r="A99999999999"><v>1</v></c></row>', /workbook_damaged/],
    ['at a place with a bracket in it', '<row r="2"><c r="C<![CDATA[2"><v>1</v></c></row>', /workbook_damaged/],
    ['in another row than it says', '<row r="2"><c r="A1048576"><v>1</v></c></row>', /workbook_damaged/],
  ])('%s is refused', async (_title, rows, expected) => {
    expect(await refusal(byHand(rows), name)).toMatch(expected);
  });
});

describe('a date in a workbook', () => {
  const dated = (cell: string, settings = '') => {
    const given = workbookParts(sheetRow(1, columnNames) + sheetRow(2, cellsOf(payout)).replace(/<c r="B2".*?<\/c>/, cell));
    const relation = '<Relationship Id="rId2" Type="x/styles" Target="styles.xml"/></Relationships>';
    return zipOf({
      ...given,
      'xl/workbook.xml': String(given['xl/workbook.xml']).replace('<sheets>', `${settings}<sheets>`),
      'xl/_rels/workbook.xml.rels': String(given['xl/_rels/workbook.xml.rels']).replace('</Relationships>', relation),
      'xl/styles.xml': '<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs></styleSheet>',
    });
  };
  const at = Date.parse('2026-11-27T10:00:00Z');

  it.each([
    ['counted from 1900', dated('<c r="B2" s="1"><v>46353.416666666664</v></c>'), at],
    ['counted from 1904', dated('<c r="B2" s="1"><v>44891.416666666664</v></c>', '<workbookPr date1904="1"/>'), at],
    ['in text of a date cell', dated('<c r="B2" t="d"><v>2026-11-27T10:00:00.000</v></c>'), at],
    ['beyond every calendar', dated('<c r="B2" s="1"><v>1e300</v></c>'), null],
  ])('%s is read as UTC', async (_title, bytes, expected) => {
    expect(only((await readBack(bytes, name)).lines)).toMatchObject({ operationId: 'po_1', transactionAt: expected });
  });
});
