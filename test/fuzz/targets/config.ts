/** `.env`, the configuration read from it, and the texts of key files. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { createVerifier, KeyError, readPrivateKey } from '../../../batches/gateway/signature.ts';
import { parseControlTotals } from '../../../batches/preflight/control-totals.ts';
import { readConfig, type Config } from '../../../src/config/config.ts';
import { listSettings } from '../../../src/config/settings-list.ts';
import { unknownNames, unknownNameText } from '../../../src/config/unknown-names.ts';
import { secretNames, variableNames } from '../../../src/config/variables.ts';
import { parseDurationMs } from '../../../src/duration.ts';
import { CommandError, exitCodes } from '../../../src/exit.ts';
import { ourPair } from '../key-pair.ts';
import type { Target } from '../target.ts';

const example = readFileSync(join(import.meta.dirname, '..', '..', '..', '.env.example'), 'utf8');
const all = `GATEWAY_URL=https://gateway.example
GATEWAY_PROJECT=shop
GATEWAY_PRIVATE_KEY_FILE=keys/private.pem
GATEWAY_KEY_LIFETIME=12h
DISPATCH_RATE=0.5
MAX_AMOUNT=EUR=10000.00,USD=5000
KAFKA_BROKERS=127.0.0.1:9092,[::1]:9092
KAFKA_SASL_MECHANISM=plain
KAFKA_SASL_USERNAME=user
KAFKA_SASL_PASSWORD="s3cret-of-kafka"
REDIS_URL='rediss://user:s3cret-of-redis@localhost:6379/1'
LEDGER_RETENTION=400d
INBOX_MODE=0640
LOG_LEVEL=info
`;
const secretTexts = ['s3cret-of-kafka', 's3cret-of-redis'];

export const configTarget = (): Target => ({
  name: 'config',
  share: 50,
  maxBytes: 40_000,
  seeds: [example, all, all.replaceAll('\n', '\r\n'), ourPair.privateKey, ourPair.publicKey].map((text) => Buffer.from(text)),
  tokens: [
    ...variableNames.map((name) => `\n${name}=`),
    '"',
    "'",
    '#',
    '\\n',
    'export ',
    '${GATEWAY_URL}',
    '1h',
    '99999999999d',
    'unlimited',
    'EUR=1',
    '://',
    '@',
    '-----BEGIN',
  ],
  run(bytes) {
    const values = parse(bytes);
    for (const unknown of unknownNames(Object.keys(values), { inDotenv: true })) assert.ok(unknownNameText(unknown).length > 0);
    const needs = (['gateway', 'data', 'none'] as const)[bytes.length % 3] ?? 'none';
    const read = attempt(() => readConfig([values], needs));
    if (read instanceof CommandError) checkMistakes(read, values);
    else checkConfig(read, values);
    for (const text of [bytes.toString('utf8'), ...Object.values(values)]) checkText(text);
  },
  close: () => undefined,
});

/** A mistake of the user is a `CommandError`; anything else is one of ours. */
function attempt(work: () => Config): Config | CommandError {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof CommandError) return cause;
    throw cause;
  }
}

function checkMistakes(error: CommandError, values: Readonly<Record<string, string>>): void {
  assert.equal(error.exitCode, exitCodes.usage);
  for (const secret of secretTexts.filter((text) => isInSecret(values, text)))
    assert.ok(!error.message.includes(secret), 'a mistake shows no secret');
}

/** An edit may have moved the text of a secret into another variable. */
const isInSecret = (values: Readonly<Record<string, string>>, text: string): boolean =>
  Object.entries(values).every(([name, value]) => secretNames.has(name) || !value.includes(text));

function checkConfig({ settings, servers }: Config, values: Readonly<Record<string, string>>): void {
  assert.ok(settings.DISPATCH_RATE === 'unlimited' || settings.DISPATCH_RATE > 0);
  assert.ok(Number.isSafeInteger(settings.HTTP_PORT) && settings.LEDGER_RETENTION >= 0);
  assert.ok(settings.GATEWAY_KEY_LIFETIME === undefined || Number.isFinite(settings.GATEWAY_KEY_LIFETIME));
  for (const limit of settings.MAX_AMOUNT?.values() ?? []) assert.ok(limit >= 0n);
  assert.equal(servers === null, (values['KAFKA_BROKERS'] ?? '') === '');
  const shown = JSON.stringify(listSettings([{ source: '.env', values }]));
  for (const secret of secretTexts.filter((text) => isInSecret(values, text))) assert.ok(!shown.includes(secret), 'no secret is listed');
}

function checkText(text: string): void {
  for (const read of [readPrivateKey, createVerifier]) {
    try {
      read(text);
    } catch (cause) {
      assert.ok(cause instanceof KeyError, 'a key that cannot be used is a KeyError');
      assert.ok(!/[A-Za-z0-9+/]{40}/.test(cause.message), 'no part of a key is shown');
    }
  }
  const ms = parseDurationMs(text);
  assert.ok(ms === undefined || (Number.isFinite(ms) && ms >= 0));
  const totals = parseControlTotals(text);
  assert.ok(typeof totals === 'string' || totals.size > 0);
}
