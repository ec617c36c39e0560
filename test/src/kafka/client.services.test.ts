import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTopicPublisher } from '../../../producers/kafka/publisher.ts';
import { systemClock } from '../../../src/clock.ts';
import type { CommandError } from '../../../src/exit.ts';
import { createKafkaFactory, type KafkaOptions } from '../../../src/kafka/client.ts';
import { checkKafka } from '../../../src/kafka/reachability.ts';
import { makeCertificates, startKafka, type Certificates, type KafkaCluster } from '../../support/local-servers.ts';
import { kafkaBrokers } from '../../support/services.ts';

const password = 'correct-horse-battery';
const withinMs = 4_000;
/** A limit that a broker that answers never reaches, however busy the machine is. */
const patientMs = 60_000;
const atOnceMs = 30_000;
/** A check ends when its time is over, not when the client gives up an attempt, which takes up to 17 s. */
const lateMs = 10_000;

async function check(
  options: Omit<KafkaOptions, 'clientId' | 'logger'>,
  triedMs = patientMs,
): Promise<{ code: number; message: string; lines: string[]; ms: number }> {
  const lines: string[] = [];
  const since = performance.now();
  const createKafka = createKafkaFactory({ ...options, clientId: 'test', logger: (level, line) => lines.push(`${level} ${line}`) });
  const error = await checkKafka(createKafka, { clock: systemClock, withinMs: triedMs }).then(
    () => undefined,
    (cause: unknown) => cause as CommandError,
  );
  expect(lines.join('\n')).not.toContain(password);
  expect(error?.message ?? '').not.toContain(password);
  return { code: error?.exitCode ?? 0, message: error?.message ?? '', lines, ms: performance.now() - since };
}

describe('a broker without TLS and login', () => {
  it('is reached with matching options', async () => {
    expect(await check({ brokers: [kafkaBrokers()] })).toMatchObject({ code: 0, lines: [] });
  });

  it('is reached through its second address when nothing listens on the first', async () => {
    expect(await check({ brokers: ['127.0.0.1:9', kafkaBrokers()] })).toMatchObject({ code: 0 });
  });

  it('that requires no login is reported at once when a login is configured', async () => {
    const outcome = await check({ brokers: [kafkaBrokers()], sasl: { mechanism: 'plain', username: 'pay', password } });
    expect(outcome).toMatchObject({
      code: 1,
      message: expect.stringMatching(/refused the login \(no TLS and SASL plain as user pay\)/) as string,
    });
    expect(outcome.ms).toBeLessThan(atOnceMs);
  });

  it('without TLS is reported with the variables to check when TLS is configured', async () => {
    const outcome = await check({ brokers: [kafkaBrokers()], ssl: {} }, withinMs);
    expect(outcome.code).not.toBe(0);
    expect(outcome.message).toMatch(/KAFKA_SSL/);
  });
});

describe('no broker', () => {
  it('on the port is reported with address, cause and time', async () => {
    const outcome = await check({ brokers: ['127.0.0.1:9', '127.0.0.1:10'] }, withinMs);
    expect(outcome.code).toBe(3);
    expect(outcome.message).toMatch(
      /^Kafka at 127\.0\.0\.1:9, 127\.0\.0\.1:10 cannot be reached: connect ECONNREFUSED .*Tried for 4 s with no TLS and no login/,
    );
    expect(outcome.ms).toBeGreaterThanOrEqual(withinMs - 100);
    expect(outcome.ms).toBeLessThan(withinMs + lateMs);
    expect(outcome.lines.filter((line) => line.startsWith('warn')).length).toBeLessThanOrEqual(2);
  });

  it('under the name is reported with the cause', async () => {
    expect(await check({ brokers: ['kafka.invalid:9092'] }, withinMs)).toMatchObject({
      code: 3,
      message: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/) as string,
    });
  });

  it('but a server that accepts the connection and never answers is reported', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const outcome = await check({ brokers: [`127.0.0.1:${(server.address() as { port: number }).port}`] }, withinMs);
    expect(outcome).toMatchObject({ code: 3, message: expect.stringMatching(/it does not answer/) as string });
    expect(outcome.ms).toBeLessThan(withinMs + lateMs);
    for (const socket of sockets) socket.destroy();
    server.close();
  });
});

describe('a broker with TLS and login', () => {
  let certificates: Certificates;
  let cluster: KafkaCluster;
  beforeAll(async () => {
    certificates = await makeCertificates();
    cluster = await startKafka({ tls: certificates, sasl: [{ username: 'pay', password }] });
  });
  afterAll(() => cluster.stop());
  const brokers = () => cluster.brokers.split(',');
  const ssl = () => ({ caFile: certificates.caFile });

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('accepts a login with %s and a record', async (mechanism) => {
    const sasl = { mechanism, username: 'pay', password };
    expect(await check({ brokers: brokers(), ssl: ssl(), sasl })).toMatchObject({ code: 0, lines: [] });
    const createKafka = createKafkaFactory({ brokers: brokers(), ssl: ssl(), sasl, clientId: 'test', logger: () => undefined });
    const admin = createKafka().admin();
    await admin.connect();
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic: `written-${mechanism}`, numPartitions: 1 }] });
    await admin.disconnect();
    const publisher = createTopicPublisher({ createKafka, clock: systemClock, onWarning: () => undefined });
    expect(await publisher.publish({ topic: `written-${mechanism}`, partition: 0, key: null, value: 'x' })).toEqual({ offset: 0n });
    await publisher.close(5_000);
  });

  it.each(['plain', 'scram-sha-256'] as const)('that refuses the password with %s is reported at once', async (mechanism) => {
    const outcome = await check({ brokers: brokers(), ssl: ssl(), sasl: { mechanism, username: 'pay', password: `${password}-not` } });
    expect(outcome).toMatchObject({
      code: 1,
      message: expect.stringMatching(/refused the login.*user pay.*KAFKA_SASL_PASSWORD/) as string,
    });
    expect(outcome.ms).toBeLessThan(atOnceMs);
  });

  it('with a certificate of an unknown authority is reported as a TLS problem at once', async () => {
    const outcome = await check({ brokers: brokers(), ssl: {}, sasl: { mechanism: 'plain', username: 'pay', password } });
    expect(outcome).toMatchObject({
      code: 1,
      message: expect.stringMatching(/cannot agree on TLS.*certificate.*KAFKA_SSL_CA_FILE/) as string,
    });
    expect(outcome.ms).toBeLessThan(atOnceMs);
  });

  it.each(['no TLS', 'no login'])('is reported with the variables to check when there is %s', async (without) => {
    const sasl = { mechanism: 'plain', username: 'pay', password } as const;
    const outcome = await check(without === 'no TLS' ? { brokers: brokers(), sasl } : { brokers: brokers(), ssl: ssl() }, withinMs);
    expect(outcome.code).not.toBe(0);
    expect(outcome.message).toMatch(/KAFKA_SSL.*KAFKA_SASL_MECHANISM/);
    expect(outcome.message).toContain(without);
    expect(outcome.ms).toBeLessThan(withinMs + lateMs);
  });
});

it('a CA file that cannot be read is reported with its name', () => {
  const options = { brokers: ['127.0.0.1:9'], clientId: 'test', logger: () => undefined, ssl: { caFile: '/no/such/ca.pem' } };
  expect(() => createKafkaFactory(options)).toThrow(/cannot read KAFKA_SSL_CA_FILE=\/no\/such\/ca\.pem/);
});
