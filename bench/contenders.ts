/** Who is compared, and with which command line. */
import { fileURLToPath } from 'node:url';
import type { Command } from './measure.ts';
import { cliStart, type Place } from './place.ts';
import type { KeyStyle } from './peers/payout.ts';

/** Calls in flight, the same for all. */
export const concurrency = 32;

export interface Bench {
  readonly place: Place;
  readonly cli: string;
  readonly cores: number;
}

interface Sending {
  readonly file: string;
  readonly gateway: string;
  /** Calls in flight, when they are not as many as everywhere. */
  readonly inFlight?: number;
}

const peers = {
  bareLoop: fileURLToPath(import.meta.resolve('./peers/bare-loop.ts')),
  bullmq: fileURLToPath(import.meta.resolve('./peers/bullmq.ts')),
  pgBoss: fileURLToPath(import.meta.resolve('./peers/pg-boss.ts')),
  dbos: fileURLToPath(import.meta.resolve('./peers/dbos.ts')),
  csvParseOnly: fileURLToPath(import.meta.resolve('./peers/csv-parse-only.ts')),
};

const gatewayEnv = ({ place }: Bench, { gateway, inFlight = concurrency }: Omit<Sending, 'file'>): Record<string, string> => ({
  GATEWAY_URL: gateway,
  GATEWAY_PROJECT: 'bench',
  GATEWAY_KEY_LIFETIME: '12h',
  GATEWAY_PRIVATE_KEY_FILE: place.privateKeyFile,
  DISPATCH_CONCURRENCY: String(inFlight),
});

/** As many threads for signing as disburse has; it has one more, for the disk. */
const peerEnv = (bench: Bench, sending: Omit<Sending, 'file'>): Record<string, string> => ({
  ...gatewayEnv(bench, sending),
  UV_THREADPOOL_SIZE: String(bench.cores),
});

const command = (bench: Bench, words: readonly string[], env: Record<string, string> = {}): Command => {
  const [program = process.execPath, ...args] = words;
  return { program, args, env, cwd: bench.place.folder };
};

/** As its first line says. */
function cliCommand({ place, cli }: Bench, args: readonly string[], env: Record<string, string>): Command {
  const start = cliStart(cli);
  const [program = process.execPath, ...flags] = start.words;
  return { program, args: [...flags, ...args], env: { ...start.env, ...env }, cwd: place.folder };
}

/** With every guarantee on: the ledger synced, results synced, everything followed. */
export const ours = (bench: Bench, sending: Sending & { dataDir: string; env?: Record<string, string> }): Command =>
  cliCommand(bench, ['run', sending.file, '--json'], {
    ...gatewayEnv(bench, sending),
    DATA_DIR: sending.dataDir,
    DISPATCH_RATE: 'unlimited',
    ...sending.env,
  });

export const validate = (bench: Bench, file: string): Command =>
  cliCommand(bench, ['validate', file, '--json'], { DATA_DIR: `${bench.place.folder}/data` });

/** Where the instances of one run meet: servers, topics, group and ledger of their own. */
export type Meeting = Readonly<
  Record<'KAFKA_BROKERS' | 'REDIS_URL' | 'KAFKA_TOPIC_PREFIX' | 'KAFKA_GROUP' | 'REDIS_PREFIX' | 'LEDGER_KEY_FILE', string>
>;

/** An instance of the distributed profile, with every guarantee on. */
export const serve = (
  bench: Bench,
  { gateway, meeting, env }: { readonly gateway: string; readonly meeting: Meeting; readonly env?: Readonly<Record<string, string>> },
): Command =>
  cliCommand(bench, ['serve'], {
    ...gatewayEnv(bench, { gateway }),
    ...meeting,
    DATA_DIR: `${bench.place.folder}/data`,
    DISPATCH_RATE: 'unlimited',
    HTTP_PORT: '0',
    ...env,
  });

/** The simulated gateway as its users start it; it verifies every signature. */
export const sandbox = (bench: Bench, publicKeyFile: string): Command =>
  cliCommand(bench, ['sandbox', '--port', '0', '--public-key', publicKeyFile, '--confirm', 'auto', '--settle-ms', '20'], {});

export const topics = (bench: Bench, { meeting, partitions }: { readonly meeting: Meeting; readonly partitions: number }): Command =>
  cliCommand(bench, ['topics', '--partitions', String(partitions)], { ...meeting, DATA_DIR: `${bench.place.folder}/data` });

export interface PeerSending extends Sending {
  readonly results?: string;
  readonly keys?: KeyStyle;
}

const peerArgs = ({ file, results, keys }: PeerSending): readonly string[] => [
  file,
  ...(results === undefined ? [] : ['--results', results]),
  ...(keys === undefined ? [] : ['--keys', keys]),
];

export const bareLoop = (bench: Bench, sending: PeerSending & { readonly resume?: boolean }): Command =>
  command(
    bench,
    [process.execPath, peers.bareLoop, ...peerArgs(sending), ...(sending.resume === true ? ['--resume'] : [])],
    peerEnv(bench, sending),
  );

export const bullmq = (bench: Bench, sending: PeerSending & { readonly redis: string; readonly prefix: string }): Command =>
  command(bench, [process.execPath, peers.bullmq, ...peerArgs(sending), '--prefix', sending.prefix], {
    ...peerEnv(bench, sending),
    REDIS_URL: sending.redis,
  });

export const pgBoss = (bench: Bench, sending: PeerSending & { readonly postgres: string }): Command =>
  command(bench, [process.execPath, peers.pgBoss, ...peerArgs(sending)], { ...peerEnv(bench, sending), DATABASE_URL: sending.postgres });

export const pgBossDump = (bench: Bench, postgres: string): Command =>
  command(bench, [process.execPath, peers.pgBoss, '--dump'], { DATABASE_URL: postgres });

export const dbos = (bench: Bench, sending: PeerSending & { readonly postgres: string }): Command =>
  command(bench, [process.execPath, peers.dbos, ...peerArgs(sending)], { ...peerEnv(bench, sending), DATABASE_URL: sending.postgres });

export const bullmqTool = (bench: Bench, what: 'dump' | 'clean', redis: string, prefix: string): Command =>
  command(bench, [process.execPath, peers.bullmq, `--${what}`, '--prefix', prefix], { REDIS_URL: redis });

export const csvParseOnly = (bench: Bench, file: string): Command => command(bench, [process.execPath, peers.csvParseOnly, file]);
