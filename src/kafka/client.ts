/** Kafka clients with the settings that were proven by measurement. */
import { readFileSync } from 'node:fs';
import { Kafka, logLevel, type KafkaConfig, type SASLOptions } from 'kafkajs';
import { serversOf, type Config } from '../config/config.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { createClientLog, silenceClientWarnings, type Log } from './client-log.ts';

/**
 * @property brokers as host:port
 * @property ssl present: TLS; without a CA file, the authorities that Node.js trusts
 */
export interface KafkaOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly ssl?: { readonly caFile?: string | undefined } | undefined;
  readonly sasl?: KafkaLogin | undefined;
  readonly logger: Log;
}

interface KafkaLogin {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/**
 * Creates a new client for each call: clients of one `Kafka` share state.
 *
 * @property manner how it connects, for messages: `TLS and SASL plain as user pay`
 */
export interface CreateKafka {
  (options?: { readonly retries: number }): Kafka;
  readonly brokers: readonly string[];
  readonly manner: string;
}

/** @throws {CommandError} exit 1 when the CA file cannot be read */
export function createKafkaFactory({ brokers, clientId, ssl, sasl, logger }: KafkaOptions): CreateKafka {
  silenceClientWarnings();
  const log = createClientLog(logger);
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

/** The factory for this configuration. */
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
    throw new CommandError(exitCodes.usage, `cannot read KAFKA_SSL_CA_FILE=${path}: ${(cause as Error).message}.`, { cause });
  }
}
