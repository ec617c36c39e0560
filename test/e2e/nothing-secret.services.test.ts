/** The search of the distributed profile: topics, every value in Redis, logs, pages and traces. */
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { csvOf } from '../support/builders.ts';
import { openOtlpReceiver } from '../support/otlp-receiver.ts';
import { kafkaBrokers, redisUrl } from '../support/services.ts';
import { inCluster, until, type Cluster } from './cluster.ts';
import { cards, expectNothing, filesOf, rowsOf, type Place } from './secret-search.ts';

const servers = () => ({ kafkaBrokers: kafkaBrokers(), redisUrl: redisUrl() });

/** Every value under the prefix, as it is read by its type. */
async function valuesOf(redis: Redis, prefix: string): Promise<readonly Place[]> {
  const read = async (key: string): Promise<readonly Buffer[]> => {
    switch (await redis.type(key)) {
      case 'string':
        return [(await redis.getBuffer(key)) ?? Buffer.alloc(0)];
      case 'hash':
        return Object.entries(await redis.hgetallBuffer(key)).flatMap(([field, value]) => [Buffer.from(field), value]);
      case 'zset':
        return redis.zrangeBuffer(key, '0', '-1');
      case 'set':
        return redis.smembersBuffer(key);
      case 'list':
        return redis.lrangeBuffer(key, 0, -1);
      case 'stream':
        return (await redis.xrangeBuffer(key, '-', '+')).flatMap(([, fields]) => fields);
      // It was emptied meanwhile by an instance that works.
      case 'none':
        return [];
      default:
        throw new Error(`a type of ${key} that the search cannot read`);
    }
  };
  const keys = await redis.keys(`${prefix}:*`);
  return Promise.all(
    keys.map(async (key) => ({ name: `the value of ${key}`, bytes: Buffer.concat([Buffer.from(key), ...(await read(key))]) })),
  );
}

const letters = async (cluster: Cluster): Promise<number> => cluster.count('dead-letters');

it('what went in is in no topic, value of Redis, log, page or trace of two instances after faults and a kill, but where a person needs it', async () => {
  const collector = await openOtlpReceiver();
  const redis = new Redis(redisUrl());
  await inCluster(servers(), { faults: 'lost-answer=0.3,refuse=0.2,http-500=0.2,wrong-amount=0.2', seed: 14 }, async (cluster) => {
    const env = { LOG_LEVEL: 'trace', OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const places: Place[] = [];
    const say = (name: string, text: string): void => void places.push({ name, bytes: Buffer.from(text) });
    const instances = [await cluster.serve(env), await cluster.serve(env)];
    const file = cluster.write('may.csv', csvOf(rowsOf('m')));
    const running = cluster.begin(['run', file, '--wait', '20s', '--json'], env);
    await cluster.produce([`{"note":"card ${cards[0]}"}`, `{"record_id":"cut","note":"${cards[1]}"`], {
      headers: { traceparent: cards[2] ?? '' },
    });
    await until('some sessions', () => cluster.sandbox.payments().length > 3);
    places.push(...(await valuesOf(redis, cluster.prefix)));
    instances[0]?.kill('SIGKILL');
    const ran = await running.ended;
    say('stdout of run', ran.stdout);
    say('stderr of run', ran.stderr);
    await until('two dead letters', async () => (await letters(cluster)) >= 2);
    for (const page of ['metrics', 'readyz']) say(page, await (await fetch(`${instances[1]?.url}/${page}`)).text());
    for (const args of [
      ['records', '--json'],
      ['tail', '--json'],
      ['tail', '--alerts', '--json'],
      ['dead-letters', 'list'],
      ['config', '--json'],
    ]) {
      const { stdout, stderr } = await cluster.command(args, { LOG_LEVEL: 'trace' });
      say(args.join(' '), `${stdout}\n${stderr}`);
    }
    instances[1]?.kill('SIGTERM');
    for (const [index, { stderr, stdout }] of (await Promise.all(instances.map(({ ended }) => ended))).entries())
      say(`the log of instance ${index}`, `${stdout}\n${stderr}`);
    for (const topic of ['results', 'alerts', 'dead-letters'] as const)
      for (const { key, value, headers } of await cluster.read(topic)) say(`topic ${topic}`, `${key} ${value} ${JSON.stringify(headers)}`);
    // Rows of a file are instructions: names and accounts are in them, card data is sealed. What others publish is as they wrote it.
    for (const { value, headers } of await cluster.read('instructions'))
      if (headers['source_file'] !== undefined) say('topic instructions', `${value} ${JSON.stringify(headers)}`);
    const values = await valuesOf(redis, cluster.prefix);
    say('the traces', collector.bodies.join('\n'));
    places.push(...values, ...filesOf(cluster));

    // The search had something to search.
    const seen = new Set(places.map(({ name }) => name));
    for (const name of ['topic results', 'topic dead-letters', 'topic instructions', 'metrics']) expect(seen).toContain(name);
    expect(values.length).toBeGreaterThan(10);
    expect(collector.spans().length).toBeGreaterThan(20);
    expectNothing(places);
  });
  redis.disconnect();
  await collector.close();
});
