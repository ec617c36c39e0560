/**
 * Kills `run` with -9 at random moments against a faulty sandbox, runs it again each time until it has finished,
 * and holds the witness against the summary.
 *
 *   node test/scripts/kill-nine.script.ts [rows] [kills] [seed]
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import type { Summary } from '../../batches/record/summary.ts';
import { exampleRow } from '../../batches/instruction/templates.ts';
import { disburse, inTemporaryFolder, start, startSandbox } from '../support/cli.ts';

const [rows = 2000, kills = 20, seed = 7] = process.argv.slice(2).map(Number);

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

let state = seed;
/** A seeded chance, so that a run can be told again; not even, and it need not be. */
const random = (): number => {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
  return state / 2_147_483_648;
};

function payouts(): string {
  const template = exampleRow('payout', 'sepa');
  if (template === undefined) throw new Error('no template');
  const lines = Array.from({ length: rows }, (_, index) =>
    Object.values({ ...template, record_id: `k-${index + 1}`, amount: `${index + 1}.07` }).join(','),
  );
  return `${Object.keys(template).join(',')}\n${lines.join('\n')}\n`;
}

await inTemporaryFolder(async (folder) => {
  const keys = join(folder, 'keys');
  await mkdir(keys);
  await disburse(['keys', '--out', keys]);
  const file = join(folder, 'payouts.csv');
  await writeFile(file, payouts());
  const sandbox = await startSandbox([
    ...['--public-key', join(keys, 'public.pem'), '--confirm', 'auto', '--settle-ms', '200'],
    ...['--faults', 'lost-answer=0.05,slow=0.05,http-500=0.02', '--seed', String(seed)],
  ]);
  const env = {
    GATEWAY_URL: sandbox.url,
    GATEWAY_PROJECT: 'kill-nine',
    GATEWAY_PRIVATE_KEY_FILE: join(keys, 'private.pem'),
    DATA_DIR: join(folder, 'data'),
    DISPATCH_RATE: '400',
    FOLLOW_INTERVAL_MS: '200',
  };
  const problems: string[] = [];
  const expect = (holds: boolean, otherwise: string): void => void (holds || problems.push(otherwise));
  try {
    for (let kill = 1; kill <= kills; kill += 1) {
      const running = start(['run', file, '--json'], env);
      const afterMs = Math.round(150 + random() * 1200);
      await Promise.race([sleep(afterMs), running.ended]);
      running.kill('SIGKILL');
      const end = await running.ended;
      say(
        `kill ${kill} after ${afterMs} ms: ${end.signal ?? `it had ended with ${end.code}`}, ${(await sandbox.payments()).length} sessions so far`,
      );
    }
    const last = await disburse(['run', file, '--json'], env);
    const summary = JSON.parse(last.stdout) as Summary;
    const count = (status: Summary['statuses'] extends Record<infer S, unknown> ? S : never): number =>
      summary.statuses[status]?.count ?? 0;

    const witness = await sandbox.payments();
    const listed = new Map<string, number>();
    for (const { record_id } of witness) listed.set(record_id, (listed.get(record_id) ?? 0) + 1);
    expect(listed.size === rows, `the witness lists ${listed.size} records of ${rows}`);
    expect(witness.length === rows, `the witness lists ${witness.length} sessions for ${rows} records`);

    expect(summary.state === 'finished', `the batch is ${summary.state}`);
    expect(summary.balanced, 'the summary does not balance');
    const cents = Array.from({ length: rows }, (_, index) => BigInt(index + 1) * 100n + 7n).reduce((sum, one) => sum + one, 0n);
    const received = summary.received.amounts['EUR']?.replace('.', '');
    expect(summary.received.count === rows && received === String(cents), `received ${summary.received.count} rows, ${received} cents`);
    const witnessed = witness.reduce((sum, one) => sum + BigInt(one.amount), 0n);
    expect(witnessed === cents, `the witness lists ${witnessed} cents of ${cents}`);
    expect(count('succeeded') + count('unknown') === rows, `succeeded ${count('succeeded')}, unknown ${count('unknown')}`);
    expect(last.code === (count('unknown') > 0 ? 2 : 0), `exit code ${last.code}`);

    const lines = (await readFile(join(env.DATA_DIR, 'results.jsonl'), 'utf8')).split('\n').filter((line) => line !== '');
    const events = lines.map((line) => JSON.parse(line) as ResultEvent);
    const ids = events.map((event) => event.event_id);
    expect(new Set(ids).size === ids.length, `${ids.length - new Set(ids).size} event ids stand twice in the results`);
    expect(events.filter((event) => event.final).length === count('succeeded'), 'final results and final statuses differ');
    const reasons = new Map<string, number>();
    for (const event of events)
      if (event.status === 'unknown') reasons.set(event.error?.code ?? 'none', (reasons.get(event.error?.code ?? 'none') ?? 0) + 1);

    say(`\nsucceeded ${count('succeeded')}, unknown ${count('unknown')}, balanced ${summary.balanced}`);
    say(`unknown on the way, by reason: ${JSON.stringify(Object.fromEntries(reasons))}`);
  } finally {
    await sandbox.stop();
  }
  for (const problem of problems) say(`WRONG: ${problem}`);
  say(problems.length === 0 ? `Every one of ${rows} records was paid exactly once.` : `${problems.length} things are wrong.`);
  process.exitCode = problems.length === 0 ? 0 : 1;
});
