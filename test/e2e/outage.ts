/** An outage of 20 s in the middle of 2,000 records, and what must hold when it is over. */
import { expect } from 'vitest';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import { csvOf, payouts } from '../support/builders.ts';
import { once, until, type Cluster } from './cluster.ts';
import { countsOf } from './world.ts';

export const outageMs = 20_000;
/** A bound for a machine with other load, not an expectation. */
export const outageTimeoutMs = 400_000;
const rows = 2_000;
const rate = { DISPATCH_RATE: '120', FOLLOW_INTERVAL_MS: '200', GATEWAY_TIMEOUT_MS: '15000' };

/** Two instances pay a file; `outage` happens when some of it is paid. */
export async function paying(cluster: Cluster, mayStayUnknown: number, outage: () => Promise<void>): Promise<void> {
  await Promise.all([cluster.serve(rate), cluster.serve(rate)]);
  const file = cluster.write('outage.csv', csvOf(payouts(rows)));
  const running = cluster.begin(['run', file, '--json', '--wait', '3m'], rate);
  await until('some to be paid', () => cluster.sandbox.payments().length > rows / 8);
  await outage();
  const { stdout, stderr } = await running.ended;
  const last = stdout.trim().split('\n').at(-1) ?? '';
  expect(last, stderr).toMatch(/^\{/);
  const summary = JSON.parse(last) as Parameters<typeof countsOf>[0];
  expect(summary.balanced).toBe(true);
  expect(summary.received.count).toBe(rows);
  const { succeeded = 0, unknown = 0, ...others } = countsOf(summary);
  expect({ total: succeeded + unknown, others }).toEqual({ total: rows, others: {} });
  let told: readonly ResultEvent[] = [];
  const open = () => told.filter(({ status }) => status === 'unknown').map(({ record_id: id }) => id);
  const final = () => told.filter((result) => result.final).map(({ record_id: id }) => id);
  // What the ledger knows is published soon after.
  await until('everything to be told', async () => {
    told = once(await cluster.results());
    return final().length >= succeeded && open().length >= unknown;
  });
  expect(final()).toHaveLength(succeeded);
  expect(new Set(final()).size).toBe(succeeded);
  for (const { error, status } of told) if (status === 'unknown') expect(error?.description).toBeTruthy();
  const paid = cluster.sandbox.payments().map((payment) => payment.record_id);
  expect(new Set(paid).size).toBe(paid.length);
  expect(paid.length).toBe(rows);
  expect(unknown).toBeLessThanOrEqual(mayStayUnknown);
}
