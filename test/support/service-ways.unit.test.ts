import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { findService, findServices, type Way, type Wish } from './service-ways.ts';

function way(name: string, outcome: string | Error): Way & { starts: number; stops: number } {
  const made = {
    name,
    starts: 0,
    stops: 0,
    async start() {
      made.starts++;
      if (outcome instanceof Error) throw outcome;
      return { address: outcome, stop: async () => void made.stops++ };
    },
  };
  return made;
}

const wish = (what: string, variable: string, ...ways: Way[]): Wish => ({ what, variable, ways, patienceMs: 20_000 });

async function listening(work: (port: number) => Promise<void>): Promise<void> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await work((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}

describe('findService', () => {
  it('uses the named server and starts none', async () => {
    await listening(async (port) => {
      const container = way('in a container', 'redis://127.0.0.1:1');
      const url = `redis://u:geheim@127.0.0.1:${port}`;
      const found = await findService(wish('Redis', 'REDIS_URL', container), { REDIS_URL: url });
      expect(found.address).toBe(url);
      expect(found.told).toBe(`Redis redis://***@127.0.0.1:${port}, named by REDIS_URL`);
      expect(container.starts).toBe(0);
    });
  });

  it('uses a named list of brokers when one of them accepts connections', async () => {
    await listening(async (port) => {
      const found = await findService(wish('Kafka', 'KAFKA_BROKERS'), { KAFKA_BROKERS: `127.0.0.1:${port},127.0.0.1:1` });
      expect(found.address).toBe(`127.0.0.1:${port},127.0.0.1:1`);
    });
  });

  it('fails without the password and without another try when no server is at the named address', async () => {
    const container = way('in a container', 'redis://127.0.0.1:1');
    const impatient = { ...wish('Redis', 'REDIS_URL', container), patienceMs: 100 };
    const finding = findService(impatient, { REDIS_URL: 'redis://u:geheim@127.0.0.1:1' });
    await expect(finding).rejects.toThrow('REDIS_URL=redis://***@127.0.0.1:1: no server accepts connections there.');
    expect(container.starts).toBe(0);
  });

  it('uses the first source that works, and an empty variable names none', async () => {
    const container = way('in a container', 'redis://127.0.0.1:7');
    const local = way('as a local process', 'redis://127.0.0.1:8');
    const found = await findService(wish('Redis', 'REDIS_URL', container, local), { REDIS_URL: '' });
    expect(found.told).toBe('Redis redis://127.0.0.1:7, in a container');
    expect(local.starts).toBe(0);
    await found.stop();
    expect(container.stops).toBe(1);
  });

  it('falls through to the next source and reports the reason in one line', async () => {
    const container = way('in a container', new Error('no such image:\n  redis:8.2'));
    const local = way('as a local process', 'redis://127.0.0.1:8');
    const found = await findService(wish('Redis', 'REDIS_URL', container, local), {});
    expect(found.told).toBe('Redis redis://127.0.0.1:8, as a local process (not in a container: no such image: redis:8.2)');
  });

  it('fails when no source works, with every reason and the variable', async () => {
    const ways = [way('in a container', new Error('no engine')), way('as a local process', new Error('install Maven'))];
    await expect(findService(wish('Kafka', 'KAFKA_BROKERS', ...ways), {})).rejects.toThrow(
      /real Kafka.*\n.*no engine\n.*install Maven\n.*KAFKA_BROKERS/,
    );
  });
});

describe('findServices', () => {
  it('returns services in the order of the requests', async () => {
    const [kafka, redis] = [way('as a local process', '127.0.0.1:9'), way('as a local process', 'redis://127.0.0.1:8')];
    const found = await findServices([wish('Kafka', 'KAFKA_BROKERS', kafka), wish('Redis', 'REDIS_URL', redis)], {});
    expect(found.map(({ address }) => address)).toEqual(['127.0.0.1:9', 'redis://127.0.0.1:8']);
  });

  it('stops what it started when another is missing', async () => {
    const redis = way('as a local process', 'redis://127.0.0.1:8');
    const kafka = way('as a local process', new Error('install Java'));
    await expect(findServices([wish('Kafka', 'K', kafka), wish('Redis', 'R', redis)], {})).rejects.toThrow('install Java');
    expect(redis.stops).toBe(1);
  });
});
