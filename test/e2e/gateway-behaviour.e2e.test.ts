/** `run --webhooks` against a gateway that behaves in one unusual manner throughout: every record still ends as it was paid. */
import { join } from 'node:path';
import { it } from 'vitest';
import { alertSchema } from '../../batches/record/alert-event.ts';
import { csvOf, payouts, row } from '../support/builders.ts';
import { freePort } from '../support/free-port.ts';
import { countsOf, inWorld, linesOf, otherPair } from './world.ts';

const cards = [row('c-1', {}, 'payment', 'card'), row('c-2', {}, 'payment', 'card')];

it.concurrent.for([
  ['early-webhook=1', payouts(4), {}],
  ['reorder-webhook=1', payouts(4), {}],
  ['second-session=1', payouts(4), { second_session: 4 }],
  ['several-entries=1', payouts(4), {}],
  ['not-found=0.5', payouts(4), {}],
  ['maintenance=0.3', payouts(4), {}],
  ['return=1', payouts(4), {}],
  ['refund=1', cards, { refunded: 2 }],
  ['charge-back=1', cards, { charged_back: 2 }],
] as const)('%s: every record is paid once and succeeds, with these alerts and no others', async ([faults, rows, alerts], { expect }) => {
  const port = await freePort();
  const webhookUrl = `http://127.0.0.1:${port}/webhooks/smart-glocal`;
  // What comes after the end of a record, such as a refund, follows it at once: the run, which ends then, still takes it.
  await inWorld({ settleMs: 1, faults, webhookUrl, privateKeyPem: otherPair.privateKey }, async (world) => {
    const trusted = { GATEWAY_PUBLIC_KEY_FILE: world.write('gateway.pem', otherPair.publicKey) };
    const ran = await world.run(world.write('may.csv', csvOf([...rows])), ['--webhooks', `127.0.0.1:${port}`, '--wait', '60s'], trusted);
    expect([ran.code, countsOf(ran.summary)]).toEqual([0, { succeeded: rows.length }]);
    const paid = world.sandbox.payments().filter(({ entry_status }) => entry_status === 'succeeded');
    expect(paid.map(({ record_id }) => record_id).toSorted()).toEqual(rows.map((one) => one['record_id'] ?? '').toSorted());
    const written: Record<string, number> = {};
    for (const line of linesOf(join(world.dataDir, 'alerts.jsonl'))) {
      const { alert } = alertSchema.parse(JSON.parse(line));
      written[alert] = (written[alert] ?? 0) + 1;
    }
    expect(written).toEqual(alerts);
  });
});
