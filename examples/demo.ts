/**
 * The demo: a simulated gateway with some faults, a key pair, and the example file from validation to the last result.
 * All files are in a temporary folder that is removed at the end, and all connections are on loopback.
 *
 *   npm run demo
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { paintFor } from '../src/terminal/format.ts';

const root = join(import.meta.dirname, '..');
const cli = join(root, 'dist', 'src', 'cli.js');
const file = join(root, 'examples', 'payouts.csv');
const faults =
  'lost-request=0.01,lost-answer=0.01,slow=0.01,http-500=0.01,http-429=0.005,refuse=0.01,fail-later=0.01,wrong-amount=0.005,repeat-webhook=0.02,lost-webhook=0.02,late-webhook=0.02';

const paint = paintFor(process.stderr, process.env);
const say = (text: string): boolean => process.stderr.write(`${text}\n`);
const step = (text: string): boolean => say(`\n${paint('bold', text)}`);

const command = (args: readonly string[], options: { env?: NodeJS.ProcessEnv; stdout?: 'inherit' | 'pipe' } = {}): ChildProcess =>
  spawn(process.execPath, ['--max-semi-space-size=8', '--heap-growing-percent=40', cli, ...args], {
    stdio: ['ignore', options.stdout ?? 'inherit', 'inherit'],
    env: { ...process.env, ...options.env },
  });

async function exitCodeOf(child: ChildProcess): Promise<number | null> {
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

/** A free port: the gateway must know it before disburse listens there. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function collect(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(child, 'close');
  return text;
}

interface Witnessed {
  readonly record_id: string;
  readonly amount: number;
  readonly currency: string;
  readonly entry_status: string;
}

interface Summary {
  readonly batch_id: string;
  readonly statuses: Readonly<Record<string, { readonly count: number }>>;
}

const folder = await mkdtemp(join(tmpdir(), 'disburse-demo-'));
const keys = join(folder, 'keys');
const gatewayKeys = join(folder, 'gateway-keys');
/** How long what has no outcome is waited for, after the last row was sent. */
const wait = '20s';
let sandbox: ChildProcess | undefined;
// Ctrl-C reaches the whole process group; this process stays to clean up after the others have ended.
process.on('SIGINT', () => undefined);

try {
  step('1. Two key pairs, and a simulated gateway that loses, delays and refuses some calls');
  await exitCodeOf(command(['keys', '--out', keys]));
  await exitCodeOf(command(['keys', '--out', gatewayKeys]));
  const webhooks = `127.0.0.1:${await freePort()}`;
  const listens = ['--webhook-url', `http://${webhooks}/webhooks/smart-glocal`, '--private-key', join(gatewayKeys, 'private.pem')];
  const behaves = ['--settle-ms', '300', '--seed', '5', '--faults', faults];
  sandbox = command(['sandbox', '--port', '0', '--public-key', join(keys, 'public.pem'), ...listens, ...behaves], { stdout: 'pipe' });
  const [url] = (await once(createInterface({ input: sandbox.stdout as NodeJS.ReadableStream }), 'line')) as [string];
  say(`   ${url}  ${faults}`);

  step('2. Errors in the file, before anything is sent (disburse validate)');
  await exitCodeOf(command(['validate', file]));

  step('3. The valid rows are paid, and the gateway reports outcomes by webhook (disburse run --webhooks)');
  const env: NodeJS.ProcessEnv = {
    GATEWAY_URL: url,
    GATEWAY_PROJECT: 'demo',
    GATEWAY_PRIVATE_KEY_FILE: join(keys, 'private.pem'),
    GATEWAY_PUBLIC_KEY_FILE: join(gatewayKeys, 'public.pem'),
    // The simulated gateway keeps every key.
    GATEWAY_KEY_LIFETIME: '12h',
    DATA_DIR: join(folder, 'data'),
    DISPATCH_RATE: '100',
    FOLLOW_INTERVAL_MS: '500',
    LOG_LEVEL: 'error',
    KAFKA_BROKERS: '',
    REDIS_URL: '',
  };
  const code = await exitCodeOf(command(['run', file, '--webhooks', webhooks, '--wait', wait], { env }));

  step("4. The gateway's own list of payments, compared with disburse's");
  const witness = (await (await fetch(`${url}/_sandbox/payments`)).text())
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Witnessed);
  const batches = (await collect(command(['status', '--json'], { env, stdout: 'pipe' }))).trim().split('\n');
  const summary = JSON.parse(batches[0] ?? '{}') as Summary;
  const ours = (status: string): number => summary.statuses[status]?.count ?? 0;
  const records = new Set(witness.map((payment) => payment.record_id));
  const paid = witness.filter((payment) => payment.entry_status === 'succeeded').length;
  say(
    `   the gateway has ${witness.length} sessions for ${records.size} records, ${witness.length - records.size} of them twice; ${paid} succeeded there`,
  );
  say(
    `   disburse has ${ours('succeeded')} succeeded, ${ours('failed')} failed, ${ours('cancelled')} cancelled, ${ours('unknown')} unknown, ${ours('rejected')} rejected`,
  );
  say(
    `   unknown means: the request was sent and no conclusive response came back, so the payment may or may not be in the gateway's list.\n   It is never sent again under another key; a webhook, a report of the gateway or a manual decision ends it.`,
  );
  const exact = witness.length === records.size;
  say(exact ? paint('green', '   No record was paid twice.') : paint('red', '   A RECORD WAS PAID TWICE.'));
  say(`   disburse run ended with exit code ${code}: ${code === 2 ? 'finished, but some records need attention' : 'see the README'}.`);
  process.exitCode = exact && (code === 0 || code === 2) ? 0 : 1;
} finally {
  sandbox?.kill('SIGTERM');
  await rm(folder, { recursive: true, force: true });
}
