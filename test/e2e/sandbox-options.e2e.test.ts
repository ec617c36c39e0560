/** Options of `disburse sandbox` that decide about money, the report and webhooks, as its users give them. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { samplePayout } from '../support/builders.ts';
import { disburse, startSandbox } from '../support/cli.ts';
import { until } from './world.ts';

const init = async (url: string, amount: number): Promise<unknown> => {
  const metadata = { record_id: `r-${amount}`, attempt: 1 };
  const response = await fetch(`${url}/api/v1/session/init/payout`, {
    method: 'POST',
    headers: { 'X-PARTNER-PROJECT': 'shop' },
    body: JSON.stringify({ ...samplePayout, amount_details: { amount, currency: 'eur' }, metadata }),
  });
  return ((await response.json()) as { error?: { code: string } }).error?.code;
};

it('--balance, --underfunded and --report-metadata: what is refused is not in the report, and the metadata is cut', async () => {
  const options = ['--balance', 'EUR=5.00', '--underfunded', 'refuse', '--report-metadata', '7'];
  const sandbox = await startSandbox([...options, '--confirm', 'auto', '--settle-ms', '1']);
  try {
    expect([await init(sandbox.url, 400), await init(sandbox.url, 200)]).toEqual([undefined, 'insufficient_funds']);
    await until('the payout', async () => (await sandbox.payments()).every(({ entry_status }) => entry_status === 'succeeded'));
    // Two days, in case that midnight is between the payout and the question.
    const days = [Date.now() - 86_400_000, Date.now()].map((at) => new Date(at).toISOString().slice(0, 10));
    const reports = await Promise.all(days.map(async (day) => (await fetch(`${sandbox.url}/_sandbox/report?date=${day}`)).text()));
    const rows = reports.flatMap((report) => report.trimEnd().split('\r\n').slice(1));
    expect(rows).toHaveLength(1);
    expect(rows[0]).toContain(',"{""recor",');
    expect(rows[0]).toContain(',4.00,4.00,0.00,EUR,EUR,');
  } finally {
    await sandbox.stop();
  }
});

it('--retry-gap-ms: a webhook that is refused is sent again until its attempts end', async () => {
  let posted = 0;
  const merchant = createServer((request, response) => {
    posted += 1;
    request.resume();
    response.writeHead(500).end();
  });
  await new Promise<void>((resolve) => merchant.listen(0, '127.0.0.1', resolve));
  const { port } = merchant.address() as AddressInfo;
  const sandbox = await startSandbox(['--webhook-url', `http://127.0.0.1:${port}`, '--retry-gap-ms', '1', '--settle-ms', '1']);
  try {
    await init(sandbox.url, 400);
    await until('the last attempt', () => posted === 8);
  } finally {
    await sandbox.stop();
    merchant.close();
  }
});

it.each([
  { args: ['--balance', 'EUR=1.234'], says: '--balance: "EUR=1.234": expected a currency and an amount in major units' },
  { args: ['--balance', 'EUR=1,EUR=2'], says: '--balance: "EUR" is given twice' },
  { args: ['--underfunded', 'ignore'], says: '--underfunded' },
  { args: ['--report-metadata', '0'], says: '--report-metadata: "0": expected whole or a number of characters above zero' },
  { args: ['--retry-gap-ms', '0'], says: '--retry-gap-ms' },
])('sandbox $args is refused with a sentence', async ({ args, says }) => {
  const ended = await disburse(['sandbox', ...args]);
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain(says);
});
