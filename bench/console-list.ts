/** How long the list of records takes in the console: `node bench/console-list.ts [RECORDS]`, open records of a stand-alone ledger. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../src/config/config.ts';
import { openConsole } from '../src/console/console.ts';
import { createLogger } from '../src/logger.ts';
import { openStandaloneLedger } from '../src/profiles/standalone/ledger.ts';
import { admission, batchA, instructionOf, lineOf, manifest, valid } from '../test/support/builders.ts';

const count = Number(process.argv[2] ?? 100_000);
const folder = mkdtempSync(join(tmpdir(), 'disburse-bench-'));
const layer = { DATA_DIR: folder, GATEWAY_URL: 'http://127.0.0.1:1', GATEWAY_PROJECT: 'bench' };
const config = readConfig([layer], 'data');

const { ledger } = await openStandaloneLedger(config, true);
await ledger.openBatch(manifest(batchA));
for (let from = 0; from < count; from += 128) {
  const group = Array.from({ length: Math.min(128, count - from) }, (_, index) => {
    const number = from + index;
    return admission(
      lineOf(batchA, number + 2),
      valid(instructionOf(`inv-${number}`, { amountMinor: BigInt(number + 1) }), String(number)),
    );
  });
  await ledger.admit(group);
}
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
for (const [path, rounds] of [
  ['/records', 21],
  ['/', 21],
  ['/batches', 21],
  ['/records?status=queued&sort=amount', 3],
] as const) {
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
    `${path.padEnd(36)} ${count} open records: ${median(walls).toFixed(0)} ms, ${median(cpus).toFixed(0)} ms CPU (median of ${rounds}, client included)\n`,
  );
}
await server.close();
await ledger.close();
rmSync(folder, { recursive: true, force: true });
