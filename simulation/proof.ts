/**
 * `npm run proof`: runs schedules and reports those in which something does not hold; `--model` searches the model, `--mutations` lets
 * schedules find mistakes. What else it can run is in `scripts.ts`.
 */
import { parseArgs } from 'node:util';
import { proveModel } from './model/check.ts';
import { proveMutations } from './mutations/run.ts';
import { runSchedules } from './run-schedules.ts';
import { runSchedule } from './schedule.ts';
import { runScript, scriptOf } from './scripts.ts';

const args = process.argv.slice(2);
const script = scriptOf(args);
if (script !== undefined) process.exit(runScript(script, args));

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    schedules: { type: 'string', default: '100000' },
    first: { type: 'string', default: '1' },
    /** As many as there are cores when it is left out. */
    threads: { type: 'string' },
    /** Ends after so many schedules in which something does not hold. */
    failures: { type: 'string', default: '20' },
    model: { type: 'boolean', default: false },
    mutations: { type: 'boolean', default: false },
    /** A part of the names of mutations. */
    only: { type: 'string', default: '' },
  },
});
const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** One schedule, told. */
async function tell(seed: number): Promise<boolean> {
  const { story, violations } = await runSchedule(seed);
  for (const line of story) print(line);
  print(violations.length === 0 ? 'Everything holds.' : `Does not hold:\n${violations.map((one) => `- ${one}`).join('\n')}`);
  return violations.length === 0;
}

/** Between two lines about how far it is. */
const everyMs = 10_000;

async function proveSchedules(first: number, count: number): Promise<boolean> {
  const startedAt = performance.now();
  let toldAt = startedAt;
  const { sums, failures } = await runSchedules({
    first,
    count,
    mostFailures: Number(values.failures),
    ...(values.threads === undefined ? {} : { threads: Number(values.threads) }),
    onFailed: ({ seed, violations }) => print(`seed ${seed}: ${violations.join('; ')}`),
    onProgress({ schedules }) {
      if (performance.now() - toldAt < everyMs) return;
      toldAt = performance.now();
      process.stderr.write(`${schedules} of ${count} schedules, ${Math.round((toldAt - startedAt) / 1000)} s\n`);
    },
  });
  const { schedules, kills, payments, alerts, commands } = sums;
  print(
    `${schedules} schedules, ${kills} kills, ${payments} payments, ${alerts} alerts, ${commands} commands: ${failures} in which something does not hold`,
  );
  return failures === 0;
}

async function prove(): Promise<boolean> {
  if (values.mutations) return proveMutations(print, values.only);
  if (values.model) return proveModel(print);
  if (values.seed !== undefined) return tell(Number(values.seed));
  return proveSchedules(Number(values.first), Number(values.schedules));
}

process.exitCode = (await prove()) ? 0 : 1;
