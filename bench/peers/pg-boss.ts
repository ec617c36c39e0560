/**
 * A pg-boss queue: a job for each row, workers that sign and send 32 at once, on a real Postgres.
 *
 *   node bench/peers/pg-boss.ts FILE [--results FILE] [--keys random|derived]
 *   node bench/peers/pg-boss.ts --dump       prints the results that Postgres keeps, as JSON lines
 *
 * The job id is derived from the record id, and finished jobs are kept, so that adding the file again adds nothing twice. Jobs
 * whose worker died are found by their heartbeat and run again: at least once, so they may be sent twice. Results are
 * the jobs' outputs in Postgres; `--results` appends them to a file too. It checks no row and follows nothing. Rows are
 * inserted in bulk; jobs are fetched and completed in batches, each job with an output of its own, because one by one was
 * several times slower. What a kill finds in a batch is run again.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parse } from 'csv-parse';
import pLimit from 'p-limit';
import { PgBoss, type Job, type JobResult } from 'pg-boss';
import { createPayer, readPeerConfig, uuidOf, type PayoutRow, type PeerResult } from './payout.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { results: { type: 'string' }, keys: { type: 'string' }, dump: { type: 'boolean' } },
});
const queue = 'payouts';
const bulkSize = 1000;
/** Fetched and completed by one statement each; so many workers that calls go on while another batch is fetched. */
const batchSize = 32;
const workers = 4;
/** The shortest that it allows. */
const heartbeatSeconds = 10;

const boss = new PgBoss({ connectionString: process.env['DATABASE_URL'] ?? '', monitorIntervalSeconds: 5, superviseIntervalSeconds: 5 });
// Without a listener it would be an uncaught exception.
boss.on('error', (error) => process.stderr.write(`${error.message}\n`));

async function dump(): Promise<void> {
  const { rows } = await boss.getDb().executeSql(`SELECT output, data->>'record_id' AS id, state FROM pgboss.job WHERE name = $1`, [queue]);
  const resultOf = ({ output, id, state }: { output: unknown; id: string; state: string }): unknown =>
    state === 'completed' ? output : { record_id: id, status: state };
  process.stdout.write(rows.map((row) => `${JSON.stringify(resultOf(row as never))}\n`).join(''));
}

async function produce(file: string): Promise<void> {
  let bulk: { id: string; data: PayoutRow }[] = [];
  const add = async (): Promise<void> => {
    await boss.insert(queue, bulk);
    bulk = [];
  };
  for await (const row of createReadStream(file).pipe(parse({ columns: true, bom: true })) as AsyncIterable<PayoutRow>) {
    if (bulk.push({ id: uuidOf(row.record_id), data: row }) === bulkSize) await add();
  }
  if (bulk.length > 0) await add();
}

/** Jobs of a worker that died are `active` until their heartbeat is missed, so this waits for them too. */
async function finished(): Promise<void> {
  const open = `SELECT 1 FROM pgboss.job WHERE name = $1 AND state < 'completed' LIMIT 1`;
  while ((await boss.getDb().executeSql(open, [queue])).rows.length > 0) await sleep(50);
}

async function run(file: string): Promise<void> {
  const config = readPeerConfig(values.keys);
  const payer = createPayer(config);
  const limit = pLimit(config.concurrency);
  const results = values.results === undefined ? undefined : createWriteStream(values.results, { flags: 'a' });
  const payOne = async ({ id, data }: Job<PayoutRow>): Promise<JobResult<PeerResult | object>> => {
    try {
      const output = await payer.pay(data);
      results?.write(`${JSON.stringify(output)}\n`);
      return { id, status: 'completed', output };
    } catch (cause) {
      return { id, status: 'failed', output: { message: String(cause) } };
    }
  };
  await boss.createQueue(queue, { retryLimit: 2, retryDelay: 0, heartbeatSeconds });
  const options = {
    batchSize,
    localConcurrency: workers,
    perJobResults: true,
    burstWhenBatchFull: true,
    pollingIntervalSeconds: 0.5,
  } as const;
  await boss.work<PayoutRow, PeerResult, typeof options>(queue, options, (jobs) => limit.map(jobs, payOne));
  await produce(file);
  await finished();
  if (results !== undefined) {
    results.end();
    await once(results, 'close');
  }
  await payer.close();
}

await boss.start();
const [file] = positionals;
if (values.dump === true) await dump();
else if (file === undefined) throw new Error('a file is needed');
else await run(file);
await boss.stop({ graceful: false });
