/**
 * `npm run proof -- --load steady|file|backlog`: a load that takes minutes to an hour, and an exact account of it. Kept out of
 * the tests. Linux only, because of how it measures. Exit 0: everything holds; 1: the accounts do not; 2: they do, and the
 * machine missed an aim.
 */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { keepFigure } from '../../simulation/figures.ts';
import type { Bench } from '../contenders.ts';
import { startServers, type Servers } from '../distributed/servers.ts';
import { makePlace, root } from '../place.ts';
import { stubModes } from '../stub/gateway.ts';
import { drainBacklog } from './backlog.ts';
import { loadFile } from './file.ts';
import { loadSteadily } from './steady.ts';
import { exitCodeOf, lineOf, type Verdict } from './verdict.ts';

const { values } = parseArgs({
  options: {
    load: { type: 'string' },
    /** Of `steady`. */
    minutes: { type: 'string', default: '60' },
    rate: { type: 'string', default: '1000' },
    /** `follow`: in progress, then asking for confirmation, then paid. */
    gateway: { type: 'string', default: 'succeed' },
    brokers: { type: 'string', default: '1' },
    /** 1 for `steady`, 4 for `backlog`. */
    instances: { type: 'string' },
    /** Rows of `file`, events of `backlog`. */
    records: { type: 'string', default: '1000000' },
    /** Of minutes and records: 0.01 shows in a minute that everything works. */
    scale: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    cli: { type: 'string', default: 'dist/src/cli.js' },
  },
});

const startedAt = Date.now();
const say = (line: string): void => void process.stderr.write(`${((Date.now() - startedAt) / 1000).toFixed(0).padStart(5)} s  ${line}\n`);

function number(name: 'minutes' | 'rate' | 'records' | 'scale' | 'instances', otherwise = 0): number {
  const value = values[name] === undefined ? otherwise : Number(values[name]);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`--${name}: expected a number above 0, not ${values[name]}`);
}
const scale = number('scale');
const records = Math.max(1, Math.round(number('records') * scale));

async function onServers(work: (servers: Servers) => Promise<Verdict>): Promise<Verdict> {
  const servers = await startServers({ rewrites: true, brokers: values.brokers === '3' ? 3 : 1 });
  say(servers.description);
  try {
    return await work(servers);
  } finally {
    await servers.stop();
  }
}

function run(bench: Bench): Promise<Verdict> {
  const { load } = values;
  if (load === 'file') return loadFile({ bench, say, rows: records });
  if (load === 'backlog')
    return onServers((servers) => drainBacklog({ bench, servers, say, events: records, instances: number('instances', 4) }));
  const gateway = stubModes.find((mode) => mode === values.gateway);
  if (gateway === undefined) throw new Error(`--gateway: expected ${stubModes.join(' or ')}, not ${values.gateway}`);
  const seconds = Math.max(10, Math.round(number('minutes') * scale * 60));
  return onServers((servers) =>
    loadSteadily({ bench, servers, say, gateway, seconds, rate: Math.round(number('rate')), instances: number('instances', 1) }),
  );
}

async function main(): Promise<number> {
  if (!['steady', 'file', 'backlog'].includes(values.load ?? ''))
    throw new Error(`--load: expected steady, file or backlog, not ${values.load}`);
  if (!existsSync(join(root, values.cli))) throw new Error(`${values.cli} does not exist: run npm run build`);
  const place = await makePlace();
  try {
    const verdict = await run({ place, cli: values.cli, cores: availableParallelism() });
    const isWhole = verdict.problems.length === 0;
    keepFigure(verdict.load, { holds: isWhole, text: lineOf(verdict), size: Number(verdict.figures['events'] ?? verdict.figures['rows']) });
    if (!values.json) process.stdout.write(`${lineOf(verdict)}\n`);
    process.stdout.write(`${JSON.stringify({ ...verdict, command: process.argv.slice(2).join(' ') })}\n`);
    return exitCodeOf(verdict);
  } finally {
    await place.remove();
  }
}

process.exitCode = await main().catch((cause: unknown) => {
  process.stderr.write(`${cause instanceof Error ? cause.message : String(cause)}\n`);
  return 1;
});
