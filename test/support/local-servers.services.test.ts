import { readFile } from 'node:fs/promises';
import { Redis, type RedisOptions } from 'ioredis';
import { Kafka, logLevel, type KafkaConfig, type SASLOptions } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { kafkaBrokers, redisUrl } from './services.ts';
import { makeCertificates, startKafka, startRedis } from './local-servers.ts';

async function withRedis<T>(url: string, options: Omit<RedisOptions, 'replyMapping'>, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    commandTimeout: 20_000,
    ...options,
  });
  let failure: Error | undefined;
  client.on('error', (cause: Error) => (failure = cause));
  try {
    await client.connect().catch((cause: unknown) => {
      throw failure ?? cause;
    });
    return await work(client);
  } finally {
    client.disconnect();
  }
}

async function brokersSeen(config: Omit<KafkaConfig, 'logLevel'>): Promise<number> {
  const admin = new Kafka({ retry: { retries: 8 }, ...config, logLevel: logLevel.NOTHING }).admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).brokers.length;
  } finally {
    await admin.disconnect();
  }
}

describe('the servers that all tests share', () => {
  it('Redis syncs every write and never evicts', async () => {
    const settings = await withRedis(redisUrl(), {}, async (client) =>
      Promise.all(
        ['appendonly', 'appendfsync', 'maxmemory-policy'].map(async (name) => ((await client.config('GET', name)) as string[])[1]),
      ),
    );
    expect(settings).toEqual(['yes', 'always', 'noeviction']);
  });

  it('Kafka has a broker', async () => {
    expect(await brokersSeen({ brokers: kafkaBrokers().split(',') })).toBeGreaterThan(0);
  });
});

describe('startRedis', () => {
  it('keeps acknowledged writes when it is killed and started again on the same port', async () => {
    const server = await startRedis();
    await withRedis(server.url, {}, (client) => client.set('a', '1'));
    await server.stop('SIGKILL');
    await expect(withRedis(server.url, {}, (client) => client.ping())).rejects.toThrow(/ECONNREFUSED/);
    await server.restart();
    expect(await withRedis(server.url, {}, (client) => client.get('a'))).toBe('1');
    await server.stop();
  });

  it('answers nothing while it is frozen, and continues afterwards', async () => {
    const server = await startRedis();
    await withRedis(server.url, {}, async (patient) => {
      await withRedis(server.url, { commandTimeout: 1000 }, async (client) => {
        server.pause();
        await expect(client.ping()).rejects.toThrow(/timed out/);
        server.resume();
      });
      expect(await patient.ping()).toBe('PONG');
    });
    await server.stop();
  });

  it('accepts TLS with a certificate of the test authority, and its users', async () => {
    const tls = await makeCertificates();
    const server = await startRedis({ tls, users: [{ username: 'app', password: 'pw', rules: ['~app:*', '+@all'] }] });
    const ca = await readFile(tls.caFile);
    const user = { tls: { ca }, username: 'app', password: 'pw' };
    expect(await withRedis(server.url, user, (client) => client.set('app:a', '1'))).toBe('OK');
    await expect(withRedis(server.url, user, (client) => client.set('other:a', '1'))).rejects.toThrow(/NOPERM/);
    await expect(withRedis(server.url, { tls: { ca } }, (client) => client.ping())).rejects.toThrow(/NOAUTH/);
    await expect(withRedis(server.url, { ...user, tls: {} }, (client) => client.ping())).rejects.toThrow(/certificate/);
    await server.stop();
  });

  it('reports what the program printed when it does not start', async () => {
    await expect(startRedis({ args: ['--no-such-setting', '1'] })).rejects.toThrow(
      /Redis \(127.0.0.1:\d+\): ended at its start.*no-such-setting/s,
    );
  });
});

describe('startKafka', () => {
  it('starts three brokers behind TLS that accept PLAIN and SCRAM and return after a kill', async () => {
    const tls = await makeCertificates();
    const cluster = await startKafka({ brokers: 3, tls, sasl: [{ username: 'app', password: 'pw' }] });
    const ssl = { ca: [await readFile(tls.caFile, 'utf8')] };
    // A new object each time: kafkajs keeps what it derived from it in it.
    const login = (mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512', password = 'pw', brokers = cluster.brokers): Promise<number> =>
      brokersSeen({ brokers: brokers.split(','), ssl, sasl: { mechanism, username: 'app', password } as SASLOptions });
    for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) expect(await login(mechanism)).toBe(3);
    await expect(login('scram-sha-512', 'other')).rejects.toThrow(/invalid credentials/);

    const [first] = cluster.nodes;
    await first?.stop('SIGKILL');
    await first?.start();
    expect(await login('scram-sha-512', 'pw', `127.0.0.1:${first?.port}`)).toBe(3);
    await cluster.stop();
  });
});
