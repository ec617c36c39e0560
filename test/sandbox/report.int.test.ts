import { readSheet } from 'read-excel-file/node';
import { parse } from 'csv-parse/sync';
import { expect, it } from 'vitest';
import type { Sandbox, SandboxOptions } from '../../sandbox/server.ts';
import { reportColumns } from '../../sandbox/report.ts';
import { samplePayout } from '../support/builders.ts';
import { admin, call, charge, openSandbox, pay, payoutBody } from './gateway-calls.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const settleMs = 1000;
const lastSecond = Date.UTC(2026, 10, 21, 23, 59, 59);

async function openReporting(options: Partial<SandboxOptions> = {}, start = Date.UTC(2026, 10, 21, 8)) {
  const clock = createVirtualClock(start);
  return { clock, sandbox: await openSandbox({ clock, settleMs, confirm: 'auto', ...options }) };
}

type Row = Readonly<Record<string, string>>;

async function rowsOf(sandbox: Sandbox, date = '2026-11-21', more = ''): Promise<readonly Row[]> {
  const text = await (await admin(sandbox, `report?date=${date}${more}`)).text();
  return parse(text, { columns: true });
}

it('the report has the columns of the gateway in their order, also without rows', async () => {
  const { sandbox } = await openReporting();
  const text = await (await admin(sandbox, 'report?date=2026-11-21')).text();
  expect(text).toBe(
    'operationId,transactionDate,finishedAt,typeOfPayment,paymentFast,paymentSessionId,paymentSessionMerchantMetadata,paymentMethodIdentity,product,grossLocalAmount,paymentLocalAmount,feesLocalAmount,Currency amount,Currency fee,RRN\r\n',
  );
});

it('the report lists a payout that succeeded, with its session, entry, metadata and amount in major units', async () => {
  const { clock, sandbox } = await openReporting();
  const { session } = await pay(sandbox, 'a', 1230);
  clock.advance(settleMs);
  const response = await admin(sandbox, 'report?date=2026-11-21');
  expect(response.headers.get('content-disposition')).toBe('attachment; filename="shop_2026-11-21_2026-11-21.csv"');
  expect(await rowsOf(sandbox)).toEqual([
    {
      operationId: session.payments?.[0]?.id,
      transactionDate: '2026-11-21',
      finishedAt: '2026-11-21T08:00:01.000000Z',
      typeOfPayment: 'Advice',
      paymentFast: 'false',
      paymentSessionId: session.id,
      paymentSessionMerchantMetadata: '{"record_id":"a","attempt":1}',
      paymentMethodIdentity: expect.stringMatching(/\w/),
      product: 'payout',
      grossLocalAmount: '12.30',
      paymentLocalAmount: '12.30',
      feesLocalAmount: '0.00',
      'Currency amount': 'USD',
      'Currency fee': 'USD',
      RRN: expect.stringMatching(/^\d{12}$/),
    },
  ]);
});

it('the report leaves out what is open, failed or cancelled, card payments and other projects', async () => {
  const { clock, sandbox } = await openReporting({ confirm: 'manual' });
  const [paid, cancelled] = [await pay(sandbox, 'paid'), await pay(sandbox, 'cancelled')];
  await pay(sandbox, 'open');
  await charge(sandbox, 'card');
  clock.advance(settleMs);
  await call(sandbox, 'session/confirm', { session_id: paid.session.id });
  await call(sandbox, 'session/cancel', { session_id: cancelled.session.id });
  clock.advance(settleMs);
  expect((await rowsOf(sandbox)).map((row) => row['paymentSessionId'])).toEqual([paid.session.id]);
  expect(await rowsOf(sandbox, '2026-11-21', '&project=other')).toEqual([]);
  const failing = await openReporting({ faults: { 'fail-later': 1 } });
  await pay(failing.sandbox, 'failed');
  failing.clock.advance(10 * settleMs);
  expect(await rowsOf(failing.sandbox)).toEqual([]);
});

it('the report lists a payout on the UTC day on which it succeeded, not on that of its init call', async () => {
  const { clock, sandbox } = await openReporting({}, lastSecond);
  await pay(sandbox, 'a');
  clock.advance(settleMs - 1);
  expect(await rowsOf(sandbox)).toEqual([]);
  clock.advance(1);
  expect(await rowsOf(sandbox)).toEqual([]);
  expect(await rowsOf(sandbox, '2026-11-22')).toMatchObject([{ transactionDate: '2026-11-22' }]);
});

it('a returned payout is a Refund row of the same operation on the day of the return, beside its Advice row', async () => {
  const { clock, sandbox } = await openReporting({ faults: { return: 1 } }, lastSecond - settleMs);
  const { session } = await pay(sandbox, 'a', 500);
  clock.advance(3 * settleMs - 1);
  const operationId = session.payments?.[0]?.id;
  expect(await rowsOf(sandbox, '2026-11-22')).toEqual([]);
  clock.advance(1);
  expect(await rowsOf(sandbox)).toMatchObject([{ typeOfPayment: 'Advice', operationId, paymentLocalAmount: '5.00' }]);
  expect(await rowsOf(sandbox, '2026-11-22')).toMatchObject([{ typeOfPayment: 'Refund', operationId, paymentLocalAmount: '5.00' }]);
});

it('the metadata is printed whole or cut to the configured length, as text or as JSON', async () => {
  const printed = async (reportMetadata: SandboxOptions['reportMetadata']) => {
    const { clock, sandbox } = await openReporting({ reportMetadata });
    await pay(sandbox, 'a,"b"');
    for (const metadata of ['plain text', 123_456_789, undefined, 'a𝒳b']) await call(sandbox, 'session/init/payout', payoutBody(metadata));
    clock.advance(settleMs);
    return (await rowsOf(sandbox)).map((row) => row['paymentSessionMerchantMetadata']);
  };
  expect(await printed('whole')).toEqual([JSON.stringify({ record_id: 'a,"b"', attempt: 1 }), 'plain text', '123456789', '', 'a𝒳b']);
  expect(await printed(2)).toEqual(['{"', 'pl', '12', '', 'a𝒳']);
  expect(await printed(6)).toEqual(['{"reco', 'plain ', '123456', '', 'a𝒳b']);
});

it.each([
  ['jpy', 1234, '1234'],
  ['KWD', 1234, '1.234'],
  ['eur', 5, '0.05'],
])('an amount in %s has the decimals of its currency', async (currency, amount, expected) => {
  const { clock, sandbox } = await openReporting();
  await call(sandbox, 'session/init/payout', payoutBody(undefined, amount, currency));
  clock.advance(settleMs);
  expect(await rowsOf(sandbox)).toMatchObject([{ paymentLocalAmount: expected, 'Currency amount': currency.toUpperCase() }]);
});

it('a card is printed with its first six and last four digits', async () => {
  const { clock, sandbox } = await openReporting();
  const card = { type: 'card', card: { type: 'bank_card', bank_card: { number: '4242424242424242' } } };
  await call(sandbox, 'session/init/payout', { ...samplePayout, payment_method: card });
  clock.advance(settleMs);
  expect(await rowsOf(sandbox)).toMatchObject([{ paymentMethodIdentity: '424242******4242' }]);
});

it('the XLSX report has the cells of the CSV report, with amounts as numbers', async () => {
  const { clock, sandbox } = await openReporting({ faults: { return: 0.5 } });
  for (let index = 0; index < 10; index++) await pay(sandbox, `r${index}`, 100 + index);
  clock.advance(10 * settleMs);
  const response = await admin(sandbox, 'report?date=2026-11-21&format=xlsx');
  expect(response.headers.get('content-disposition')).toContain('filename="shop_2026-11-21_2026-11-21.xlsx"');
  const [head, ...sheet] = await readSheet(Buffer.from(await response.arrayBuffer()));
  expect(head).toEqual([...reportColumns]);
  const rows = await rowsOf(sandbox);
  expect(rows.length).toBeGreaterThan(10);
  expect(sheet.map((cells) => cells[10])).toEqual(rows.map((row) => Number(row['paymentLocalAmount'])));
  const texts = (cells: readonly unknown[]) => reportColumns.map((column, index) => (column.endsWith('LocalAmount') ? '' : cells[index]));
  expect(sheet.map(texts)).toEqual(rows.map((row) => texts(reportColumns.map((column) => row[column]))));
});

it('the report is the same for the same seed', async () => {
  const textOf = async (seed: number) => {
    const { clock, sandbox } = await openReporting({ seed, faults: { return: 0.3, 'fail-later': 0.3 } });
    for (let index = 0; index < 20; index++) await pay(sandbox, `r${index}`);
    clock.advance(10 * settleMs);
    return (await admin(sandbox, 'report?date=2026-11-21')).text();
  };
  expect(await textOf(3)).toBe(await textOf(3));
  expect(await textOf(4)).not.toBe(await textOf(3));
});

it.each(['report', 'report?date=2026-02-30', 'report?date=21.11.2026', 'report?date=2026-11-21&format=pdf'])(
  '%s is refused with what is expected',
  async (path) => {
    const { sandbox } = await openReporting();
    const response = await admin(sandbox, path);
    expect([response.status, await response.json()]).toMatchObject([400, { error: { description: expect.stringContaining('expected') } }]);
  },
);
