/** How we get to Redis, and which Redis is good enough to hold a ledger. */
import { afterEach, describe, expect, it } from 'vitest';
import { monotonicClock, systemClock } from '../../../src/clock.ts';
import { UnsafeRedisError } from '../../../src/ledger/redis/errors.ts';
import { createRedisClock } from '../../../src/ledger/redis/clock.ts';
import { addressOf, connectRedis, RedisError } from '../../../src/redis/connection.ts';
import { clockSuite } from '../../contracts/clock.suite.ts';
import { batchA, manifest } from '../../support/builders.ts';
import { admitted, intent, moved, step } from '../../support/ledger-steps.ts';
import { makeCertificates } from '../../support/certificates.ts';
import { freePort } from '../../support/free-port.ts';
import { patience } from '../../support/patience.ts';
import { startRedis, type RedisOptions, type RedisServer } from '../../support/redis-server.ts';
import { redisUrl } from '../../support/services.ts';
import { asAdmin, clientOf, openInstance } from '../ledger/redis/harness.ts';

const servers: RedisServer[] = [];
const start = async (options: RedisOptions = {}): Promise<RedisServer> => {
  const server = await startRedis(options);
  servers.push(server);
  return server;
};
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop('SIGKILL')));
});
const silent = (): void => undefined;
const withUser = (url: string, user: string, password: string): string => url.replace('://', `://${user}:${password}@`);

describe('connecting to Redis', () => {
  it('shows addresses without passwords', () => {
    expect(addressOf('redis://host')).toBe('redis://host:6379');
    expect(addressOf('rediss://me:s3cret@host:1234/2')).toBe('rediss://me:***@host:1234/2');
    expect(addressOf('redis://:s3cret@host:1234')).toBe('redis://:***@host:1234');
  });

  it('names the unreachable address and the time spent in the error', async () => {
    const port = await freePort();
    const began = performance.now();
    const connecting = connectRedis({ url: `redis://me:s3cret@127.0.0.1:${port}`, onWarning: silent, waitMs: 500 });
    await expect(connecting).rejects.toThrow(RedisError);
    await expect(connecting).rejects.toThrow(
      /redis:\/\/me:\*\*\*@127\.0\.0\.1:\d+ cannot be reached \(.*ECONNREFUSED.*\); tried for 0\.5 s/,
    );
    await expect(connecting).rejects.toMatchObject({ exitCode: 3 });
    // Far below the 10 s that it would be tried otherwise.
    expect(performance.now() - began).toBeLessThan(8_000);
  });

  it('waits for a Redis that is still starting', async () => {
    const port = await freePort();
    const connecting = connectRedis({ url: `redis://127.0.0.1:${port}`, onWarning: silent, waitMs: 60_000 });
    await start({ port });
    const connection = await connecting;
    expect(await clientOf(connection).ping()).toBe('PONG');
    await connection.close();
  });

  it('fails at once when user or password are refused', async () => {
    const { url } = await start({ users: [{ username: 'payer', password: 's3cret' }] });
    for (const [wrong, told] of [
      [withUser(url, 'payer', 'wr0ng'), /payer:\*\*\*@.* refuses the user or the password/],
      [url, /asks for a password/],
    ] as const) {
      const began = performance.now();
      const connecting = connectRedis({ url: wrong, onWarning: silent, waitMs: 60_000 });
      await expect(connecting).rejects.toThrow(told);
      await expect(connecting).rejects.toMatchObject({ exitCode: 1 });
      await expect(connecting).rejects.not.toThrow(/wr0ng/);
      // Not after the minute for which Redis would be tried.
      expect(performance.now() - began).toBeLessThan(30_000);
    }
    const connection = await connectRedis({ url: withUser(url, 'payer', 's3cret'), onWarning: silent });
    await connection.close();
  });

  it('fails when the database does not exist', async () => {
    const { url } = await start();
    await expect(connectRedis({ url: `${url}/99`, onWarning: silent })).rejects.toThrow(/no database with that number/);
  });

  it('uses TLS with an authority of its own, and trusts no other', async () => {
    const tls = await makeCertificates();
    const { url } = await start({ tls });
    const connection = await connectRedis({ url, caFile: tls.caFile, onWarning: silent });
    expect(await clientOf(connection).ping()).toBe('PONG');
    await connection.close();
    await expect(connectRedis({ url, onWarning: silent })).rejects.toThrow(/the certificate of Redis at rediss:\/\/.* is not trusted/);
    await expect(connectRedis({ url, caFile: '/nowhere/ca.pem', onWarning: silent })).rejects.toThrow(/\/nowhere\/ca\.pem/);
    const plain = await start();
    const wrongDoor = plain.url.replace('redis:', 'rediss:');
    await expect(connectRedis({ url: wrongDoor, onWarning: silent, waitMs: 1_000 })).rejects.toThrow(/uses TLS \(else redis:\/\/\)/);
    const otherDoor = url.replace('rediss:', 'redis:');
    await expect(connectRedis({ url: otherDoor, onWarning: silent, waitMs: 1_000 })).rejects.toThrow(
      /does not use TLS \(else rediss:\/\/\)/,
    );
  });

  it('waits in ready() until a lost connection is back, unless it is aborted', async () => {
    const server = await start();
    const connection = await connectRedis({ url: server.url, onWarning: silent });
    await connection.ready();
    await server.stop();
    await expect.poll(() => clientOf(connection).status, patience).not.toBe('ready');
    const given = AbortSignal.abort(new Error('given up'));
    await expect(connection.ready(given)).rejects.toThrow('given up');
    const waiting = connection.ready(AbortSignal.timeout(20_000));
    await server.restart();
    await waiting;
    await connection.close();
    await expect.poll(() => clientOf(connection).status, patience).toBe('end');
    await expect(connection.ready()).rejects.toThrow(RedisError);
  });
});

describe('a Redis that may forget', () => {
  it.each([
    ['appendonly', 'no', ['--appendonly', 'no']],
    ['appendfsync', 'everysec', ['--appendfsync', 'everysec']],
    ['maxmemory-policy', 'allkeys-lru', ['--maxmemory-policy', 'allkeys-lru']],
  ] as const)('is refused for its %s, unless allowed', async (setting, value, args) => {
    const { url } = await start({ args });
    const opening = openInstance(url, 'disburse');
    await expect(opening).rejects.toThrow(UnsafeRedisError);
    await expect(opening).rejects.toThrow(`${setting} is ${value}`);
    await expect(opening).rejects.toThrow(`CONFIG SET ${setting}`);
    await expect(opening).rejects.toThrow('--allow-unsafe-redis');
    await expect(opening).rejects.toMatchObject({ exitCode: 1 });
    const { warnings, close } = await openInstance(url, 'disburse', { allow: { unsafe: true } });
    expect(warnings).toEqual([expect.stringContaining(`${setting} is ${value}`)]);
    await close();
  });

  it('is refused as a replica', async () => {
    const master = await start();
    const replica = await start({ args: ['--replicaof', '127.0.0.1', String(master.port)] });
    await expect(openInstance(replica.url, 'disburse')).rejects.toThrow(/its role is slave/);
  });

  it('is refused when its settings cannot be read', async () => {
    const users = [{ username: 'payer', password: 's3cret', rules: ['~disburse:*', '+@all', '-config'] }];
    const { url } = await start({ users });
    const opening = openInstance(withUser(url, 'payer', 's3cret'), 'disburse');
    await expect(opening).rejects.toThrow(/its settings cannot be read \(NOPERM.*permit the user CONFIG GET/);
  });

  it('is refused as one of several nodes of a cluster', async () => {
    const [one, other] = [await start({ args: ['--cluster-enabled', 'yes'] }), await start({ args: ['--cluster-enabled', 'yes'] })];
    await asAdmin(one.url, (client) => client.cluster('MEET', '127.0.0.1', other.port));
    await expect
      .poll(() => openInstance(one.url, 'disburse', { allow: { unsafe: true } }).catch((error: unknown) => String(error)), {
        timeout: 20_000,
      })
      .toMatch(/is a node of a Redis Cluster/);
  });
});

it('a user with no more than the commands of the ledger on its keys is enough', async () => {
  const rules = [
    '~disburse:*',
    '-@all',
    '+@connection',
    '+@read',
    '+@write',
    '+@scripting',
    '-@dangerous',
    '+info',
    '+config|get',
    '+time',
  ];
  const { url } = await start({ users: [{ username: 'payer', password: 's3cret', rules }] });
  const { ledger, close } = await openInstance(withUser(url, 'payer', 's3cret'), 'disburse');
  await ledger.openBatch(manifest(batchA));
  const sent = await moved(ledger, intent(await admitted(ledger, 'inv-1', 2), Buffer.from('bytes')));
  await moved(ledger, step(sent, { status: 'failed' }, { body: { eraseAt: 0 } }));
  expect(await ledger.body('inv-1')).toBeUndefined();
  expect(await ledger.overview()).toMatchObject({ unpublished: 1 });
  await close();
});

clockSuite(
  'Redis',
  () => Date.now(),
  async () => {
    const connection = await connectRedis({ url: redisUrl(), onWarning: silent });
    const clock = await createRedisClock({ connection, monotonic: monotonicClock });
    return {
      clock,
      pass: async () => undefined,
      async dispose() {
        clock.close();
        await connection.close();
      },
    };
  },
);

describe('the clock of Redis', () => {
  it('is the time of Redis, whatever the local clock says, and never goes back', async () => {
    const connection = await connectRedis({ url: redisUrl(), onWarning: silent });
    let own = 1_000;
    const began = performance.now();
    const clock = await createRedisClock({ connection, monotonic: { now: () => own + (performance.now() - began) } });
    // Redis is asked for its time; on the way there and back it may grow old.
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(250 + performance.now() - began);
    const told = clock.now();
    own -= 500;
    expect(clock.now()).toBe(told);
    own += 5_500;
    expect(clock.now()).toBeGreaterThanOrEqual(told + 5_000);
    const slept = clock.sleep(60_000, AbortSignal.timeout(10));
    await expect(slept).rejects.toThrow();
    clock.close();
    await connection.close();
  });

  it('is never behind a reply of the ledger, and is measured again when it was: after the machine was suspended', async () => {
    const connection = await connectRedis({ url: redisUrl(), onWarning: silent });
    const began = performance.now();
    let suspendedMs = 0;
    const clock = await createRedisClock({ connection, monotonic: { now: () => performance.now() - began - suspendedMs } });
    clock.now();
    // The monotonic clock does not count the time of a suspension.
    suspendedMs = 24_000;
    const reply = Date.now();
    clock.note({ nowMs: reply, offsetMs: 0 });
    expect(clock.now()).toBeGreaterThanOrEqual(reply);
    await clientOf(connection).ping();
    await clientOf(connection).ping();
    await clientOf(connection).ping();
    const later = clock.now();
    await clock.sleep(60);
    // It goes on by itself, rather than to wait until it is overtaken.
    expect(clock.now()).toBeGreaterThan(later + 20);
    clock.close();
    await connection.close();
  });

  it('is ahead of Redis TIME by the offset of the ledger', async () => {
    const connection = await connectRedis({ url: redisUrl(), onWarning: silent });
    const clock = await createRedisClock({ connection, monotonic: monotonicClock });
    clock.note({ nowMs: Date.now() + 3_600_000, offsetMs: 3_600_000 });
    const first = clock.now();
    await clock.sleep(60);
    expect(clock.now()).toBeGreaterThan(first + 20);
    expect(Math.abs(clock.now() - Date.now() - 3_600_000)).toBeLessThan(5_000);
    clock.close();
    await connection.close();
  });

  it('is measured again at every new connection', async () => {
    const server = await start();
    const connection = await connectRedis({ url: server.url, onWarning: silent });
    let own = systemClock.now();
    const clock = await createRedisClock({ connection, monotonic: { now: () => own } });
    own += 3_600_000;
    expect(clock.now() - Date.now()).toBeGreaterThan(3_500_000);
    own -= 7_200_000;
    await server.restart();
    await connection.ready();
    // It does not move until it is overtaken.
    expect(clock.now() - Date.now()).toBeGreaterThan(3_500_000);
    clock.close();
    await connection.close();
  });
});
