/** The report of the simulated gateway, which shares no code with the reader, is read as what was paid. */
import { expect, it } from 'vitest';
import { readMerchantMetadata } from '../../../batches/reconciliation/merchant-metadata.ts';
import { admin, openSandbox, pay } from '../../sandbox/gateway-calls.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';
import { readBack } from './reports.ts';

it.each(['csv', 'xlsx'] as const)('the %s report of the sandbox is read with every amount, session and record', async (format) => {
  const clock = createVirtualClock();
  const sandbox = await openSandbox({ clock, settleMs: 1000, confirm: 'auto', faults: { return: 0.4 } });
  for (let index = 0; index < 30; index++) await pay(sandbox, `r-${index}`, 10_007 + 101 * index);
  clock.advance(10_000);
  const response = await admin(sandbox, `report?date=2026-11-21&format=${format}`);
  const name = /filename="(.+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1] ?? '';
  const report = await readBack(Buffer.from(await response.arrayBuffer()), name);
  expect(report).toMatchObject({ format, project: 'shop', days: { from: '2026-11-21', to: '2026-11-21' } });
  const rows = report.lines.map((line) => (line.type === 'row' ? line.row : expect.fail(line.unreadable.message)));
  const seen = (type: 'advice' | 'refund') =>
    rows
      .filter((row) => row.type === type)
      .map(({ sessionId, amountMinor, currency, merchantMetadata }) => {
        const metadata = readMerchantMetadata(merchantMetadata);
        return { sessionId, amountMinor, currency, recordId: metadata.type === 'whole' ? metadata.recordId : null };
      });
  const expected = sandbox.payments().map(({ session_id, amount, record_id, returned }) => ({
    line: { sessionId: session_id, amountMinor: BigInt(amount), currency: 'USD', recordId: record_id },
    isReturned: returned !== undefined,
  }));
  expect(seen('advice')).toEqual(expected.map(({ line }) => line));
  expect(seen('refund')).toEqual(expected.filter(({ isReturned }) => isReturned).map(({ line }) => line));
  expect(seen('refund').length).toBeGreaterThan(3);
});
