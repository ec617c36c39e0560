import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isLoopback } from '../../../src/config/values.ts';
import { keyLifetimeMs, readConfig, type Environment } from '../../../src/config/config.ts';
import { variableNames } from '../../../src/config/variables.ts';
import { CommandError, exitCodes } from '../../../src/exit.ts';

const gateway: Environment = { GATEWAY_URL: 'http://127.0.0.1:8080', GATEWAY_PROJECT: 'shop', GATEWAY_PRIVATE_KEY_FILE: 'private.pem' };

function mistakeOf(layers: readonly Environment[], needs: 'gateway' | 'data' = 'data'): CommandError {
  try {
    readConfig(layers, needs);
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
  throw new Error('no mistake was reported');
}

describe('the configuration', () => {
  it('has the defaults of the contract', () => {
    expect(readConfig([gateway], 'gateway').settings).toMatchObject({
      GATEWAY_IDEMPOTENCY_HEADER: 'X-PARTNER-IDEMPOTENCY-KEY',
      GATEWAY_TIMEOUT_MS: 30_000,
      GATEWAY_CONFIRM: 'match',
      DISPATCH_RATE: 50,
      DISPATCH_CONCURRENCY: 32,
      FOLLOW_RATE: 'unlimited',
      FOLLOW_INTERVAL_MS: 2000,
      LOG_LEVEL: 'info',
    });
  });

  it('takes a variable from the first layer that has it, and treats an empty one as absent', () => {
    const layers = [{ GATEWAY_PROJECT: '' }, { GATEWAY_PROJECT: 'env' }, { GATEWAY_PROJECT: 'dotenv', DATA_DIR: '/d' }];
    const config = readConfig(layers, 'data');
    expect(config.settings.GATEWAY_PROJECT).toBe('env');
    expect(config.dataDir).toBe('/d');
  });

  it('puts data under XDG_DATA_HOME, or under the home folder without it', () => {
    expect(readConfig([{ XDG_DATA_HOME: '/xdg' }], 'data').dataDir).toBe('/xdg/disburse');
    expect(readConfig([{}], 'data').dataDir.endsWith(join('.local', 'share', 'disburse'))).toBe(true);
  });

  it.each([
    ['GATEWAY_URL', 'https://gateway.example', 'https://gateway.example'],
    ['GATEWAY_URL', 'https://gateway.example:8443/', 'https://gateway.example:8443'],
    ['GATEWAY_URL', 'http://localhost:1', 'http://localhost:1'],
    ['GATEWAY_URL', 'http://[::1]:1', 'http://[::1]:1'],
    ['DISPATCH_RATE', '0.5', 0.5],
    ['DISPATCH_RATE', 'unlimited', 'unlimited'],
    ['GATEWAY_KEY_LIFETIME', '24h', 86_400_000],
    [
      'MAX_AMOUNT',
      'EUR=10000.00,JPY=5',
      new Map([
        ['EUR', 1_000_000n],
        ['JPY', 5n],
      ]),
    ],
  ])('%s=%s is read', (name, text, value) => {
    expect((readConfig([{ [name]: text }], 'data').settings as Record<string, unknown>)[name]).toEqual(value);
  });

  it.each([
    ['GATEWAY_URL', 'gateway.example', 'scheme, host and port'],
    ['GATEWAY_URL', 'ftp://gateway.example', 'expected https://'],
    ['GATEWAY_URL', 'http://gateway.example', 'plain http is only allowed to loopback'],
    ['GATEWAY_URL', 'http://127.0.0.1.example.com', 'plain http is only allowed to loopback'],
    ['GATEWAY_URL', 'https://gateway.example/api/v1', 'expected no path'],
    ['GATEWAY_PROJECT', 'two words', 'visible ASCII'],
    ['GATEWAY_IDEMPOTENCY_HEADER', 'no header', 'name of an HTTP header'],
    ['GATEWAY_TIMEOUT_MS', '1e4', 'whole number'],
    ['GATEWAY_CONFIRM', 'maybe', 'match or manual'],
    ['DISPATCH_RATE', '0', 'above 0'],
    ['DISPATCH_RATE', '-1', 'above 0'],
    ['DISPATCH_CONCURRENCY', '0', 'from 1'],
    ['MAX_AMOUNT', 'EUR=1.234', 'currency and amount pairs'],
    ['MAX_AMOUNT', 'XXX=1', 'currency and amount pairs'],
    ['LEDGER_RETENTION', '1 year', 'ms, s, m, h or d'],
  ])('%s=%s is reported as a mistake with its value', (name, text, expected) => {
    const { message, exitCode } = mistakeOf([{ [name]: text }]);
    expect(exitCode).toBe(exitCodes.usage);
    expect(message).toContain(`${name}=${JSON.stringify(text)}`);
    expect(message).toContain(expected);
  });

  it('reports all mistakes together, missing variables too', () => {
    const { message } = mistakeOf([{ DISPATCH_RATE: 'x', LOG_LEVEL: 'y', REDIS_URL: 'redis://:s3cret@h' }], 'gateway');
    for (const name of ['DISPATCH_RATE', 'LOG_LEVEL', 'GATEWAY_URL', 'GATEWAY_PROJECT', 'GATEWAY_PRIVATE_KEY_FILE', 'KAFKA_BROKERS'])
      expect(message).toContain(name);
    expect(message).not.toContain('s3cret');
  });

  it.each([
    ['GATEWAY_URL', 'https://user:s3cret@gateway.example'],
    ['GATEWAY_URL', 'http://user:s3cret@gateway.example/x'],
    ['GATEWAY_PRIVATE_KEY_FILE', '-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n'],
    ['GATEWAY_PUBLIC_KEY_FILE', 's3cret\nlines'],
    ['LEDGER_KEY_FILE', `${'s3cret'.repeat(7)}x=`],
  ])('a mistake in %s never shows the secret in it', (name, text) => {
    const { message } = mistakeOf([{ [name]: text }]);
    expect(message).toContain(name);
    expect(message).not.toContain('s3cret');
  });

  it('REDIS_URL is one server, or several nodes of a cluster with one account and no database', () => {
    const of = (text: string) => readConfig([{ KAFKA_BROKERS: 'k:9092', REDIS_URL: text }], 'none').servers?.redisUrl;
    expect(of('rediss://payer:s3cret@one:6379/3')).toBe('rediss://payer:s3cret@one:6379/3');
    expect(of('redis://one:1, redis://two:2/0')).toBe('redis://one:1, redis://two:2/0');
    for (const [text, expected] of [
      ['redis://one:1,two:2', 'or several of these'],
      ['redis://one:1,http://two:2', 'or several of these'],
      ['redis://:s3cret@one,redis://two', 'same protocol, user and password'],
      ['redis://one,rediss://two', 'same protocol, user and password'],
      ['redis://one/1,redis://two/1', 'no database number'],
    ] as const) {
      const { message } = mistakeOf([{ KAFKA_BROKERS: 'k:9092', REDIS_URL: text }]);
      expect(message).toContain(expected);
      expect(message).not.toContain('s3cret');
    }
  });

  it('GATEWAY_PUBLIC_KEY_FILE names one file or several, separated by commas, and none that is empty', () => {
    const of = (text: string) => readConfig([{ GATEWAY_PUBLIC_KEY_FILE: text }], 'none').settings.GATEWAY_PUBLIC_KEY_FILE;
    expect(of('a.pem')).toEqual(['a.pem']);
    expect(of('new.pem, /etc/old.pem')).toEqual(['new.pem', '/etc/old.pem']);
    for (const text of [',', 'a.pem,', 'a.pem,,b.pem'])
      expect(mistakeOf([{ GATEWAY_PUBLIC_KEY_FILE: text }]).message).toContain('expected the path of a file, several separated by commas');
  });

  it('requires nothing for a command that needs no configuration', () => {
    expect(() => readConfig([{}], 'none')).not.toThrow();
    expect(variableNames).toContain('DATA_DIR');
  });
});

describe('the key lifetime', () => {
  const of = (env: Environment): number | null => keyLifetimeMs(readConfig([env], 'data').settings);
  it('is unknown unless it is set, also on loopback', () => {
    expect(of({ GATEWAY_URL: 'http://127.0.0.1:1' })).toBeNull();
    expect(of({ GATEWAY_URL: 'https://gateway.example' })).toBeNull();
    expect(of({})).toBeNull();
    expect(of({ GATEWAY_URL: 'https://gateway.example', GATEWAY_KEY_LIFETIME: '1h' })).toBe(3_600_000);
  });

  it.each(['http://127.0.0.1', 'http://127.8.9.1:5', 'http://localhost', 'http://[::1]'])('%s is loopback', (url) => {
    expect(isLoopback(url)).toBe(true);
  });
  it.each(['http://127.0.0.1.example.com', 'http://localhost.example.com', 'http://10.0.0.1'])('%s is not loopback', (url) => {
    expect(isLoopback(url)).toBe(false);
  });
});
