/** The contenders of the crash table: each can be killed while it pays a file, started again, and asked what became of each record. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bareLoop, bullmq, bullmqTool, dbos, ours, pgBoss, pgBossDump, type Bench } from './contenders.ts';
import { reportedByDisburse, reportedByPeer, type OurResult, type Told } from './crash-count.ts';
import { run, start, type Command } from './measure.ts';
import { keyStyles, type KeyStyle, type PeerResult } from './peers/payout.ts';
import type { PostgresSource } from './postgres-server.ts';
import type { RedisSource } from './redis-server.ts';
import type { Stores } from './throughput.ts';

/** Paying a file that is under way. */
export interface Attempt {
  /** Rejects when it fails, unless it was killed. */
  readonly ended: Promise<void>;
  /** With -9, and whatever it started; resolves when it is gone. */
  kill(): Promise<void>;
}

export interface Finished {
  readonly seconds: number;
  /** Of the contender's own processes. */
  readonly cpuSeconds: number;
  readonly peakMib: number;
}

export interface Contender {
  start(file: string): Attempt;
  /** Pays the file to its end. */
  finish(file: string): Promise<Finished>;
  told(): Promise<Told>;
  /** Where its data are; undefined for a server that was started elsewhere. */
  readonly folders: readonly string[] | undefined;
  note?(): Promise<string>;
  close?(): Promise<void>;
}

export interface Making {
  readonly bench: Bench;
  readonly gateway: string;
  /** Calls in flight, when they are not as many as everywhere. */
  readonly inFlight?: number;
  /** How long the gateway remembers a key, as our setting. */
  readonly keyLifetime?: string;
}

type Make = (making: Making) => Promise<Contender>;

export interface Maker {
  readonly name: string;
  readonly make: Make;
}

/** Exit 2 says that some records need attention, which is true after a kill. */
const expectedExits = [0, 2];

/** A contender that is a process for each file. */
function byCommand(commandFor: (file: string) => Command): Pick<Contender, 'start' | 'finish'> {
  return {
    start(file) {
      const running = start(commandFor(file));
      let isKilled = false;
      return {
        ended: running.measured.then(({ code, stderr }) => {
          if (!isKilled && !expectedExits.includes(code ?? -1)) throw new Error(`ended with ${code}: ${stderr}`);
        }),
        async kill() {
          isKilled = true;
          running.kill();
          await running.measured;
        },
      };
    },
    async finish(file) {
      const { wallSeconds, cpuSeconds, peakMib } = await run(commandFor(file), expectedExits);
      return { seconds: wallSeconds, cpuSeconds, peakMib };
    },
  };
}

/** A line that a kill cut off is no result. */
export function readLines<T>(text: string): T[] {
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as T];
    } catch {
      return [];
    }
  });
}

const textOf = (path: string): Promise<string> => (existsSync(path) ? readFile(path, 'utf8') : Promise.resolve(''));
const linesOf = async <T>(path: string): Promise<T[]> => readLines<T>(await textOf(path));

const makeOurs: Make = async ({ bench, gateway, inFlight, keyLifetime }) => {
  const dataDir = await bench.place.fresh('data');
  const env: Record<string, string> = keyLifetime === undefined ? {} : { GATEWAY_KEY_LIFETIME: keyLifetime };
  return {
    ...byCommand((file) => ours(bench, { file, gateway, dataDir, env, ...flight(inFlight) })),
    told: async () => reportedByDisburse(await linesOf<OurResult>(join(dataDir, 'results.jsonl'))),
    folders: [dataDir],
  };
};

const flight = (inFlight: number | undefined): { readonly inFlight?: number } => (inFlight === undefined ? {} : { inFlight });

const makeBare =
  (resume: boolean, keys: KeyStyle): Make =>
  async ({ bench, gateway, inFlight }) => {
    const results = join(await bench.place.fresh('bare'), 'results.jsonl');
    return {
      ...byCommand((file) => bareLoop(bench, { file, gateway, results, resume, keys, ...flight(inFlight) })),
      told: async () => reportedByPeer(await linesOf<PeerResult>(results)),
      folders: [dirname(results)],
    };
  };

const makeBullmq =
  (source: RedisSource, keys: KeyStyle): Make =>
  async ({ bench, gateway, inFlight }) => {
    const results = join(await bench.place.fresh('bullmq'), 'results.jsonl');
    const server = await source.start(bench.place.folder);
    const prefix = `bench-${randomUUID()}`;
    return {
      ...byCommand((file) => bullmq(bench, { file, gateway, results, keys, redis: server.url, prefix, ...flight(inFlight) })),
      told: async () => reportedByPeer(readLines<PeerResult>((await run(bullmqTool(bench, 'dump', server.url, prefix))).stdout)),
      folders: server.folder === undefined ? undefined : [server.folder, dirname(results)],
      note: async () =>
        `${new Set((await linesOf<PeerResult>(results)).map(({ record_id }) => record_id)).size} records in its exported results file`,
      close: async () => {
        await run(bullmqTool(bench, 'clean', server.url, prefix));
        await server.stop();
      },
    };
  };

const makePgBoss =
  (source: PostgresSource, keys: KeyStyle): Make =>
  async ({ bench, gateway, inFlight }) => {
    const server = await source.start();
    return {
      ...byCommand((file) => pgBoss(bench, { file, gateway, keys, postgres: server.url, ...flight(inFlight) })),
      told: async () => reportedByPeer(readLines<PeerResult>((await run(pgBossDump(bench, server.url))).stdout)),
      folders: server.folder === undefined ? undefined : [server.folder],
      close: () => server.stop(),
    };
  };

/** Its second start goes through the whole file, and so writes the stored outcome of each record. */
const makeDbos =
  (source: PostgresSource, keys: KeyStyle): Make =>
  async ({ bench, gateway, inFlight }) => {
    const results = join(await bench.place.fresh('dbos'), 'results.jsonl');
    const server = await source.start();
    return {
      ...byCommand((file) => dbos(bench, { file, gateway, results, keys, postgres: server.url, ...flight(inFlight) })),
      told: async () => reportedByPeer(await linesOf<PeerResult>(results)),
      folders: server.folder === undefined ? undefined : [server.folder, dirname(results)],
      close: () => server.stop(),
    };
  };

/** Each with keys as scripts commonly have them, and as a careful one has them. */
export function makersOf({ redis, postgres }: Stores): readonly Maker[] {
  const both = (name: string, makeWith: (keys: KeyStyle) => Make): readonly Maker[] =>
    keyStyles.map((keys) => ({ name: `${name}, ${keys} keys`, make: makeWith(keys) }));
  return [
    { name: 'disburse run', make: makeOurs },
    ...both('bare loop', (keys) => makeBare(false, keys)),
    ...both('bare loop that resumes', (keys) => makeBare(true, keys)),
    ...(redis === undefined ? [] : both('BullMQ', (keys) => makeBullmq(redis, keys))),
    ...(postgres === undefined ? [] : both('pg-boss', (keys) => makePgBoss(postgres, keys))),
    ...(postgres === undefined ? [] : both('DBOS', (keys) => makeDbos(postgres, keys))),
  ];
}
