/** A large file in `run`, to its end, against the sandbox: its list of payments is the witness. */
import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { ended, killGroup, startChild } from '../children.ts';
import { ours, sandbox, type Bench } from '../contenders.ts';
import { indexOfRecord } from '../distributed/events.ts';
import { inherited, peakMibOfServer, rssMibOfServer, type Command } from '../measure.ts';
import { payoutColumns, payoutFile } from '../make-file.ts';
import { createAccounts } from './accounts.ts';
import { thinned, watchMemory } from './memory.ts';
import type { Verdict } from './verdict.ts';

const sayEveryMs = 10_000;
const mostPoints = 60;
const logTail = 4_000;

export interface FileLoad {
  readonly bench: Bench;
  readonly say: (line: string) => void;
  readonly rows: number;
}

interface Gateway {
  readonly url: string;
  stop(): Promise<void>;
}

const start = ({ program, args, env, cwd }: Command, stdio: readonly ('ignore' | 'pipe')[]) =>
  startChild(program, args, { env: { ...inherited(), ...env }, cwd, stdio: [...stdio] });

async function startSandbox(bench: Bench): Promise<Gateway> {
  const publicKeyFile = join(bench.place.folder, 'public.pem');
  const key = createPublicKey(readFileSync(bench.place.privateKeyFile, 'utf8'));
  writeFileSync(publicKeyFile, key.export({ type: 'spki', format: 'pem' }));
  const child = start(sandbox(bench, publicKeyFile), ['ignore', 'pipe', 'ignore']);
  const gone = ended(child);
  const lines = createInterface({ input: child.stdout as Readable });
  const [url] = (await Promise.race([
    once(lines, 'line'),
    gone.then(({ code }) => {
      throw new Error(`the sandbox ended with ${code}`);
    }),
  ])) as [string];
  (child.stdout as Readable).resume();
  return {
    url,
    async stop() {
      killGroup(child, 'SIGTERM');
      await gone;
    },
  };
}

/** Minor units of each row: all of the benchmark's rows are in a currency of two decimals. */
function expectedAmounts(rows: number): Float64Array {
  const amounts = new Float64Array(rows);
  const column = payoutColumns.indexOf('amount');
  let index = -1;
  for (const chunk of payoutFile(rows)) {
    for (const line of chunk.trimEnd().split('\n')) {
      if (index >= 0) amounts[index] = Number((line.split(',')[column] ?? '').replace('.', ''));
      index += 1;
    }
  }
  return amounts;
}

interface WitnessLine {
  readonly record_id: string;
  readonly amount: number;
  readonly currency: string;
  readonly status: string;
  readonly entry_status: string;
}

/** Each row has one session of its amount, and it was paid. */
async function problemsOfWitness(gateway: Gateway, amounts: Float64Array): Promise<string[]> {
  const sessions = new Uint8Array(amounts.length);
  const counts = { other: 0, amount: 0, unpaid: 0, twice: 0 };
  const answer = await fetch(`${gateway.url}/_sandbox/payments`);
  if (answer.body === null) throw new Error('the sandbox shows no payments');
  const { Readable: Streams } = await import('node:stream');
  for await (const line of createInterface({ input: Streams.fromWeb(answer.body as never), crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line === '') continue;
    const payment = JSON.parse(line) as WitnessLine;
    const index = indexOfRecord(payment.record_id);
    if (!(index >= 0 && index < amounts.length)) {
      counts.other += 1;
      continue;
    }
    if (sessions[index] === 1) counts.twice += 1;
    sessions[index] = 1;
    if (payment.amount !== amounts[index] || payment.currency.toUpperCase() !== 'EUR') counts.amount += 1;
    if (payment.entry_status !== 'succeeded') counts.unpaid += 1;
  }
  const without = sessions.filter((one) => one === 0).length;
  return [
    ...(counts.twice === 0 ? [] : [`${counts.twice} second sessions of a record at the sandbox`]),
    ...(counts.amount === 0 ? [] : [`${counts.amount} sessions of another amount or currency`]),
    ...(counts.unpaid === 0 ? [] : [`${counts.unpaid} sessions that were not paid`]),
    ...(counts.other === 0 ? [] : [`${counts.other} sessions of records that are not in the file`]),
    ...(without === 0 ? [] : [`${without} rows without a session`]),
  ];
}

interface Summary {
  readonly balanced: boolean;
  readonly state: string;
  readonly received: { readonly count: number; readonly amounts: Readonly<Record<string, string>> };
}

function problemsOfSummary(stdout: string, code: number | null, amounts: Float64Array): string[] {
  const last = stdout.trimEnd().split('\n').at(-1) ?? '';
  if (!last.startsWith('{')) return [`run ended with ${code} and no summary`];
  const { balanced, state, received } = JSON.parse(last) as Summary;
  const sum = amounts.reduce((total, amount) => total + BigInt(amount), 0n);
  const text = `${sum / 100n}.${String(sum % 100n).padStart(2, '0')}`;
  return [
    ...(code === 0 ? [] : [`run ended with ${code}`]),
    ...(balanced && state === 'finished' ? [] : [`the batch is ${state}${balanced ? '' : ' and does not balance'}`]),
    ...(received.count === amounts.length && received.amounts['EUR'] === text
      ? []
      : [`received ${received.count} rows of EUR ${received.amounts['EUR']}, and the file has ${amounts.length} of EUR ${text}`]),
  ];
}

export async function loadFile({ bench, say, rows }: FileLoad): Promise<Verdict> {
  const file = await bench.place.file(rows);
  const amounts = expectedAmounts(rows);
  const dataDir = await bench.place.fresh('data');
  const gateway = await startSandbox(bench);
  try {
    const startedAt = performance.now();
    const child = start(ours(bench, { file, gateway: gateway.url, dataDir }), ['ignore', 'pipe', 'pipe']);
    const pid = child.pid ?? 0;
    let [stdout, log, peak] = ['', '', 0];
    (child.stdout as Readable).setEncoding('utf8').on('data', (text: string) => (stdout = (stdout + text).slice(-100_000)));
    (child.stderr as Readable).setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-logTail)));
    const read = (): readonly number[] => {
      peak = Math.max(peak, peakMibOfServer(pid));
      return [rssMibOfServer(pid)];
    };
    const memory = watchMemory(read, Math.min(10_000, Math.max(200, rows / 500)));
    const telling = setInterval(
      () => say(`${((performance.now() - startedAt) / 1000).toFixed(0)} s: RSS ${read()[0]?.toFixed(0)} MiB`),
      sayEveryMs,
    );
    const { code } = await ended(child);
    clearInterval(telling);
    const seconds = (performance.now() - startedAt) / 1000;
    const curve = memory.stop().filter(({ mib }) => (mib[0] ?? 0) > 0);
    if (code !== 0) say(log);
    const accounts = createAccounts(rows);
    const results = createInterface({ input: createReadStream(join(dataDir, 'results.jsonl')), crlfDelay: Number.POSITIVE_INFINITY });
    for await (const line of results)
      if (line !== '') accounts.note({ recordId: (JSON.parse(line) as { record_id: string }).record_id, value: line, at: 1 });
    const problems = [
      ...problemsOfSummary(stdout, code, amounts),
      ...accounts.problems(),
      ...(accounts.repeated() === 0 ? [] : [`${accounts.repeated()} results are in the results file twice`]),
      ...(await problemsOfWitness(gateway, amounts)),
    ];
    const perSecond = Math.round(rows / seconds);
    return {
      load: 'file',
      problems,
      missed: [],
      text: `${rows} rows in ${seconds.toFixed(1)} s: ${perSecond} rows/s, peak ${peak.toFixed(0)} MiB`,
      figures: { rows, seconds, per_second: perSecond, peak_mib: Math.round(peak), memory: thinned(curve, mostPoints) },
    };
  } finally {
    await gateway.stop();
  }
}
