/**
 * `npm run proof`: runs schedules and reports those in which something does not hold; `--model` searches the model, `--mutations` lets
 * schedules find mistakes. What else it can run is in `scripts.ts`.
 */
import { parseArgs } from 'node:util';
import { keepFigure, readFigures, type Part } from './figures.ts';
import { guaranteeObject, guarantees, guaranteeTable } from './guarantees.ts';
import { proveModel } from './model/check.ts';
import { proveMutations } from './mutations/run.ts';
import { runSchedules } from './run-schedules.ts';
import { runSchedule } from './schedule.ts';
import { runScript, scriptOf } from './scripts.ts';
import { themes } from './themes.ts';

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
    /** Only the schedules of one theme. */
    theme: { type: 'string' },
    model: { type: 'boolean', default: false },
    mutations: { type: 'boolean', default: false },
    /** A part of the names of mutations. */
    only: { type: 'string', default: '' },
    /** Only the table of guarantees, with the figures of former runs. */
    table: { type: 'boolean', default: false },
    /** Only schedules: no table, and no figure is kept. */
    bare: { type: 'boolean', default: false },
    /** One object instead of the table; everything else goes to stderr. */
    json: { type: 'boolean', default: false },
  },
});
const print = (line: string): void => void (values.json ? process.stderr : process.stdout).write(`${line}\n`);

const theme = themes.find((one) => one === values.theme);
if (values.theme !== undefined && theme === undefined) throw new Error(`--theme ${values.theme}: the themes are ${themes.join(', ')}`);

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
    ...(theme === undefined ? {} : { theme }),
    onFailed: ({ seed, violations }) => print(`seed ${seed}: ${violations.join('; ')}`),
    onProgress({ schedules }) {
      if (performance.now() - toldAt < everyMs) return;
      toldAt = performance.now();
      process.stderr.write(`${schedules} of ${count} schedules, ${Math.round((toldAt - startedAt) / 1000)} s\n`);
    },
  });
  const { schedules, kills, payments, alerts, commands, decisions } = sums;
  const counts = `${schedules} schedules, ${kills} kills, ${payments} payments, ${alerts} alerts, ${commands} commands, ${decisions} files approved or refused`;
  print(`${counts}: ${failures} in which something does not hold`);
  const took = `${Math.round((performance.now() - startedAt) / 1000)} s`;
  const end = failures === 0 ? 'everything holds in each' : `${failures} in which something does not hold`;
  if (!values.bare && theme === undefined)
    keepFigure('schedules', { holds: failures === 0, text: `${counts} in ${took}; ${end}`, size: schedules });
  return failures === 0;
}

/** Keeps the last lines of what it says as its figure. */
async function proveAndKeep(part: Part, size: number, prove: (print: (line: string) => void) => Promise<boolean>): Promise<boolean> {
  const startedAt = performance.now();
  const lines: string[] = [];
  const holds = await prove((line) => {
    lines.push(line);
    print(line);
  });
  const last = lines.filter((line) => /^(?:model: \d|\d+ of )/.test(line)).join('; ');
  keepFigure(part, { holds, text: `${last}; ${Math.round((performance.now() - startedAt) / 1000)} s`, size });
  return holds;
}

function tellTable(): void {
  const [rows, figures] = [guarantees(), readFigures()];
  process.stdout.write(`${values.json ? JSON.stringify(guaranteeObject(rows, figures)) : `\n${guaranteeTable(rows, figures)}`}\n`);
}

async function prove(): Promise<boolean> {
  if (values.mutations && values.only !== '') return proveMutations(print, values.only);
  if (values.mutations) return proveAndKeep('mutations', 1, proveMutations);
  if (values.model) return proveAndKeep('model', 1, proveModel);
  if (values.seed !== undefined) return tell(Number(values.seed));
  const holds = values.table || (await proveSchedules(Number(values.first), Number(values.schedules)));
  if (!values.bare) tellTable();
  return holds;
}

process.exitCode = (await prove()) ? 0 : 1;
