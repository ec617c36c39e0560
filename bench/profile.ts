/**
 * Where the time of a payment goes: one run of a contender with V8's sampling profiler on its main thread, and the CPU of
 * each kind of thread by the kernel's count.
 *
 *   node bench/profile.ts [--rows 20000] [--contender disburse|bare] [--cli FILE] [--keep FILE]
 *
 * The profiler itself costs about a tenth. `--keep` keeps the profile, which the developer tools of a browser can show.
 */
import { copyFileSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ended, startChild } from './children.ts';
import { bareLoop, ours, type Bench } from './contenders.ts';
import { inherited } from './measure.ts';
import { table } from './numbers.ts';
import { makePlace } from './place.ts';
import { areasOf, type CpuProfile } from './profile-areas.ts';
import { startStub } from './stub-client.ts';

const pollMs = 100;
/** Microseconds of one tick of /proc. */
const tickUs = 10_000;

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '20000' },
    contender: { type: 'string', default: 'disburse' },
    cli: { type: 'string', default: 'dist/src/cli.js' },
    keep: { type: 'string' },
  },
});
const rows = Number(values.rows);

/** CPU of each thread so far, in microseconds, by id. */
function threadTimes(pid: number, into: Map<string, { readonly name: string; readonly us: number }>): void {
  try {
    for (const id of readdirSync(`/proc/${pid}/task`)) {
      const text = readFileSync(`/proc/${pid}/task/${id}/stat`, 'latin1');
      const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'));
      const [user = 0, system = 0] = text
        .slice(text.lastIndexOf(')') + 2)
        .split(' ')
        .slice(11, 13)
        .map(Number);
      into.set(id, { name, us: (user + system) * tickUs });
    }
  } catch {
    // It has ended: what was read last counts.
  }
}

const place = await makePlace();
const stub = await startStub('succeed');
try {
  const bench: Bench = { place, cli: values.cli, cores: availableParallelism() };
  const sending = { file: await place.file(rows), gateway: stub.url };
  const command = values.contender === 'bare' ? bareLoop(bench, sending) : ours(bench, { ...sending, dataDir: await place.fresh('data') });
  const folder = await place.fresh('profile');
  const args = ['--cpu-prof', '--cpu-prof-interval=500', `--cpu-prof-dir=${folder}`, ...command.args];
  const child = startChild(command.program, args, { env: { ...inherited(), ...command.env }, cwd: command.cwd, stdio: 'ignore' });
  const threads = new Map<string, { readonly name: string; readonly us: number }>();
  const poll = setInterval(() => threadTimes(child.pid ?? 0, threads), pollMs);
  const { code } = await ended(child).finally(() => clearInterval(poll));
  if (code !== 0) throw new Error(`${values.contender} ended with exit ${code}`);

  // A thread that reads beside the main thread has a profile of its own.
  const found = globSync(join(folder, '*.cpuprofile')).map((path) => ({ path, text: readFileSync(path, 'utf8') }));
  const main = found.toSorted((a, b) => b.text.length - a.text.length)[0];
  if (main === undefined) throw new Error('the profiler wrote nothing');
  if (values.keep !== undefined) copyFileSync(main.path, values.keep);

  const shown = (us: number): string => (us / rows).toFixed(1);
  const names = [...new Set([...threads.values()].map(({ name }) => name))];
  const ofThreads = names
    .map((name) => ({ name, us: [...threads.values()].filter((one) => one.name === name).reduce((sum, { us }) => sum + us, 0) }))
    .filter(({ us }) => us > 0)
    .toSorted((a, b) => b.us - a.us);
  const ofAreas = areasOf(JSON.parse(main.text) as CpuProfile);
  const lines = [
    `${values.contender}, ${rows} rows, profiled`,
    '',
    table(
      ['threads', 'CPU µs a row'],
      ofThreads.map(({ name, us }) => [name, shown(us)]),
    ),
    '',
    table(
      ['main thread, by the clock', 'µs a row'],
      ofAreas.map(({ area, us }) => [area, shown(us)]),
    ),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
} finally {
  await stub.stop();
  await place.remove();
}
