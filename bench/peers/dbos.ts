/**
 * DBOS Transact: a workflow for each row whose one step signs and sends, 32 at once, on a real Postgres.
 *
 *   node bench/peers/dbos.ts FILE [--results FILE] [--keys random|derived]
 *
 * The record id is the workflow id, so that starting the file again gives the stored outcome of what has ended, and what
 * was under way is recovered at the start: its step runs again when no outcome was stored, at least once. Results are the
 * workflows' outcomes in Postgres; `--results` appends them to a file too. It checks no row and follows nothing. Workflows
 * are started directly: through one of its queues, which polls, they were slower.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { DBOS } from '@dbos-inc/dbos-sdk';
import { parse } from 'csv-parse';
import { createPayer, readPeerConfig, type PayoutRow, type PeerResult } from './payout.ts';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { results: { type: 'string' }, keys: { type: 'string' } } });
const [file] = positionals;
if (file === undefined) throw new Error('a file is needed');

const config = readPeerConfig(values.keys);
const payer = createPayer(config);
const payOnce = { name: 'pay', retriesAllowed: true, maxAttempts: 3, intervalSeconds: 0, backoffRate: 1 };
const payout = DBOS.registerWorkflow((row: PayoutRow): Promise<PeerResult> => DBOS.runStep(() => payer.pay(row), payOnce), {
  name: 'payout',
});

DBOS.setConfig({
  name: 'bench',
  systemDatabaseUrl: process.env['DATABASE_URL'] ?? '',
  systemDatabasePoolSize: config.concurrency,
  applicationVersion: 'bench',
  logLevel: 'error',
});
await DBOS.launch();

const results = values.results === undefined ? undefined : createWriteStream(values.results, { flags: 'a' });
const parser = createReadStream(file).pipe(parse({ columns: true, bom: true })) as AsyncIterable<PayoutRow>;
const rows = parser[Symbol.asyncIterator]();

async function resultOf(row: PayoutRow): Promise<PeerResult> {
  const handle = await DBOS.startWorkflow(payout, { workflowID: row.record_id })(row);
  return handle.getResult().catch(() => ({ record_id: row.record_id, status: 'failed', code: 'gave_up' }));
}

/** Each of the workers takes the next row when it is free. */
async function work(): Promise<void> {
  for (;;) {
    const { value: row, done } = await rows.next();
    if (done === true || row === undefined) return;
    const result = await resultOf(row);
    results?.write(`${JSON.stringify(result)}\n`);
  }
}

await Promise.all(Array.from({ length: config.concurrency }, work));
if (results !== undefined) {
  results.end();
  await once(results, 'close');
}
await payer.close();
await DBOS.shutdown();
