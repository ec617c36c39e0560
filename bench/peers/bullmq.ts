/**
 * A BullMQ queue: a job for each row, a worker that signs and sends 32 at once, on a real Redis.
 *
 *   node bench/peers/bullmq.ts FILE --prefix NAME [--results FILE] [--keys random|derived]
 *   node bench/peers/bullmq.ts --dump --prefix NAME      prints the results that Redis keeps, as JSON lines
 *   node bench/peers/bullmq.ts --clean --prefix NAME     removes the queue
 *
 * The record id is the job id, and finished jobs are kept, so that adding the file again adds nothing twice. A job whose
 * worker died is found by the stalled check and run again: at least once, so it may be sent twice. Results are the
 * jobs' return values in Redis; `--results` appends them to a file too, on the `completed` event, as an export would.
 * It checks no row and follows nothing. Rows are added in bulk, and producer and worker share a process: on two cores
 * that was no slower than two processes.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Queue, Worker, type ConnectionOptions } from 'bullmq';
import { parse } from 'csv-parse';
import { createPayer, readPeerConfig, type PayoutRow, type PeerResult } from './payout.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    prefix: { type: 'string', default: 'bench' },
    results: { type: 'string' },
    keys: { type: 'string' },
    dump: { type: 'boolean' },
    clean: { type: 'boolean' },
  },
});
const { prefix } = values;
const queueName = 'payouts';
const bulkSize = 1000;
const pageSize = 1000;

const redis = new URL(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379');
const connection: ConnectionOptions = {
  host: redis.hostname,
  port: Number(redis.port === '' ? 6379 : redis.port),
  ...(redis.username === '' ? {} : { username: decodeURIComponent(redis.username) }),
  ...(redis.password === '' ? {} : { password: decodeURIComponent(redis.password) }),
  ...(redis.pathname.length > 1 ? { db: Number(redis.pathname.slice(1)) } : {}),
  ...(redis.protocol === 'rediss:' ? { tls: {} } : {}),
};
const queue = new Queue<PayoutRow, PeerResult>(queueName, { connection, prefix });

async function dump(): Promise<void> {
  for (let start = 0; ; start += pageSize) {
    const jobs = await queue.getJobs(['completed'], start, start + pageSize - 1, true);
    if (jobs.length === 0) return;
    process.stdout.write(jobs.map((job) => `${JSON.stringify(job.returnvalue)}\n`).join(''));
  }
}

async function produce(file: string): Promise<void> {
  let bulk: PayoutRow[] = [];
  const add = async (): Promise<void> => {
    await queue.addBulk(bulk.map((row) => ({ name: 'payout', data: row, opts: { jobId: row.record_id, attempts: 3 } })));
    bulk = [];
  };
  for await (const row of createReadStream(file).pipe(parse({ columns: true, bom: true })) as AsyncIterable<PayoutRow>) {
    if (bulk.push(row) === bulkSize) await add();
  }
  if (bulk.length > 0) await add();
}

/** Jobs of a worker that died stand in `active` until the stalled check finds them, so this waits for them too. */
async function finished(): Promise<void> {
  for (;;) {
    const counts = await queue.getJobCounts('wait', 'active', 'delayed', 'prioritized');
    if (Object.values(counts).every((count) => count === 0)) return;
    await sleep(20);
  }
}

async function run(file: string): Promise<void> {
  const config = readPeerConfig(values.keys);
  const payer = createPayer(config);
  const results = values.results === undefined ? undefined : createWriteStream(values.results, { flags: 'a' });
  const worker = new Worker<PayoutRow, PeerResult>(queueName, (job) => payer.pay(job.data), {
    connection,
    prefix,
    concurrency: config.concurrency,
  });
  // Without a listener a lost connection would be an uncaught exception.
  worker.on('error', (error) => process.stderr.write(`${error.message}\n`));
  if (results !== undefined) worker.on('completed', (_job, result) => void results.write(`${JSON.stringify(result)}\n`));
  await produce(file);
  await finished();
  await worker.close();
  if (results !== undefined) {
    results.end();
    await once(results, 'close');
  }
  await payer.close();
}

const [file] = positionals;
if (values.dump === true) await dump();
else if (values.clean === true) await queue.obliterate({ force: true });
else if (file === undefined) throw new Error('a file is needed');
else await run(file);
await queue.close();
