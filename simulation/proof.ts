/**
 * `npm run proof`: runs schedules and reports those in which something does not hold; `--model` searches the model, `--mutations` lets
 * schedules find mistakes, `--fuzz` runs the fuzzers.
 */
import { parseArgs } from 'node:util';
import { runFuzz } from './fuzz.ts';
import { proveModel } from './model/check.ts';
import { proveMutations } from './mutations/run.ts';
import { runSchedule } from './schedule.ts';

if (process.argv.includes('--fuzz')) process.exit(runFuzz(process.argv.slice(2)));

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    schedules: { type: 'string', default: '100000' },
    first: { type: 'string', default: '1' },
    /** Ends after so many schedules in which something does not hold. */
    failures: { type: 'string', default: '20' },
    model: { type: 'boolean', default: false },
    mutations: { type: 'boolean', default: false },
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

async function runSchedules(first: number, count: number): Promise<boolean> {
  let failed = 0;
  const sums = { kills: 0, payments: 0, alerts: 0, commands: 0 };
  for (let seed = first; seed < first + count; seed += 1) {
    const result = await runSchedule(seed);
    sums.kills += result.kills;
    sums.payments += result.payments;
    sums.alerts += result.alerts;
    sums.commands += result.commands;
    if (result.violations.length === 0) continue;
    failed += 1;
    print(`seed ${seed}: ${result.violations.join('; ')}`);
    if (failed >= Number(values.failures)) break;
  }
  print(
    `${count} schedules, ${sums.kills} kills, ${sums.payments} payments, ${sums.alerts} alerts, ${sums.commands} commands: ${failed} in which something does not hold`,
  );
  return failed === 0;
}

async function prove(): Promise<boolean> {
  if (values.mutations) return proveMutations(print);
  if (values.model) return proveModel(print);
  if (values.seed !== undefined) return tell(Number(values.seed));
  return runSchedules(Number(values.first), Number(values.schedules));
}

process.exitCode = (await prove()) ? 0 : 1;
