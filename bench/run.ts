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
import { makersOf } from './crash-contenders.ts';
import { measureCrashes, tellCrashes } from './crash-table.ts';
import { createDisturbances, type Disturbances } from './disturbance.ts';
import { startServers, type Servers } from './distributed/servers.ts';
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
import { measureThroughput, type Payment, type Stores } from './throughput.ts';
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
  const sends = options.only.has('throughput') || options.only.has('crash');
  const stores: FoundStores = sends ? await findStores() : { redis: undefined, postgres: undefined, descriptions: [] };

  print('# Benchmark');
  print(tellMachine(place, stores));
  print(tellCommands(bench));

  const disturbances = createDisturbances(say, options.tries);
  let payments: readonly Payment[] = [];
  if (options.only.has('throughput')) {
    payments = await measureThroughput(bench, {
      sizes: options.rows,
      rounds: options.rounds,
      stores,
      takesPart: options.takesPart,
      disturbances,
      say,
    });
    print(`## Paying a file\n\nMedian of ${options.rounds} interleaved rounds, and the range.`);
    print(tellThroughput(payments));
  }
  if (options.only.has('follow')) {
    const followed = await measureFollowing(bench, { rows: options.followRows, rounds: options.rounds, disturbances, say });
    print(`## Following to the end\n\n${tellFollowing(followed)}`);
  }
  if (options.only.has('crash')) {
    const crashes = await measureCrashes(bench, {
      rows: options.crashRows,
      makers: makersOf(stores).filter(({ name }) => options.takesPart(name)),
      say,
    });
    print(`## Killed with -9 at half of ${options.crashRows.toLocaleString('en')} rows, and started again\n\n${tellCrashes(crashes)}`);
  }
  if (options.only.has('validate')) {
    const checks = await measureValidate(bench, { rows: options.largeRows, rounds: options.rounds, disturbances, say });
    print(`## Checking ${options.largeRows.toLocaleString('en')} rows\n\n${tellValidate(checks, options.largeRows)}`);
  }
  if (options.only.has('million') && options.millionRun) {
    say(`paying ${options.largeRows} rows, which takes minutes`);
    print(`## Memory of \`disburse run\` by size of the file\n\n${tellLarge(await payLarge(bench, options.largeRows), payments)}`);
  }
  await measureDistributed(bench, options, disturbances);
  print(`## Disturbances\n\n${disturbances.report()}`);
}

/** A part whose servers cannot be started is left out and reported; the benchmark ends with exit 1 then. */
async function withServers(title: string, rewrites: boolean, measure: (servers: Servers) => Promise<string>): Promise<void> {
  let servers: Servers;
  try {
    servers = await startServers({ rewrites });
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

async function measureDistributed(bench: Bench, options: Options, disturbances: Disturbances): Promise<void> {
  const { only, rounds, records, steady } = options;
  if (only.has('topic')) {
    await withServers('From topic to topic', false, async (servers) => {
      const passages = await measureTopic(bench, { records, rounds, servers, disturbances, say });
      return `${records.toLocaleString('en')} records, median of ${rounds} interleaved rounds, and the range.\n\n${tellTopic(passages)}`;
    });
  }
  if (only.has('steady')) {
    await withServers('A steady rate', true, async (servers) => tellSteady(await measureSteady(bench, { options: steady, servers, say })));
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
