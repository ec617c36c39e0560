/**
 * The configuration: read once, from flags, the environment and a `.env` file, the first named wins. All
 * mistakes are told together. Source of names and defaults: docs/configuration.md, which a test holds to this.
 */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { currencyDecimals } from '../../batches/fields/currencies.ts';
import { readMajor } from '../../batches/fields/money.ts';
import { parseDurationMs } from '../duration.ts';
import { CommandError, exitCodes } from '../exit.ts';

const loopbackHosts = new Set(['127.0.0.1', 'localhost', '[::1]']);
export const isLoopback = (url: string): boolean => {
  const { hostname } = new URL(url);
  return loopbackHosts.has(hostname) || /^127(\.\d{1,3}){3}$/.test(hostname);
};

const gatewayUrl = z.string().transform((text, context) => {
  const fail = (message: string): never => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (!URL.canParse(text)) return fail('expected scheme, host and port, such as https://demo.smart-glocal.com');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return fail('expected https:// (or http:// to loopback)');
  if (url.protocol === 'http:' && !isLoopback(text)) return fail('plain http is only allowed to loopback; use https://');
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return fail('expected no path: /api/v1/… is added by disburse');
  if (url.username !== '' || url.password !== '') return fail('expected no user and password in the URL');
  return url.origin;
});

const duration = z.string().transform((text, context) => {
  const ms = parseDurationMs(text);
  if (ms !== undefined) return ms;
  context.addIssue({ code: 'custom', message: 'expected a number and ms, s, m, h or d, such as 12h' });
  return z.NEVER;
});

const integer = (least: number, most: number) =>
  z.string().transform((text, context) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    context.addIssue({ code: 'custom', message: `expected a whole number from ${least} to ${most}` });
    return z.NEVER;
  });

const rate = z.string().transform((text, context): number | 'unlimited' => {
  if (text === 'unlimited') return text;
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value > 0 && value <= 1_000_000) return value;
  context.addIssue({ code: 'custom', message: 'expected calls per second as a decimal number above 0, such as 50 or 0.5, or unlimited' });
  return z.NEVER;
});

const maxAmounts = z.string().transform((text, context): ReadonlyMap<string, bigint> => {
  const limits = new Map<string, bigint>();
  for (const part of text.split(',')) {
    const match = /^\s*([A-Za-z]{3})=(.+?)\s*$/.exec(part);
    const currency = match?.[1]?.toUpperCase() ?? '';
    const decimals = currencyDecimals(currency);
    const amount = decimals === undefined ? undefined : readMajor(match?.[2] ?? '', decimals);
    if (amount === undefined || !amount.ok) {
      context.addIssue({ code: 'custom', message: 'expected currency and amount pairs, such as EUR=10000.00,USD=5000' });
      return z.NEVER;
    }
    limits.set(currency, amount.amountMinor);
  }
  return limits;
});

/** The text of a key where its path belongs is a mistake that must not end in an error message or a log. */
const isKeyText = (text: string): boolean => /-----BEGIN|[\r\n]/.test(text) || /^[A-Za-z0-9+/]{43}=$/.test(text);
const filePath = z.string().refine((text) => !isKeyText(text), 'expected the path of a file, not what stands in it');

const brokers = z.string().transform((text, context): readonly string[] => {
  const list = text.split(',').map((part) => part.trim());
  for (const broker of list) {
    const match = /^(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\]):(\d{1,5})$/.exec(broker);
    if (match !== null && Number(match[1]) > 0 && Number(match[1]) <= 65_535) continue;
    context.addIssue({ code: 'custom', message: 'expected host:port, several separated by commas' });
    return z.NEVER;
  }
  return list;
});

const kafkaName = z.string().regex(/^[A-Za-z0-9._-]{1,200}$/, 'expected 1 to 200 of A-Z a-z 0-9 . _ -');

const redisUrl = z.string().refine((text) => {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname } = new URL(text);
  return (protocol === 'redis:' || protocol === 'rediss:') && hostname !== '' && /^\/?\d*$/.test(pathname);
}, 'expected redis://host:port or rediss://user:password@host:port');

const headerName = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'expected the name of an HTTP header');
const headerValue = z.string().regex(/^[\x21-\x7e]{1,128}$/, 'expected 1 to 128 visible ASCII characters');

const shape = {
  GATEWAY_URL: gatewayUrl.optional(),
  GATEWAY_PROJECT: headerValue.optional(),
  GATEWAY_PRIVATE_KEY_FILE: filePath.optional(),
  GATEWAY_PUBLIC_KEY_FILE: filePath.optional(),
  GATEWAY_SUBMERCHANT: headerValue.optional(),
  GATEWAY_IDEMPOTENCY_HEADER: headerName.default('X-PARTNER-IDEMPOTENCY-KEY'),
  GATEWAY_TIMEOUT_MS: integer(100, 600_000).default(30_000),
  GATEWAY_KEY_LIFETIME: duration.optional(),
  GATEWAY_CONFIRM: z.enum(['match', 'manual'], 'expected match or manual').default('match'),
  DISPATCH_RATE: rate.default(50),
  DISPATCH_CONCURRENCY: integer(1, 1024).default(32),
  FOLLOW_RATE: rate.default('unlimited'),
  FOLLOW_INTERVAL_MS: integer(10, 600_000).default(2000),
  MAX_AMOUNT: maxAmounts.optional(),
  DATA_DIR: z.string().optional(),
  LEDGER_KEY_FILE: filePath.optional(),
  LEDGER_RETENTION: duration.default(400 * 86_400_000),
  INBOX_DIR: filePath.optional(),
  HTTP_HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]{1,253}$/, 'expected a host name or an address to listen on')
    .default('127.0.0.1'),
  HTTP_PORT: integer(0, 65_535).default(8080),
  KAFKA_BROKERS: brokers.optional(),
  KAFKA_GROUP: kafkaName.default('disburse'),
  KAFKA_TOPIC_PREFIX: kafkaName.default('payouts'),
  KAFKA_SSL: z.enum(['true', 'false'], 'expected true or false').optional(),
  KAFKA_SSL_CA_FILE: filePath.optional(),
  KAFKA_SASL_MECHANISM: z.enum(['plain', 'scram-sha-256', 'scram-sha-512'], 'expected plain, scram-sha-256 or scram-sha-512').optional(),
  KAFKA_SASL_USERNAME: z.string().optional(),
  KAFKA_SASL_PASSWORD: z.string().optional(),
  REDIS_URL: redisUrl.optional(),
  REDIS_SSL_CA_FILE: filePath.optional(),
  REDIS_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected 1 to 64 of A-Z a-z 0-9 . _ -')
    .default('disburse'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'expected fatal, error, warn, info, debug, trace or silent')
    .default('info'),
};

export type VariableName = keyof typeof shape;
export const variableNames = Object.keys(shape) as VariableName[];
/** Never shown, not even in an error about themselves, and never flags, which every process list shows. */
export const secretNames: ReadonlySet<string> = new Set<VariableName>(['REDIS_URL', 'KAFKA_SASL_PASSWORD']);

/** A value as an error may tell it. */
const shown = (name: string, value: string): string =>
  secretNames.has(name) || isKeyText(value) || (name === 'GATEWAY_URL' && value.includes('@')) ? '(not shown)' : JSON.stringify(value);

export type Settings = z.infer<z.ZodObject<typeof shape>>;

/** What the distributed profile needs and the stand-alone one does not have. */
export interface Servers {
  readonly brokers: readonly string[];
  readonly redisUrl: string;
}

export interface Config {
  readonly settings: Settings;
  readonly dataDir: string;
  /** Null in the stand-alone profile. */
  readonly servers: Servers | null;
}

/** A command of the distributed profile only. */
export function serversOf(config: Config, command: string): Servers {
  if (config.servers !== null) return config.servers;
  throw new CommandError(
    exitCodes.usage,
    `${command} belongs to the distributed profile, and KAFKA_BROKERS and REDIS_URL are not set: set both, such as KAFKA_BROKERS=127.0.0.1:9092 REDIS_URL=redis://127.0.0.1:6379.`,
  );
}

/** What a command cannot do without. */
const gatewayNeeds = ['GATEWAY_URL', 'GATEWAY_PROJECT', 'GATEWAY_PRIVATE_KEY_FILE'] as const satisfies readonly VariableName[];

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the configuration. An empty variable counts as absent.
 *
 * @param layers the first that has a name wins
 * @throws {CommandError} exit 1, telling every mistake at once
 */
export function readConfig(layers: readonly Environment[], needs: 'gateway' | 'data' | 'none'): Config {
  const given: Record<string, string> = {};
  for (const name of variableNames) {
    const value = layers.map((layer) => layer[name]).find((text) => text !== undefined && text !== '');
    if (value !== undefined) given[name] = value;
  }
  const mistakes: string[] = [];
  const parsed = z.object(shape).safeParse(given);
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0]);
    mistakes.push(`${name}=${shown(name, given[name] ?? '')}: ${issue.message}`);
  }
  if (needs === 'gateway') {
    for (const name of gatewayNeeds) if (given[name] === undefined) mistakes.push(`${name} is not set: ${missing[name]}`);
  }
  if ((given['KAFKA_BROKERS'] === undefined) !== (given['REDIS_URL'] === undefined)) {
    const [has, lacks] = given['REDIS_URL'] === undefined ? ['KAFKA_BROKERS', 'REDIS_URL'] : ['REDIS_URL', 'KAFKA_BROKERS'];
    mistakes.push(`${has} is set and ${lacks} is not: set both for the distributed profile, or neither for the stand-alone one`);
  }
  const distributed = given['REDIS_URL'] !== undefined && given['KAFKA_BROKERS'] !== undefined;
  if (distributed && needs === 'gateway' && given['LEDGER_KEY_FILE'] === undefined) {
    mistakes.push(
      'LEDGER_KEY_FILE is not set: expected a file with 32 random bytes in base64 (openssl rand -base64 32), the same for all instances',
    );
  }
  const sasl = ['KAFKA_SASL_MECHANISM', 'KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'];
  const lacking = sasl.filter((name) => given[name] === undefined);
  if (lacking.length > 0 && lacking.length < sasl.length)
    mistakes.push(`${lacking.join(' and ')} ${lacking.length === 1 ? 'is' : 'are'} not set: SASL needs mechanism, username and password`);
  if (mistakes.length > 0 || !parsed.success) {
    throw new CommandError(
      exitCodes.usage,
      `The configuration has ${mistakes.length === 1 ? 'a mistake' : 'mistakes'}:\n  ${mistakes.join('\n  ')}`,
    );
  }
  const dataHome = layers.map((layer) => layer['XDG_DATA_HOME']).find((text) => text !== undefined && text !== '');
  const dataDir = resolve(parsed.data.DATA_DIR ?? join(dataHome ?? join(homedir(), '.local', 'share'), 'disburse'));
  const { KAFKA_BROKERS, REDIS_URL } = parsed.data;
  const servers = KAFKA_BROKERS === undefined || REDIS_URL === undefined ? null : { brokers: KAFKA_BROKERS, redisUrl: REDIS_URL };
  return { settings: parsed.data, dataDir, servers };
}

/** How to reach Redis. */
export const redisParams = (config: Config, onWarning: (message: string) => void) => {
  const { REDIS_SSL_CA_FILE: caFile } = config.settings;
  return { url: serversOf(config, 'Redis').redisUrl, ...(caFile === undefined ? {} : { caFile }), onWarning };
};

const missing: Readonly<Record<(typeof gatewayNeeds)[number], string>> = {
  GATEWAY_URL: 'expected scheme, host and port of the gateway (disburse sandbox prints one to try with)',
  GATEWAY_PROJECT: "expected the project's name at the gateway",
  GATEWAY_PRIVATE_KEY_FILE: 'expected the path of your RSA private key in PEM (disburse keys makes a pair)',
};

/** Stated, or 12 hours on loopback, where the sandbox never forgets; else unknown. */
export function keyLifetimeMs(settings: Settings): number | null {
  if (settings.GATEWAY_KEY_LIFETIME !== undefined) return settings.GATEWAY_KEY_LIFETIME;
  return settings.GATEWAY_URL !== undefined && isLoopback(settings.GATEWAY_URL) ? 12 * 3_600_000 : null;
}
