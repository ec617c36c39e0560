/** Paying a file: `disburse run` with all its guarantees against the bare loop and durable queues, on the stub gateway. */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { bareLoop, bullmq, bullmqTool, dbos, ours, pgBoss, type Bench } from './contenders.ts';
import { othersShare, type Disturbances } from './disturbance.ts';
import type { Shape } from './make-file.ts';
import { run, type Command, type Measured } from './measure.ts';
import { rotated } from './numbers.ts';
import type { PostgresSource } from './postgres-server.ts';
import type { RedisSource } from './redis-server.ts';
import { startStub, type Stub } from './stub-client.ts';

export type Contender = 'disburse run' | 'bare loop' | 'BullMQ' | 'pg-boss' | 'DBOS';

export interface Payment {
  readonly contender: Contender;
  readonly rows: number;
  readonly shape: Shape;
  readonly round: number;
  readonly measured: Measured;
  /** From the first call to the last, as the stub saw them: without start-up, first reading and last words. */
  readonly sendingSeconds: number;
  readonly stubCpuSeconds: number;
  /** Of Redis or Postgres; undefined when there is none or it is not ours. */
  readonly serverCpuSeconds: number | undefined;
}

interface Summary {
  readonly balanced: boolean;
  readonly statuses: Readonly<Record<string, { readonly count: number }>>;
}

/** The summary is the last line on stdout. */
export const readSummary = (stdout: string): Summary => JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Summary;

interface Sent {
  readonly measured: Measured;
  readonly serverCpuSeconds?: number | undefined;
}

type Send = (file: string) => Promise<Sent>;

export interface Senders {
  readonly names: readonly Contender[];
  send(contender: Contender, file: string): Promise<Sent>;
}

/** The servers that contenders bring; a contender whose server is missing is left out. */
export interface Stores {
  readonly redis: RedisSource | undefined;
  readonly postgres: PostgresSource | undefined;
}

/** Each run begins with nothing: a new ledger, a new Redis, a new Postgres. */
export function createSenders(bench: Bench, stub: Stub, { redis, postgres }: Stores): Senders {
  const runOurs: Send = async (file) => {
    const dataDir = await bench.place.fresh('data');
    const measured = await run(ours(bench, { file, gateway: stub.url, dataDir }));
    await rm(dataDir, { recursive: true });
    if (!readSummary(measured.stdout).balanced) throw new Error('the summary does not balance');
    return { measured };
  };
  const runBare: Send = async (file) => ({ measured: await run(bareLoop(bench, { file, gateway: stub.url })) });
  const runBullmq: Send = async (file) => {
    if (redis === undefined) throw new Error('there is no Redis');
    const server = await redis.start(bench.place.folder);
    const prefix = `bench-${randomUUID()}`;
    try {
      const before = server.cpuSeconds();
      const measured = await run(bullmq(bench, { file, gateway: stub.url, redis: server.url, prefix }));
      const after = server.cpuSeconds();
      if (before === undefined || after === undefined) await run(bullmqTool(bench, 'clean', server.url, prefix));
      return { measured, serverCpuSeconds: before === undefined || after === undefined ? undefined : after - before };
    } finally {
      await server.stop();
    }
  };
  const runOnPostgres = async (commandOn: (url: string) => Command): Promise<Sent> => {
    if (postgres === undefined) throw new Error('there is no Postgres');
    const server = await postgres.start();
    try {
      const before = server.cpuSeconds();
      const measured = await run(commandOn(server.url));
      const after = server.cpuSeconds();
      return { measured, serverCpuSeconds: before === undefined || after === undefined ? undefined : after - before };
    } finally {
      await server.stop();
    }
  };
  const senders: Readonly<Record<Contender, Send>> = {
    'disburse run': runOurs,
    'bare loop': runBare,
    BullMQ: runBullmq,
    'pg-boss': (file) => runOnPostgres((url) => pgBoss(bench, { file, gateway: stub.url, postgres: url })),
    DBOS: (file) => runOnPostgres((url) => dbos(bench, { file, gateway: stub.url, postgres: url })),
  };
  return {
    names: [
      'disburse run',
      'bare loop',
      ...(redis === undefined ? [] : (['BullMQ'] as const)),
      ...(postgres === undefined ? [] : (['pg-boss', 'DBOS'] as const)),
    ],
    send: (contender, file) => senders[contender](file),
  };
}

export interface Paying {
  readonly contender: Contender;
  readonly rows: number;
  readonly shape?: Shape;
  readonly round: number;
}

/** One measured run. What the gateway did not get, or got twice, is no result to compare. */
export async function pay(bench: Bench, stub: Stub, senders: Senders, paying: Paying): Promise<Payment> {
  const { contender, rows, shape = 'plain', round } = paying;
  const file = await bench.place.file(rows, shape);
  await stub.reset();
  const stubBefore = stub.cpuSeconds();
  const { measured, serverCpuSeconds } = await senders.send(contender, file);
  const stubCpuSeconds = stub.cpuSeconds() - stubBefore;
  const { calls, accepted, first_at, last_at } = await stub.stats();
  if (calls !== rows || accepted !== rows) throw new Error(`${contender}: ${calls} calls and ${accepted} payouts for ${rows} rows`);
  const sendingSeconds = ((last_at ?? 0) - (first_at ?? 0)) / 1000;
  return { contender, rows, shape, round, measured, sendingSeconds, stubCpuSeconds, serverCpuSeconds };
}

const warmUpRows = 1000;
/** DBOS stores each step by itself, and takes minutes for more. */
export const mostRowsOfDbos = 20_000;

interface File {
  readonly rows: number;
  readonly shape: Shape;
}

/** Every size without quotes, and the smallest also with a quoted cell in each row. */
function filesOf(sizes: readonly number[]): readonly File[] {
  const plain = sizes.map((rows): File => ({ rows, shape: 'plain' }));
  return [...plain, { rows: Math.min(...sizes), shape: 'quoted' }];
}

export async function measureThroughput(
  bench: Bench,
  params: {
    readonly sizes: readonly number[];
    readonly rounds: number;
    readonly stores: Stores;
    readonly takesPart: (contender: Contender) => boolean;
    readonly disturbances: Disturbances;
    readonly say: (line: string) => void;
  },
): Promise<readonly Payment[]> {
  const { sizes, rounds, stores, takesPart, disturbances, say } = params;
  const stub = await startStub('succeed');
  try {
    const senders = createSenders(bench, stub, stores);
    // Programs and the stub's code come into memory; caches of compiled code are filled.
    const taking = senders.names.filter(takesPart);
    for (const contender of taking) await pay(bench, stub, senders, { contender, rows: warmUpRows, round: 0 });
    const payments: Payment[] = [];
    for (const { rows, shape } of filesOf(sizes)) {
      const names = taking.filter((name) => name !== 'DBOS' || rows <= mostRowsOfDbos);
      for (let round = 1; round <= rounds; round += 1) {
        for (const contender of rotated(names, round - 1)) {
          const payment = await disturbances.avoid(() => pay(bench, stub, senders, { contender, rows, shape, round }), othersOf);
          payments.push(payment);
          const peak = payment.measured.peakMib.toFixed(0);
          say(`${rows} rows, ${shape}, round ${round}, ${contender}: ${Math.round(rateOf(payment))} rows/s, ${peak} MiB`);
        }
      }
    }
    return payments;
  } finally {
    await stub.stop();
  }
}

export const rateOf = ({ rows, measured }: Payment): number => rows / measured.wallSeconds;

export const othersOf = ({ measured, stubCpuSeconds, serverCpuSeconds }: Payment): number =>
  othersShare(measured, stubCpuSeconds + (serverCpuSeconds ?? 0));
