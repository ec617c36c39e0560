/**
 * A foreign client (kcat, made from librdkafka) publishes instructions of every kind, good and bad, and reads results
 * and dead letters; every occurrence must have exactly one final result or one dead letter.
 *
 *   node test/scripts/kcat.script.ts       needs kcat on the PATH; Kafka and Redis are started here
 */
import { spawn } from 'node:child_process';
import { once as onceEvent } from 'node:events';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import { samplePayment, samplePayout } from '../support/builders.ts';
import { inCluster, once, until } from '../e2e/cluster.ts';
import { startKafka, startRedis } from '../support/local-servers.ts';

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

async function kcat(args: readonly string[], input = ''): Promise<string> {
  const child = spawn('kcat', [...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stdin.end(input);
  const [code] = (await onceEvent(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`kcat ${args.join(' ')} ended with ${code}`);
  return output;
}

const iban = { type: 'bank_account', bank_account: { system_type: 'global', global: { iban: 'BE68539007547034', description: 'seed' } } };
const payout = (recordId: string, more: object = {}) => ({
  record_id: recordId,
  kind: 'payout',
  ...samplePayout,
  payment_method: iban,
  ...more,
});
const payment = (recordId: string) => {
  const event = structuredClone({ record_id: recordId, kind: 'payment', ...samplePayment }) as Record<string, unknown>;
  const card = (event['payment_details'] as { card: { bank_card: Record<string, string> } }).card.bank_card;
  card['expiration_year'] = '29';
  return event;
};

const good = [
  ...Array.from({ length: 150 }, (_, n) => payout(`seed-${n}`)),
  ...Array.from({ length: 50 }, (_, n) => payment(`order-${n}`)),
];
const refused = [
  payout('bad-amount', { amount_details: { amount: 0, currency: 'usd' } }),
  payout('bad-currency', { amount_details: { amount: 5, currency: 'xyz' } }),
];
const again = [payout('seed-0'), payout('seed-1', { amount_details: { amount: 4711, currency: 'usd' } })];
const dead = [
  '{"record_id": "cut"',
  '[]',
  'no json at all',
  JSON.stringify({ ...payout('odd'), colour: 'red' }),
  JSON.stringify(payout('no blanks please')),
  `"${'x'.repeat(500_000)}"`,
];

const [kafka, redis] = await Promise.all([startKafka(), startRedis()]);
try {
  await inCluster({ kafkaBrokers: kafka.brokers, redisUrl: redis.url }, { partitions: 6 }, async (cluster) => {
    await Promise.all([cluster.serve({ DISPATCH_RATE: '100' }), cluster.serve({ DISPATCH_RATE: '100' })]);
    const topic = `${cluster.prefix}.instructions`;
    const line = (value: unknown): string =>
      `${typeof value === 'object' ? (value as { record_id: string }).record_id : 'x'}\t${typeof value === 'string' ? value : JSON.stringify(value)}\n`;
    const produce = (values: readonly unknown[], ...args: string[]): Promise<string> =>
      kcat(
        ['-P', '-b', kafka.brokers, '-t', topic, '-K', '\t', '-X', 'topic.partitioner=murmur2_random', ...args],
        values.map(line).join(''),
      );
    await produce(good.slice(0, 60), '-z', 'snappy');
    await produce(good.slice(60, 120), '-z', 'lz4');
    await produce(good.slice(120), '-z', 'zstd');
    await produce([...refused, ...again]);
    await produce(dead, '-z', 'gzip');
    await kcat(['-P', '-b', kafka.brokers, '-t', topic, '-Z', '-K', '\t', '-p', '2'], 'null-value\t\n');
    const all = good.length + refused.length + again.length + dead.length + 1;

    const read = async (name: string): Promise<readonly { payload: string | null; headers?: string[] }[]> =>
      (await kcat(['-C', '-b', kafka.brokers, '-t', `${cluster.prefix}.${name}`, '-o', 'beginning', '-e', '-q', '-J']))
        .split('\n')
        .filter((text) => text !== '')
        .map((text) => JSON.parse(text) as { payload: string | null; headers?: string[] });
    const finals = async (): Promise<ResultEvent[]> =>
      once((await read('results')).map(({ payload }) => JSON.parse(payload ?? '') as ResultEvent)).filter((event) => event.final);
    await until('every occurrence to be told', async () => (await finals()).length + (await read('dead-letters')).length >= all, 120_000);
    const told = await finals();
    const letters = await read('dead-letters');
    const places = new Set(told.map(({ source }) => JSON.stringify(source)));
    const paid = cluster.sandbox.payments().map((one) => one.record_id);
    const byStatus = Object.fromEntries([...Map.groupBy(told, ({ status }) => status)].map(([status, events]) => [status, events.length]));
    say(`${all} messages: ${told.length} final results ${JSON.stringify(byStatus)}, ${letters.length} dead letters`);
    say(
      `reasons: ${letters
        .map(({ headers = [] }) => headers[headers.indexOf('reason') + 1])
        .toSorted()
        .join(', ')}`,
    );
    say(`witness: ${paid.length} payments, ${new Set(paid).size} record ids`);
    const holds =
      told.length + letters.length === all &&
      places.size === told.length &&
      letters.length === dead.length + 1 &&
      paid.length === good.length &&
      new Set(paid).size === good.length;
    say(holds ? 'every occurrence has exactly one final result or one dead letter' : 'IT DOES NOT HOLD');
    process.exitCode = holds ? 0 : 1;
  });
} finally {
  await Promise.all([kafka.stop(), redis.stop()]);
}
