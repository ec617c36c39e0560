/**
 * How long the list of records takes in the console, with each filter and order: `node bench/console-list.ts [RECORDS] [ROUNDS]`, a
 * stand-alone ledger with so many open records and as many that have ended, of which one in ten has failed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { readConfig } from '../src/config/config.ts';
import { openConsole } from '../src/console/console.ts';
import { createLogger } from '../src/logger.ts';
import { openStandaloneLedger } from '../src/profiles/standalone/ledger.ts';
import { admission, batchA, instructionOf, lineOf, manifest, valid } from '../test/support/builders.ts';

const [count, rounds] = [Number(process.argv[2] ?? 100_000), Number(process.argv[3] ?? 11)];
const folder = mkdtempSync(join(tmpdir(), 'disburse-bench-'));
const layer = { DATA_DIR: folder, GATEWAY_URL: 'http://127.0.0.1:1', GATEWAY_PROJECT: 'bench' };
const config = readConfig([layer], 'data');

const { ledger } = await openStandaloneLedger(config, true);
await ledger.openBatch(manifest(batchA));
for (let from = 0; from < 2 * count; from += 128) {
  const group = Array.from({ length: Math.min(128, 2 * count - from) }, (_, index) => {
    const number = from + index;
    return admission(
      lineOf(batchA, number + 2),
      valid(
        instructionOf(`inv-${number}`, {
          amountMinor: BigInt(((number * 7_919) % 1_000_003) + 1),
          currency: number % 3 === 0 ? 'USD' : 'EUR',
        }),
        String(number),
      ),
    );
  });
  await ledger.admit(group);
}
await ledger.close();
// Ends as they are in the ledger, without the time that paying takes.
const db = new DatabaseSync(join(folder, 'ledger.sqlite'));
db.exec(`UPDATE record SET status = CASE WHEN id % 20 = 1 THEN 6 ELSE 5 END, ended_at = admitted_at, first_sent_at = admitted_at + id,
  reason_code = CASE WHEN id % 20 = 1 THEN 'account_closed' END WHERE id % 2 = 1`);
db.exec(`UPDATE tally SET count = ${count} WHERE status = 1`);
db.close();
const server = await openConsole({
  config,
  layers: [],
  logger: createLogger('silent'),
  port: 0,
  pays: () => '',
  ask: () => Promise.reject(new Error('it only reads')),
});
const cookie = (await fetch(server.loginUrl('bench'))).headers.get('set-cookie')?.split(';')[0] ?? '';

const median = (values: readonly number[]): number => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
for (const path of [
  '/records',
  '/',
  '/batches',
  ...['age', 'amount', 'id'].flatMap((sort) => [
    `/records?status=queued&sort=${sort}&from=${Math.min(100_000, count) - 100}`,
    `/records?sort=${sort}&currency=USD`,
    `/records?sort=${sort}&code=account_closed&status=failed`,
    `/records?sort=${sort}&older-than=1s`,
    `/records?sort=${sort}&batch=${batchA}`,
    `/records?sort=${sort}&status=failed`,
    `/records?sort=${sort}&status=succeeded`,
  ]),
]) {
  const [walls, cpus]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    const [at, cpu] = [performance.now(), process.cpuUsage()];
    const answer = await fetch(`${server.url}${path}`, { headers: { cookie, accept: 'text/html' } });
    const text = await answer.text();
    if (answer.status !== 200 || !text.includes('</html>')) throw new Error(`${path}: ${answer.status}`);
    const { user, system } = process.cpuUsage(cpu);
    walls.push(performance.now() - at);
    cpus.push((user + system) / 1_000);
  }
  process.stdout.write(
    `${path.replace(batchA, 'BATCH').padEnd(50)} ${median(walls).toFixed(0)} ms, ${median(cpus).toFixed(0)} ms CPU (median of ${rounds}, client included)\n`,
  );
}
await server.close();
rmSync(folder, { recursive: true, force: true });
