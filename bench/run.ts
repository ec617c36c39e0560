/**
 * `npm run bench`: everything in one run on one machine, as Markdown on stdout, progress on stderr. What is compared, and
 * what each contender does not guarantee: docs/benchmarks.md. Linux only, because of how it measures.
 */
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import {
  bareLoop,
  bullmq,
  concurrency,
  csvParseOnly,
  dbos,
  ours,
  pgBoss,
  serve,
  validate,
  type Bench,
  type Meeting,
} from './contenders.ts';
import { noFindings, tellAims, type Findings } from './aims.ts';
import { makersOf, type Maker } from './crash-contenders.ts';
import { measureCrashes, tellCrashes } from './crash-table.ts';
import { day, measureDay, tellDay } from './day.ts';
import { createDisturbances, type Disturbances } from './disturbance.ts';
import { measureScaling, tellScaling } from './distributed/scaling.ts';
import { serveMaker, serveName } from './distributed/serve-contender.ts';
import { startServers, type ServerOptions, type Servers } from './distributed/servers.ts';
import { measureTopic } from './distributed/topic.ts';
import { measureSteady } from './distributed/steady.ts';
import { tellSteady } from './distributed/steady-report.ts';
import { tellTopic } from './distributed/topic-report.ts';
import { measureFollowing, tellFollowing } from './following.ts';
import { measureValidate, payLarge, tellLarge, tellValidate } from './large.ts';
import { readOptions, usage, type Options } from './options.ts';
import { makePlace, root, tellDisk, type Place } from './place.ts';
import { findPostgres } from './postgres-server.ts';
import { findRedis } from './redis-server.ts';
import { measureThroughput, type Stores } from './throughput.ts';
import { tellThroughput } from './throughput-report.ts';

const startedAt = Date.now();
const say = (line: string): void => void process.stderr.write(`${((Date.now() - startedAt) / 1000).toFixed(0).padStart(5)} s  ${line}\n`);
const print = (text: string): void => void process.stdout.write(`${text}\n\n`);

/** The peers' own packages are installed beside them. */
const versionOf = (name: string): string => {
  const places = ['bench/node_modules', 'node_modules'].map((folder) => join(root, folder, name, 'package.json'));
  const found = places.find((path) => existsSync(path));
  return found === undefined ? 'missing' : (JSON.parse(readFileSync(found, 'utf8')) as { readonly version: string }).version;
};

/** The servers that peers need, and what to say of them. */
interface FoundStores extends Stores {
  readonly descriptions: readonly string[];
}

async function findStores(): Promise<FoundStores> {
  const [redis, found] = [await findRedis(), await findPostgres()];
  const noRedis = 'no Redis was found, so BullMQ is left out: set REDIS_URL, put redis-server on the PATH, or install Maven';
  const descriptions = [redis?.description ?? noRedis, found.source === undefined ? found.reason : found.source.description];
  if (redis === undefined) say(noRedis);
  if (found.source === undefined) say(found.reason);
  return { redis, postgres: found.source, descriptions };
}

function tellMachine(place: Place, stores: FoundStores): string {
  const load = loadavg()
    .map((value) => value.toFixed(2))
    .join(' ');
  const packages = ['csv-parse', 'undici', 'p-limit', 'bullmq', 'ioredis', 'kafkajs', 'pg-boss', '@dbos-inc/dbos-sdk']
    .map((name) => `${name} ${versionOf(name)}`)
    .join(', ');
  return [
    `- ${new Date(startedAt).toISOString().slice(0, 10)}, ${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, load before the start ${load}`,
    `- Node ${process.version}; ${packages}`,
    ...stores.descriptions.map((description) => `- ${description}`),
    `- ${tellDisk(place.folder)}`,
    `- RSA-2048, ${concurrency} calls in flight, everything on loopback; the stub gateway shares the cores`,
  ].join('\n');
}

const placeholders: Meeting = {
  KAFKA_BROKERS: '127.0.0.1:PORT',
  REDIS_URL: 'redis://127.0.0.1:PORT',
  KAFKA_TOPIC_PREFIX: 'NAME',
  KAFKA_GROUP: 'NAME',
  REDIS_PREFIX: 'NAME',
  LEDGER_KEY_FILE: 'ledger.key',
};

function tellCommands(bench: Bench): string {
  const file = 'payouts.csv';
  const sending = { file, gateway: 'http://127.0.0.1:PORT' };
  const commands = [
    ours(bench, { ...sending, dataDir: 'NEW_FOLDER' }),
    bareLoop(bench, sending),
    bullmq(bench, { ...sending, redis: 'redis://127.0.0.1:PORT', prefix: 'NAME' }),
    pgBoss(bench, { ...sending, postgres: 'postgresql://127.0.0.1:PORT/NAME' }),
    dbos(bench, { ...sending, postgres: 'postgresql://127.0.0.1:PORT/NAME' }),
    validate(bench, file),
    csvParseOnly(bench, file),
    serve(bench, { gateway: 'http://127.0.0.1:PORT', meeting: placeholders }),
  ];
  const lines = commands.map(({ program, args, env }) =>
    [...Object.entries(env).map(([name, value]) => `${name}=${bench.place.format([value])}`), bench.place.format([program, ...args])].join(
      ' ',
    ),
  );
  return ['```', ...lines, '```'].join('\n');
}

async function measureAll(options: Options, place: Place): Promise<void> {
  const bench: Bench = { place, cli: options.cli, cores: availableParallelism() };
  const { only, rounds } = options;
  const sends = only.has('throughput') || only.has('crash') || only.has('day');
  const stores: FoundStores = sends ? await findStores() : { redis: undefined, postgres: undefined, descriptions: [] };

  print('# Benchmark');
  print(tellMachine(place, stores));
  print(tellCommands(bench));

  const disturbances = createDisturbances(say, options.tries);
  const findings = noFindings();
  if (only.has('throughput')) {
    const { takesPart } = options;
    findings.payments = await measureThroughput(bench, { sizes: options.rows, rounds, stores, takesPart, disturbances, say });
    print(`## Paying a file\n\nMedian of ${rounds} interleaved rounds, and the range.`);
    print(tellThroughput(findings.payments));
  }
  if (only.has('day')) await measureOrdinaryDay(bench, options, stores);
  if (only.has('follow')) {
    const followed = await measureFollowing(bench, { rows: options.followRows, rounds, disturbances, say });
    print(`## Following to the end\n\n${tellFollowing(followed)}`);
  }
  if (only.has('crash')) await measureKills(bench, options, stores, findings);
  if (only.has('validate')) {
    findings.checks = await measureValidate(bench, { rows: options.largeRows, rounds, disturbances, say });
    print(`## Checking ${options.largeRows.toLocaleString('en')} rows\n\n${tellValidate(findings.checks, options.largeRows)}`);
  }
  if (only.has('million') && options.millionRun) {
    say(`paying ${options.largeRows} rows, which takes minutes`);
    findings.large = await payLarge(bench, options.largeRows);
    print(`## Memory of \`disburse run\` by size of the file\n\n${tellLarge(findings.large, findings.payments)}`);
  }
  await measureDistributed(bench, options, disturbances, findings);
  print(`## Disturbances\n\n${disturbances.report()}`);
  print(`## Aims\n\n${tellAims(findings)}`);
}

const keysAreRandom = (name: string): boolean => !name.includes('derived') && !name.includes('that resumes');

/** Every contender with random keys, and the bare loop with derived ones too, which is what they have in common. */
async function measureOrdinaryDay(bench: Bench, options: Options, stores: Stores): Promise<void> {
  const { dayRows: rows, rounds, takesPart } = options;
  const peers = makersOf(stores).filter(({ name }) => keysAreRandom(name) || name === 'bare loop, derived keys');
  await withMakers(options, (served) => {
    const makers = [...peers, ...served].filter(({ name }) => takesPart(name));
    return measureDay(bench, { rows, rounds, makers, say }).then((runs) => {
      const faults = `answers after ${day.latencyMs} ms, a fault for ${day.faultShare * 100} % of the records`;
      print(`## An ordinary day: ${faults}\n\n${rows.toLocaleString('en')} rows.\n\n${tellDay(runs)}`);
    });
  });
}

async function measureKills(bench: Bench, options: Options, stores: Stores, findings: Findings): Promise<void> {
  const { crashRows: rows, takesPart } = options;
  await withMakers(options, async (served) => {
    const makers = [...makersOf(stores), ...served].filter(({ name }) => takesPart(name));
    findings.crashes = await measureCrashes(bench, { rows, makers, say });
    print(`## Killed with -9 at half of ${rows.toLocaleString('en')} rows, and started again\n\n${tellCrashes(findings.crashes)}`);
  });
}

/** `serve` takes part where its servers can be started. */
async function withMakers({ takesPart }: Options, measure: (served: readonly Maker[]) => Promise<void>): Promise<void> {
  if (!takesPart(serveName)) return measure([]);
  const servers = await startServers({ rewrites: false }).catch((cause: unknown) => {
    print(`${serveName} is left out: ${(cause as Error).message}`);
    process.exitCode = 1;
    return undefined;
  });
  try {
    await measure(servers === undefined ? [] : [serveMaker(servers)]);
  } finally {
    await servers?.stop();
  }
}

/** A part whose servers cannot be started is left out and reported; the benchmark ends with exit 1 then. */
async function withServers(title: string, options: ServerOptions, measure: (servers: Servers) => Promise<string>): Promise<void> {
  let servers: Servers;
  try {
    servers = await startServers(options);
  } catch (cause) {
    print(`## ${title}\n\nLeft out: ${(cause as Error).message}`);
    process.exitCode = 1;
    return;
  }
  try {
    print(`## ${title}\n\n${servers.description}\n\n${await measure(servers)}`);
  } finally {
    await servers.stop();
  }
}

async function measureDistributed(bench: Bench, options: Options, disturbances: Disturbances, findings: Findings): Promise<void> {
  const { only, rounds, records, steady, scalingSeconds: seconds } = options;
  if (only.has('topic')) {
    await withServers('From topic to topic', { rewrites: false }, async (servers) => {
      findings.passages = await measureTopic(bench, { records, rounds, servers, disturbances, say });
      return `${records.toLocaleString('en')} records, median of ${rounds} interleaved rounds, and the range.\n\n${tellTopic(findings.passages)}`;
    });
  }
  if (only.has('scaling')) {
    await withServers('One to eight instances', { rewrites: false }, async (servers) => {
      findings.scaled = await measureScaling(bench, { seconds, rounds, servers, say });
      return tellScaling(findings.scaled);
    });
  }
  if (only.has('steady')) {
    await withServers('A steady rate', { rewrites: true, brokers: steady.brokers }, async (servers) => {
      findings.steady = await measureSteady(bench, { options: steady, servers, say });
      return tellSteady(findings.steady);
    });
  }
}

const options = readOptions(process.argv.slice(2));
if (options === null) {
  process.stdout.write(`${usage}\n`);
} else {
  if (process.platform !== 'linux') throw new Error('the benchmark reads /proc and runs on Linux only');
  const place = await makePlace();
  try {
    await measureAll(options, place);
    say('done');
  } finally {
    await place.remove();
  }
}
