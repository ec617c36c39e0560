/** Everything over TLS and with logins, against real servers that take nothing else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  makeCertificates,
  startKafka,
  startRedis,
  type Certificates,
  type KafkaCluster,
  type RedisServer,
} from '../support/local-servers.ts';
import { inCluster, until } from './cluster.ts';
import { csvOf, payouts } from '../support/builders.ts';
import { countsOf } from './world.ts';

const login = { username: 'pay', password: 'kafka-s3cret' };
const user = { username: 'ledger', password: 'redis-s3cret' };

describe('TLS and logins', () => {
  let certificates: Certificates;
  let kafka: KafkaCluster;
  let redis: RedisServer;
  beforeAll(async () => {
    certificates = await makeCertificates();
    const tls = certificates;
    [kafka, redis] = await Promise.all([startKafka({ tls, sasl: [login] }), startRedis({ tls, users: [user] })]);
  });
  afterAll(async () => {
    await Promise.all([kafka.stop(), redis.stop()]);
  });
  const secured = (mechanism: string): Record<string, string> => ({
    KAFKA_SSL: 'true',
    KAFKA_SSL_CA_FILE: certificates.caFile,
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: login.username,
    KAFKA_SASL_PASSWORD: login.password,
    REDIS_SSL_CA_FILE: certificates.caFile,
  });
  const redisUrl = (password = user.password): string => `rediss://${user.username}:${password}@127.0.0.1:${redis.port}`;
  const inSecured = (mechanism: string, work: Parameters<typeof inCluster>[2]): Promise<void> =>
    inCluster({ kafkaBrokers: kafka.brokers, redisUrl: redisUrl(), env: secured(mechanism) }, {}, work);

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'])('a file is paid with %s', async (mechanism) => {
    await inSecured(mechanism, async (cluster) => {
      await cluster.serve();
      const { code, summary, stderr } = await cluster.run(cluster.write('a.csv', csvOf(payouts(5))));
      expect({ code, counts: countsOf(summary) }, stderr).toEqual({ code: 0, counts: { succeeded: 5 } });
      // What the ledger knows is published soon after.
      await until('every end to be told', async () => (await cluster.results()).filter((result) => result.final).length >= 5);
      const told = await cluster.command(['tail', '--json', '--final']);
      expect(told.stdout.trim().split('\n')).toHaveLength(5);
    });
  });

  it.each([
    ['a wrong password of Kafka', { KAFKA_SASL_PASSWORD: 'wr0ng' }, /refused the login/],
    ['Kafka without TLS', { KAFKA_SSL: 'false' }, /Kafka at/],
    ['an authority that is not the one', { KAFKA_SSL_CA_FILE: undefined, NODE_EXTRA_CA_CERTS: undefined }, /TLS/],
    ['a wrong password of Redis', { REDIS_URL: 'wrong' }, /Redis/],
  ])('%s is reported in one sentence without a password', async (_name, more, sentence) => {
    await inSecured('plain', async (cluster) => {
      const env = 'REDIS_URL' in more ? { REDIS_URL: redisUrl('wr0ng') } : more;
      const { code, stderr } = await cluster.command(['serve'], env);
      expect([1, 3]).toContain(code);
      expect(stderr).toMatch(sentence);
      expect(stderr).not.toMatch(/wr0ng|s3cret/);
      expect(stderr).not.toContain('    at ');
    });
  });
});
