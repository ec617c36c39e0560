/** The report as CSV: rows as they are typed, rows that cannot be read, and files that are refused. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ReportLine } from '../../../batches/reconciliation/report-row.ts';
import { reportLimits } from '../../../consumers/gateway-report/read-report.ts';
import { columnNames, csvReport, metadata, payout, readBack, refusal } from './reports.ts';

const typed = {
  line: 2,
  operationId: 'po_1',
  sessionId: 'ps_1',
  type: 'advice',
  typeOfPayment: 'Advice',
  merchantMetadata: metadata,
  amountMinor: 1230n,
  currency: 'EUR',
  transactionDate: '2026-11-27 10:00:00',
  transactionAt: Date.parse('2026-11-27T10:00:00Z'),
  finishedAt: '2026-11-27 10:00:05',
  others: {
    paymentFast: 'false',
    paymentMethodIdentity: 'BE**…7034',
    product: 'SEPA',
    grossLocalAmount: '12.50',
    feesLocalAmount: '0.20',
    'Currency fee': 'EUR',
    RRN: '123456789012',
  },
};

const only = (lines: readonly ReportLine[]) => {
  const [line, more] = lines;
  if (line === undefined || more !== undefined) throw new Error(`${lines.length} lines`);
  return line.type === 'row' ? line.row : line.unreadable;
};

describe('a report as CSV', () => {
  it('becomes typed rows, and has project and days from its name', async () => {
    expect(await readBack(csvReport([payout]))).toEqual({
      format: 'csv',
      project: 'Shop',
      days: { from: '2026-11-27', to: '2026-11-27' },
      lines: [{ type: 'row', row: typed }],
    });
  });

  it.each([
    ['separated by semicolons', csvReport([payout], { delimiter: ';' })],
    ['with a byte order mark', `\uFEFF${csvReport([payout])}`],
    ['with CRLF', csvReport([payout]).replaceAll('\n', '\r\n')],
    ['without an end of its last line', csvReport([payout]).trimEnd()],
    ['compressed by gzip', gzipSync(csvReport([payout]))],
  ])('is read %s', async (_title, content) => {
    expect(only((await readBack(content)).lines)).toEqual(typed);
  });

  it('has its columns in any order, in any case, with blanks around them', async () => {
    const shuffled = columnNames.toReversed();
    const [header = '', ...rows] = csvReport([payout], { columns: shuffled }).split('\n');
    const spelt = header.toUpperCase().replace('CURRENCY AMOUNT', ' currency_amount ');
    const row = only((await readBack([spelt, ...rows].join('\n'))).lines);
    expect(row).toMatchObject({ operationId: 'po_1', sessionId: 'ps_1', amountMinor: 1230n, currency: 'EUR', merchantMetadata: metadata });
  });

  it('needs only the columns that are used', async () => {
    const columns = columnNames
      .filter((name) => name in { operationId: 1, transactionDate: 1, typeOfPayment: 1, paymentSessionId: 1 })
      .concat('paymentSessionMerchantMetadata', 'paymentLocalAmount', 'Currency amount');
    expect(only((await readBack(csvReport([payout], { columns }))).lines)).toMatchObject({
      amountMinor: 1230n,
      finishedAt: '',
      others: {},
    });
  });

  it('has lines as an editor shows them, blank lines included', async () => {
    const text = csvReport([payout, payout]).replace('\npo_1', '\n\npo_1');
    expect((await readBack(text)).lines.map((line) => (line.type === 'row' ? line.row.line : 0))).toEqual([3, 4]);
  });

  it('has no days from another name', async () => {
    expect(await readBack(csvReport([payout]), 'report.csv')).toMatchObject({ days: null, project: null });
  });

  it('may have no rows when its name has days', async () => {
    expect(await readBack(csvReport([]))).toMatchObject({ lines: [] });
  });
});

describe('a value of a report', () => {
  const rowWith = async (patch: object) => only((await readBack(csvReport([{ ...payout, ...patch }]))).lines);

  it.each([
    ['12.30', 'EUR', 1230n],
    ['12.3', 'EUR', 1230n],
    ['12', 'EUR', 1200n],
    ['12.3000', 'EUR', 1230n],
    ['-12.30', 'EUR', -1230n],
    ['0.00', 'EUR', 0n],
    ['0.07', 'eur', 7n],
    ['500.00', 'JPY', 500n],
    ['1.234', 'KWD', 1234n],
    ['90071992547409.91', 'EUR', 9_007_199_254_740_991n],
  ])('%s %s is %s minor units', async (amount, currency, amountMinor) => {
    expect(await rowWith({ paymentLocalAmount: amount, 'Currency amount': currency })).toMatchObject({
      amountMinor,
      currency: currency.toUpperCase(),
    });
  });

  it.each([
    ['Advice', 'advice'],
    ['ADVICE', 'advice'],
    ['Refund', 'refund'],
    ['Reversal', 'other'],
  ])('%s as type of payment is %s, and its text is kept', async (typeOfPayment, type) => {
    expect(await rowWith({ typeOfPayment })).toMatchObject({ type, typeOfPayment });
  });

  it.each([
    ['2026-11-27', '2026-11-27T00:00:00Z'],
    ['2026-11-27T23:30:00.123Z', '2026-11-27T23:30:00Z'],
    ['2026-11-27T23:30:00-02:00', '2026-11-28T01:30:00Z'],
    ['2026-11-27 23:30 +0300', '2026-11-27T20:30:00Z'],
    ['27.11.2026 23:30', '2026-11-27T23:30:00Z'],
  ])('%s as transaction date is %s', async (transactionDate, expected) => {
    expect(await rowWith({ transactionDate })).toMatchObject({ transactionDate, transactionAt: Date.parse(expected) });
  });

  it.each(['11/27/2026', '2026-02-30', 'yesterday', ''])(
    '%j as transaction date is not known, and the row is read',
    async (transactionDate) => {
      expect(await rowWith({ transactionDate })).toMatchObject({ transactionAt: null, amountMinor: 1230n });
    },
  );
});

describe('a row that cannot be read', () => {
  it.each([
    ['without an operation id', { operationId: '' }, 'operationId', 'operation_id'],
    ['without a session id', { paymentSessionId: ' ' }, 'paymentSessionId', 'session_id'],
    ['without a type of payment', { typeOfPayment: '' }, 'typeOfPayment', 'type_of_payment'],
    ['without an amount', { paymentLocalAmount: '' }, 'paymentLocalAmount', 'amount'],
    ['with a decimal comma', { paymentLocalAmount: '12,30' }, 'paymentLocalAmount', 'amount'],
    ['with a thousands separator', { paymentLocalAmount: '1,234.50' }, 'paymentLocalAmount', 'amount'],
    ['with more decimals than the currency', { paymentLocalAmount: '12.301' }, 'paymentLocalAmount', 'amount'],
    ['with an exponent', { paymentLocalAmount: '1.23E+1' }, 'paymentLocalAmount', 'amount'],
    ['with an amount that is too large', { paymentLocalAmount: '90071992547409.92' }, 'paymentLocalAmount', 'amount'],
    ['with an unknown currency', { 'Currency amount': 'XXX' }, 'Currency amount', 'currency'],
    ['without a currency', { 'Currency amount': '' }, 'Currency amount', 'currency'],
  ])('%s is reported with line, column and code, and the next one is read', async (_title, patch, column, code) => {
    const [bad, good] = (await readBack(csvReport([{ ...payout, ...patch }, payout]))).lines;
    expect(bad).toMatchObject({ type: 'unreadable', unreadable: { line: 2, column, code } });
    expect(good).toMatchObject({ type: 'row', row: { line: 3, operationId: 'po_1' } });
  });

  it('shows its operation and session all the same', async () => {
    const { lines } = await readBack(csvReport([{ ...payout, paymentLocalAmount: 'x' }]));
    expect(only(lines)).toMatchObject({ operationId: 'po_1', sessionId: 'ps_1' });
  });

  it.each([
    ['too few', 'po_1,ps_1\n'],
    ['too many', `${Array.from({ length: 16 }, () => 'x').join(',')}\n`],
  ])('has %s cells', async (_title, row) => {
    expect(only((await readBack(csvReport([]) + row)).lines)).toMatchObject({ line: 2, code: 'cell_count', sessionId: null });
  });
});

describe('a file that is refused', () => {
  it.each([
    ['empty', '', '1 file_empty: The report is empty: download it again.'],
    ['nothing but blank lines', '\n\n', '1 header_missing: The report has no line with the names of its columns: download it again.'],
    ['a web page', '<!doctype html><p>Log in</p>', '1 not_csv: This is not CSV but a web page (HTML)'],
    [
      'another table',
      'record_id,amount\na,1\n',
      '1 not_a_report: This is no daily payouts report: its first line has none of the columns operationId,',
    ],
    [
      'without two of the columns',
      csvReport([payout], { columns: columnNames.filter((name) => !/Session/.test(name)) }),
      '1 column_missing: The columns paymentSessionId, paymentSessionMerchantMetadata are missing:',
    ],
    [
      'a column twice',
      csvReport([payout], { columns: [...columnNames, 'OPERATIONID'] }),
      '1 column_twice: The column OPERATIONID is there twice',
    ],
    [
      'in another encoding',
      Buffer.concat([Buffer.from(csvReport([payout])), Buffer.from([0xe9, 0x0a])]),
      '3 encoding_invalid: The report is not in UTF-8',
    ],
    ['a quote that is never closed', `${csvReport([payout])}"po_2`, '3 quote_unclosed'],
  ])('%s', async (_title, content, expected) => {
    const found = await refusal(content);
    expect(found.slice(0, expected.length)).toBe(expected);
    expect(found).not.toMatch(/--encoding|--delimiter/);
  });

  it('without rows and without days in its name has nothing to be compared', async () => {
    expect(await refusal(csvReport([]), 'report.csv')).toMatch(/^1 report_empty: .*<Project>_YYYY-MM-DD_YYYY-MM-DD/);
  });

  it('with more rows than the limit is refused at the first row beyond it', async () => {
    expect(await refusal(csvReport([payout, payout]), undefined, { ...reportLimits, maxRows: 1 })).toMatch(
      /^3 report_too_long: .* more than 1 rows/,
    );
  });
});
