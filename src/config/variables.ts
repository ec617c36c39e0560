/** All variables of the configuration. Source of names and defaults: docs/configuration.md, verified by a test. */
import { z } from 'zod';
import { roles, trustedProxies } from './console-values.ts';
import {
  brokers,
  collectorUrl,
  duration,
  fileMode,
  filePath,
  filePaths,
  gatewayUrl,
  groupName,
  headerList,
  headerName,
  headerValue,
  inboxRequire,
  integer,
  kafkaName,
  maxAmounts,
  rate,
  ratio,
  redisUrl,
} from './values.ts';

const listenHost = z.string().regex(/^[A-Za-z0-9.:_-]{1,253}$/, 'expected a host name or an address to listen on');

export const shape = {
  GATEWAY_URL: gatewayUrl.optional(),
  GATEWAY_PROJECT: headerValue.optional(),
  GATEWAY_PRIVATE_KEY_FILE: filePath.optional(),
  GATEWAY_PUBLIC_KEY_FILE: filePaths.optional(),
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
  MAX_BATCH_TOTAL: maxAmounts.optional(),
  MAX_DAY_TOTAL: maxAmounts.optional(),
  APPROVAL: z.enum(['none', 'required'], 'expected none or required').default('none'),
  HOLIDAYS_FILE: filePath.optional(),
  REQUIRE_FUNDS: z
    .enum(['true', 'false'], 'expected true or false')
    .default('false')
    .transform((text) => text === 'true'),
  DATA_DIR: z.string().optional(),
  LEDGER_KEY_FILE: filePath.optional(),
  LEDGER_SHARDS: z
    .enum(['16', '32', '64'], 'expected 16, 32 or 64')
    .default('16')
    .transform((text) => Number(text) as 16 | 32 | 64),
  LEDGER_RETENTION: duration.default(400 * 86_400_000),
  INBOX_DIR: filePath.optional(),
  INBOX_REST: duration.default(10_000),
  INBOX_REQUIRE: inboxRequire.optional(),
  INBOX_GROUP: groupName.optional(),
  INBOX_MODE: fileMode.default(0o640),
  INBOX_MAPPING: z.string().min(1).optional(),
  HTTP_HOST: listenHost.default('127.0.0.1'),
  HTTP_PORT: integer(0, 65_535).default(8080),
  CONSOLE_HOST: listenHost.default('127.0.0.1'),
  CONSOLE_PORT: integer(0, 65_535).optional(),
  CONSOLE_TRUSTED_PROXY: trustedProxies.optional(),
  CONSOLE_USER_HEADER: headerName.optional(),
  CONSOLE_GROUPS_HEADER: headerName.optional(),
  CONSOLE_ROLES: roles.optional(),
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
    .regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected 1 to 64 of the characters A-Z a-z 0-9 . _ -')
    .default('disburse'),
  OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl.optional(),
  OTEL_EXPORTER_OTLP_HEADERS: headerList.optional(),
  OTEL_SERVICE_NAME: z.string().max(255, 'expected at most 255 characters').default('disburse'),
  OTEL_TRACES_SAMPLER_ARG: ratio.default(1),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'expected fatal, error, warn, info, debug, trace or silent')
    .default('info'),
};

export type VariableName = keyof typeof shape;
export const variableNames = Object.keys(shape) as VariableName[];
/** Never shown, not even in an error about them, and never flags, since every process list shows flags. */
export const secretNames: ReadonlySet<string> = new Set<VariableName>(['REDIS_URL', 'KAFKA_SASL_PASSWORD', 'OTEL_EXPORTER_OTLP_HEADERS']);

export type Settings = z.infer<z.ZodObject<typeof shape>>;
