import { describe, expect, it } from 'vitest';
import { unknownNames } from '../../../src/config/unknown-names.ts';
import { variableNames } from '../../../src/config/variables.ts';

const inDotenv = (name: string) => unknownNames([name], { inDotenv: true });
const inEnvironment = (name: string) => unknownNames([name], { inDotenv: false });

describe('an unknown name in .env', () => {
  it.each([
    ['MAX_AMOUNTS', 'MAX_AMOUNT'],
    ['MAX_AMOUT', 'MAX_AMOUNT'],
    ['DISPATCH_RAET', 'DISPATCH_RATE'],
    ['max_amount', 'MAX_AMOUNT'],
    ['LOG_LEVL', 'LOG_LEVEL'],
    ['DATADIR', 'DATA_DIR'],
    ['REDIS_URI', 'REDIS_URL'],
    ['HTTP_PROT', 'HTTP_PORT'],
  ])('%s is reported with the nearest name %s', (name, nearest) => {
    expect(inDotenv(name)).toEqual([{ name, nearest }]);
  });

  it.each(['GATEWAY_TOKEN', 'MAX_PAYMENT_SUM', 'LEDGER_PASSPHRASE', 'KAFKA_USER'])(
    '%s is reported, since it begins as our names do',
    (name) => {
      expect(inDotenv(name)).toEqual([{ name, nearest: undefined }]);
    },
  );

  it.each([
    ...['PATH', 'NODE_ENV', 'DATABASE_URL', 'COMPOSE_PROJECT_NAME', 'TZ'],
    ...['HTTP_PROXY', 'KAFKA_SERVICE_HOST', 'REDIS_PORT', 'REDIS_PORT_6379_TCP_ADDR', 'KAFKA_ADVERTISED_LISTENERS', 'KAFKA_NODE_ID'],
    ...['KAFKA_HEAP_OPTS', 'KAFKA_CFG_NODE_ID', 'REDIS_PASSWORD', 'REDIS_AOF_ENABLED'],
  ])('%s belongs to another program and is left alone', (name) => {
    expect(inDotenv(name)).toEqual([]);
  });
});

describe('an unknown name in the environment', () => {
  it.each([
    ['MAX_AMOUNTS', 'MAX_AMOUNT'],
    ['DISPATCH_RAET', 'DISPATCH_RATE'],
    ['GATEWAY_CONFRIM', 'GATEWAY_CONFIRM'],
  ])('%s is reported with the nearest name %s', (name, nearest) => {
    expect(inEnvironment(name)).toEqual([{ name, nearest }]);
  });

  it.each(['GATEWAY_TOKEN', 'KAFKA_USER', 'HTTP_PROXY', 'KAFKA_PORT', 'REDIS_SERVICE_PORT', 'HOME', 'XDG_DATA_HOME'])(
    '%s is left alone',
    (name) => {
      expect(inEnvironment(name)).toEqual([]);
    },
  );
});

it('a known name is never unknown', () => {
  expect(unknownNames(variableNames, { inDotenv: true })).toEqual([]);
});
