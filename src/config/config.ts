/** The configuration, read once from several layers: the first layer that has a variable wins. Reports all mistakes together. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { CommandError, exitCodes } from '../exit.ts';
import { consoleMistakes } from './console-values.ts';
import { isKeyText } from './values.ts';
import { secretNames, shape, variableNames, type Settings, type VariableName } from './variables.ts';

/** What the distributed profile has and the stand-alone profile has not. */
export interface Servers {
  readonly brokers: readonly string[];
  readonly redisUrl: string;
}

/**
 * @property dataDir absolute
 * @property servers null in the stand-alone profile
 */
export interface Config {
  readonly settings: Settings;
  readonly dataDir: string;
  readonly servers: Servers | null;
}

/** Variables by name, as text. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What a command needs: all that sending needs, all but that, or nothing. */
export type Needs = 'gateway' | 'data' | 'none';

/**
 * @property mistakes found by the caller, reported with the others
 * @property sources what was read, for people
 */
interface Reading {
  readonly mistakes?: readonly string[];
  readonly sources?: string;
}

/** What sending needs, and what is expected. */
const gatewayNeeds = {
  GATEWAY_URL: 'expected scheme, host and port of the gateway (disburse sandbox prints one for a trial)',
  GATEWAY_PROJECT: "expected the project's name at the gateway",
  GATEWAY_PRIVATE_KEY_FILE: 'expected the path of your RSA private key in PEM (disburse keys generates a pair)',
} as const satisfies Partial<Record<VariableName, string>>;

/**
 * An empty variable counts as absent.
 *
 * @param layers the first that has a variable wins
 * @throws {CommandError} exit 1, reporting all mistakes together
 */
export function readConfig(layers: readonly Environment[], needs: Needs, { mistakes: others = [], sources }: Reading = {}): Config {
  const given = firstOf(layers, variableNames);
  const parsed = z.object(shape).safeParse(given);
  const mistakes = [
    ...others,
    ...(parsed.error?.issues ?? []).map(({ path: [name], message }) => valueMistake(String(name), given[String(name)] ?? '', message)),
    ...(needs === 'gateway' ? missingForGateway(given) : []),
    ...profileMistakes(given),
    ...saslMistakes(given),
    ...consoleMistakes(given),
  ];
  if (mistakes.length > 0 || !parsed.success) {
    const read = sources === undefined ? '' : `\nIt was read from ${sources}.`;
    throw new CommandError(exitCodes.usage, `invalid configuration:\n  ${mistakes.join('\n  ')}${read}`);
  }
  const { DATA_DIR, KAFKA_BROKERS, REDIS_URL } = parsed.data;
  const { XDG_DATA_HOME: dataHome } = firstOf(layers, ['XDG_DATA_HOME']);
  const servers = KAFKA_BROKERS === undefined || REDIS_URL === undefined ? null : { brokers: KAFKA_BROKERS, redisUrl: REDIS_URL };
  return {
    settings: parsed.data,
    dataDir: resolve(DATA_DIR ?? join(dataHome ?? join(homedir(), '.local', 'share'), 'disburse')),
    servers,
  };
}

function firstOf(layers: readonly Environment[], names: readonly string[]): Environment {
  const given = names.map((name) => [name, layers.map((layer) => layer[name]).find((text) => text !== undefined && text !== '')] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

/** Secrets are masked. */
function valueMistake(name: string, value: string, message: string): string {
  const isSecret = secretNames.has(name) || isKeyText(value) || (name === 'GATEWAY_URL' && value.includes('@'));
  return `${name}=${isSecret ? '(not shown)' : JSON.stringify(value)}: ${message}`;
}

function missingForGateway(given: Environment): string[] {
  const missing = Object.entries(gatewayNeeds)
    .filter(([name]) => given[name] === undefined)
    .map(([name, expected]) => `${name} is not set: ${expected}`);
  const isDistributed = given['REDIS_URL'] !== undefined && given['KAFKA_BROKERS'] !== undefined;
  const keyFile = 'expected a file with 32 random bytes in base64 (openssl rand -base64 32), the same for all instances';
  return isDistributed && given['LEDGER_KEY_FILE'] === undefined ? [...missing, `LEDGER_KEY_FILE is not set: ${keyFile}`] : missing;
}

function profileMistakes(given: Environment): string[] {
  if ((given['KAFKA_BROKERS'] === undefined) === (given['REDIS_URL'] === undefined)) return [];
  const [set, unset] = given['REDIS_URL'] === undefined ? ['KAFKA_BROKERS', 'REDIS_URL'] : ['REDIS_URL', 'KAFKA_BROKERS'];
  return [`${set} is set but ${unset} is not: set both for the distributed profile, or neither for the stand-alone profile`];
}

const saslNames = ['KAFKA_SASL_MECHANISM', 'KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'];

function saslMistakes(given: Environment): string[] {
  const unset = saslNames.filter((name) => given[name] === undefined);
  if (unset.length === 0 || unset.length === saslNames.length) return [];
  return [`${unset.join(' and ')} ${unset.length === 1 ? 'is' : 'are'} not set: SASL needs mechanism, username and password`];
}

/** @throws {CommandError} exit 1 in the stand-alone profile: `command` belongs to the distributed one */
export function serversOf(config: Config, command: string): Servers {
  if (config.servers !== null) return config.servers;
  throw new CommandError(
    exitCodes.usage,
    `${command} belongs to the distributed profile, but KAFKA_BROKERS and REDIS_URL are not set: set both, such as KAFKA_BROKERS=127.0.0.1:9092 REDIS_URL=redis://127.0.0.1:6379.`,
  );
}

/** How to connect to Redis. */
export const redisParams = (config: Config, onWarning: (message: string) => void) => {
  const { REDIS_SSL_CA_FILE: caFile } = config.settings;
  return { url: serversOf(config, 'Redis').redisUrl, ...(caFile === undefined ? {} : { caFile }), onWarning };
};

/** What the gateway has promised; null: unknown, also on loopback, where a proxy to a real gateway may listen. */
export const keyLifetimeMs = (settings: Settings): number | null => settings.GATEWAY_KEY_LIFETIME ?? null;
