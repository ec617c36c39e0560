/** The way to Kafka: clients with the settings that were proven, and one sentence when it cannot be reached. */
import { readFileSync } from 'node:fs';
import { Kafka, logLevel, type KafkaConfig, type LogEntry, type SASLOptions } from 'kafkajs';
import type { Clock } from '../../batches/ports/clock.ts';
import { whyOf as causeOf } from '../../producers/kafka/publish-error.ts';
import { serversOf, type Config } from '../config/config.ts';
import { CommandError, exitCodes } from '../exit.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
export type Log = (level: LogLevel, message: string) => void;

/** `brokers` as host:port. */
export interface KafkaOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Present: TLS. Without a file the authorities that Node.js trusts. */
  readonly ssl?: { readonly caFile?: string | undefined } | undefined;
  readonly sasl?: KafkaLogin | undefined;
  readonly logger: Log;
}

interface KafkaLogin {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/** Makes a new client for each call: those made from one `Kafka` share state. */
export interface CreateKafka {
  (options?: { readonly retries: number }): Kafka;
  readonly brokers: readonly string[];
  /** What is tried, for people: `TLS and SASL plain as user pay`. */
  readonly manner: string;
}

/** @throws {CommandError} exit 1, when the CA file cannot be read */
export function createKafkaFactory({ brokers, clientId, ssl, sasl, logger }: KafkaOptions): CreateKafka {
  silenceNegativeTimeouts();
  const log = logOf(logger);
  const config: KafkaConfig = {
    brokers: [...brokers],
    clientId,
    connectionTimeout: 2_000,
    requestTimeout: 17_000,
    logLevel: logLevel.INFO,
    logCreator: () => log,
    ...(ssl === undefined ? {} : { ssl: ssl.caFile === undefined ? true : { ca: [readCa(ssl.caFile)] } }),
    ...(sasl === undefined ? {} : { sasl: { ...sasl } as SASLOptions }),
  };
  const create = ({ retries }: { readonly retries: number } = { retries: 8 }): Kafka =>
    new Kafka({ ...config, retry: { initialRetryTime: 200, maxRetryTime: 2_000, retries } });
  const login = sasl === undefined ? 'no login' : `SASL ${sasl.mechanism} as user ${sasl.username}`;
  return Object.assign(create, { brokers, manner: `${ssl === undefined ? 'no TLS' : 'TLS'} and ${login}` });
}

/** The factory as the configuration wants it. */
export function kafkaOf(config: Config, logger: Log): CreateKafka {
  const { settings } = config;
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = settings;
  const hasTls = settings.KAFKA_SSL === 'true' || (settings.KAFKA_SSL === undefined && settings.KAFKA_SSL_CA_FILE !== undefined);
  return createKafkaFactory({
    brokers: serversOf(config, 'Kafka').brokers,
    clientId: 'disburse',
    ssl: hasTls ? { caFile: settings.KAFKA_SSL_CA_FILE } : undefined,
    sasl: mechanism === undefined || username === undefined || password === undefined ? undefined : { mechanism, username, password },
    logger,
  });
}

function readCa(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CommandError(exitCodes.usage, `KAFKA_SSL_CA_FILE=${path} cannot be read: ${(cause as Error).message}.`, { cause });
  }
}

const levels: Readonly<Record<number, LogLevel>> = {
  // What it calls an error it mostly tries again; what is one in the end is thrown, and told by whoever asked.
  [logLevel.ERROR]: 'warn',
  [logLevel.WARN]: 'warn',
  [logLevel.INFO]: 'debug',
  [logLevel.DEBUG]: 'debug',
};
/** Part of every start, rebalance and change of a leader; or said by another line already. */
const harmless =
  /coordinator is not available|coordinator not available|not the correct coordinator|coordinator is loading|not aware of this member|group is rebalancing|rebalance is in progress|no leader for this topic-partition|leadership election|not the leader for that topic-partition|needs to have a valid member id|Failed to connect to seed broker|does not host this topic-partition|write after end|Error when calling eachBatch|^Kafka client, Consumer: Crash/i;
/** An outage is told once a minute, not with every attempt. */
const repeatedAfterMs = 60_000;
const remembered = 200;

function logOf(logger: Log): (entry: LogEntry) => void {
  const toldAt = new Map<string, number>();
  return ({ namespace, level, log }) => {
    const error = typeof log['error'] === 'string' ? `: ${log['error']}` : '';
    const broker = typeof log['broker'] === 'string' ? ` (${log['broker']})` : '';
    const text = `Kafka client${namespace === '' ? '' : `, ${namespace}`}: ${log.message}${error}${broker}`;
    const own = harmless.test(text) ? 'debug' : (levels[level] ?? 'debug');
    const at = Date.parse(log.timestamp);
    const isNews = at - (toldAt.get(text) ?? -Infinity) >= repeatedAfterMs;
    if (own === 'warn' && isNews) {
      if (toldAt.size >= remembered) toldAt.clear();
      toldAt.set(text, at);
    }
    logger(own === 'warn' && !isNews ? 'debug' : own, text);
  };
}

/** It asks for timeouts of less than nothing, and listens often to a socket that it opens anew. */
const ofKafkajs: ReadonlySet<string> = new Set(['TimeoutNegativeWarning', 'MaxListenersExceededWarning']);
let silenced = false;

/** kafkajs asks for timeouts of less than nothing, about which Node.js warns since version 24; they are harmless. */
function silenceNegativeTimeouts(): void {
  if (silenced) return;
  silenced = true;
  const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void;
  process.emitWarning = (...args: unknown[]): void => {
    const [warning, given] = args;
    const name =
      warning instanceof Error ? warning.name : typeof given === 'string' ? given : (given as { type?: string } | undefined)?.type;
    if (name === undefined || !ofKafkajs.has(name)) emitWarning(...args);
  };
}

/** Whether the group has read and committed everything that lies on the topic now. */
export async function isReadToItsEnd(createKafka: CreateKafka, groupId: string, topic: string): Promise<boolean> {
  const admin = createKafka().admin();
  await admin.connect();
  try {
    const [ends, [committed]] = await Promise.all([admin.fetchTopicOffsets(topic), admin.fetchOffsets({ groupId, topics: [topic] })]);
    const next = new Map(committed?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
    return ends.every(({ partition, low, high }) => low === high || (next.get(partition) ?? -1n) >= BigInt(high));
  } finally {
    await admin.disconnect();
  }
}

/** How many members the consumer group has now. */
export async function groupMembers(createKafka: CreateKafka, groupId: string): Promise<number> {
  const admin = createKafka().admin();
  await admin.connect();
  try {
    const { groups } = await admin.describeGroups([groupId]);
    return groups[0]?.members.length ?? 0;
  } finally {
    await admin.disconnect();
  }
}

const pauseMs = 500;
const longestShown = 300;

const whyOf = (cause: unknown): string =>
  causeOf(cause)
    .replace(/^Connection error: /, '')
    .slice(0, longestShown);

/**
 * Resolves when Kafka answers and takes our login; tries for at most `withinMs`, as it may still be starting.
 *
 * @throws {CommandError} exit 3 when nobody answers; exit 1 at once when login or TLS are refused
 */
export async function checkKafka(
  createKafka: CreateKafka,
  { clock, withinMs = 10_000 }: { readonly clock: Clock; readonly withinMs?: number },
): Promise<void> {
  const startedAt = clock.now();
  const enough = new AbortController();
  const timeout = clock.sleep(withinMs, enough.signal).then(
    () => 'late' as const,
    () => 'late' as const,
  );
  let last: unknown = new Error('it does not answer');
  const attempt = async (): Promise<'reached' | 'failed'> => {
    const admin = createKafka({ retries: createKafka.brokers.length }).admin();
    try {
      await admin.connect();
      await admin.describeCluster();
      return 'reached';
    } catch (cause) {
      last = cause;
      return 'failed';
    } finally {
      // Only takes down what nobody uses.
      void admin.disconnect().catch(() => undefined);
    }
  };
  try {
    for (;;) {
      const outcome = await Promise.race([attempt(), timeout]);
      if (outcome === 'reached') return;
      const refusal = outcome === 'failed' ? refusalOf(last, createKafka) : undefined;
      if (refusal !== undefined) throw new CommandError(exitCodes.usage, refusal, { cause: last });
      if (outcome === 'failed') await Promise.race([clock.sleep(pauseMs), timeout]);
      if (outcome === 'late' || clock.now() - startedAt >= withinMs) throw unreachable(createKafka, last, withinMs);
    }
  } finally {
    enough.abort();
  }
}

function unreachable({ brokers, manner }: CreateKafka, cause: unknown, withinMs: number): CommandError {
  const other = brokersIn(cause).find((broker) => !brokers.includes(broker));
  const where =
    other === undefined
      ? `Kafka at ${brokers.join(', ')} cannot be reached`
      : `Kafka at ${brokers.join(', ')} answers, but it names the broker ${other}, and that one cannot be reached from here (see advertised.listeners)`;
  const hint = 'check KAFKA_BROKERS, that the broker runs, and whether it wants TLS (KAFKA_SSL) or a login (KAFKA_SASL_MECHANISM)';
  const message = `${where}: ${whyOf(cause)}. Tried for ${Math.round(withinMs / 1000)} s with ${manner}; ${hint}.`;
  return new CommandError(exitCodes.stopped, message, { cause });
}

interface Trouble {
  readonly name: string;
  readonly message: string;
  readonly code: string;
  readonly type: string;
  readonly broker: string;
}

/** An error and what caused it, outermost first. */
function troublesOf(error: unknown): Trouble[] {
  const troubles: Trouble[] = [];
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  for (let at: unknown = error; at instanceof Error && troubles.length < 8; at = at.cause) {
    const { code, type, broker } = at as Error & { code?: unknown; type?: unknown; broker?: unknown };
    troubles.push({ name: at.name, message: at.message, code: text(code), type: text(type), broker: text(broker) });
  }
  return troubles;
}

const brokersIn = (error: unknown): string[] => troublesOf(error).flatMap(({ broker }) => (broker === '' ? [] : [broker]));

const tlsCode = /^(?:ERR_(?:TLS|SSL|OSSL)|EPROTO$|CERT_|SELF_SIGNED_CERT|DEPTH_ZERO_|UNABLE_TO_(?:GET|VERIFY)|HOSTNAME_MISMATCH)/;

/** What no further attempt would mend, as one sentence; undefined when it may still be starting. */
function refusalOf(error: unknown, { brokers, manner }: CreateKafka): string | undefined {
  const troubles = troublesOf(error);
  const at = `Kafka at ${brokersIn(error)[0] ?? brokers.join(', ')}`;
  const why = whyOf(error);
  const isLogin = troubles.some(({ name, type }) => name === 'KafkaJSSASLAuthenticationError' || /SASL/.test(type));
  if (isLogin) {
    return `${at} refused the login (${manner}): ${why}. Check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.`;
  }
  if (troubles.some(({ code, message }) => tlsCode.test(code) || /before secure TLS connection/.test(message))) {
    return `${at} and we cannot agree on TLS (${manner}): ${why}. Check KAFKA_SSL, and that KAFKA_SSL_CA_FILE holds the authority of the broker's certificate.`;
  }
  return undefined;
}
