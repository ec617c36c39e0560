/**
 * The bare loop: csv-parse, sign, send, 32 at once. The fastest thing that can be called paying a file.
 *
 *   node bench/peers/bare-loop.ts FILE [--results FILE] [--resume] [--keys random|derived]
 *
 * It checks no row, keeps nothing before it sends, follows nothing, and reads the file once. Killed and started again it
 * begins at the first row. With `--results` it appends what became of each row; with `--resume` it skips the records
 * that it finds there, so that only what was in flight, or not yet written, is sent again. It does not sync the file. When the
 * network fails or the gateway is not available it tries again, three times in all, as often as the queues do.
 */
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { parse } from 'csv-parse';
import { createPayer, readPeerConfig, type PayoutRow, type PeerResult } from './payout.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { results: { type: 'string' }, resume: { type: 'boolean' }, keys: { type: 'string' } },
});
const [file] = positionals;
if (file === undefined) throw new Error('a file is needed');

async function paidBefore(path: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  if (!existsSync(path)) return found;
  const handle = await open(path);
  for await (const line of handle.readLines()) {
    try {
      found.add((JSON.parse(line) as PeerResult).record_id);
    } catch {
      // A line that was cut off by the kill.
    }
  }
  return found;
}

const config = readPeerConfig(values.keys);
const payer = createPayer(config);
const skip = values.resume === true && values.results !== undefined ? await paidBefore(values.results) : undefined;
const results = values.results === undefined ? undefined : createWriteStream(values.results, { flags: 'a' });

const parser = createReadStream(file).pipe(parse({ columns: true, bom: true })) as AsyncIterable<PayoutRow>;
const rows = parser[Symbol.asyncIterator]();

const mostTries = 3;

async function pay(row: PayoutRow): Promise<PeerResult> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await payer.pay(row);
    } catch {
      if (tries === mostTries) return { record_id: row.record_id, status: 'failed', code: 'gave_up' };
    }
  }
}

/** Each of the workers takes the next row when it is free: nothing is held but what is in flight. */
async function work(): Promise<void> {
  for (;;) {
    const { value: row, done } = await rows.next();
    if (done === true || row === undefined) return;
    if (skip?.has(row.record_id) === true) continue;
    const result = await pay(row);
    results?.write(`${JSON.stringify(result)}\n`);
  }
}

await Promise.all(Array.from({ length: config.concurrency }, work));
if (results !== undefined) {
  results.end();
  await once(results, 'close');
}
await payer.close();
