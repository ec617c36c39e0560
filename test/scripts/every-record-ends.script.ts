/**
 * Pays a file with every fault of the sandbox at once, and kills what pays at random moments. Then the faults end, and
 * ledger and witness are compared record by record. Prints what ended the records. Takes minutes.
 *
 *   node test/scripts/every-record-ends.script.ts [--records N] [--kills N] [--seed N]
 *     [--profile standalone|distributed] [--only webhooks|status|both]
 */
import { parseArgs } from 'node:util';
import { startKafka, startRedis } from '../support/local-servers.ts';
import { tell, type Verdict } from './every-record-ends/every-record-ends.ts';
import type { Profile, Story, Told } from './every-record-ends/story.ts';

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '5000' },
    kills: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    profile: { type: 'string', default: 'standalone' },
    only: { type: 'string', default: 'both' },
  },
});
const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const listOf = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .toSorted(([, one], [, other]) => other - one)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ') || 'none';

function print(story: Story, verdict: Verdict, seconds: number): void {
  say(
    `${story.profile}, told by ${story.told}, ${story.records} records, ${verdict.kills} kills, confirmation ${story.confirm}, seed ${story.seed}, ${seconds} s`,
  );
  say(`  at the gateway: ${verdict.sessions} sessions, ${verdict.paid} paid`);
  say(`  in the ledger: ${listOf(verdict.statuses)}`);
  say(`  ended by: ${listOf(verdict.endings)}`);
  say(`  open after the faults ended: ${listOf(verdict.openAfterFaults)}`);
  say(`  open after the daily report: ${listOf(verdict.openAfterReport)}`);
  say(`  ended by a person because: ${listOf(verdict.persons)}`);
  say(`  open in the end, with an alert: ${listOf(verdict.contradicting)}`);
  say(`  alerts: ${listOf(verdict.alerts)}`);
  for (const problem of verdict.problems.slice(0, 50)) say(`  WRONG: ${problem}`);
  say(`  wrong: ${verdict.problems.length}`);
}

const story: Story = {
  profile: values.profile as Profile,
  told: values.only as Told,
  records: Number(values.records),
  kills: Number(values.kills),
  seed: Number(values.seed),
  // Without webhooks a payout whose answer was lost cannot be confirmed: its session is not known.
  confirm: values.only === 'status' ? 'auto' : 'manual',
  quietMs: 20_000,
};

async function withServers(work: (servers?: { kafkaBrokers: string; redisUrl: string }) => Promise<void>): Promise<void> {
  if (story.profile === 'standalone') return work();
  const { KAFKA_BROKERS: kafkaBrokers, REDIS_URL: redisUrl } = process.env;
  if (kafkaBrokers !== undefined && redisUrl !== undefined) return work({ kafkaBrokers, redisUrl });
  const [kafka, redis] = await Promise.all([startKafka(), startRedis()]);
  try {
    await work({ kafkaBrokers: kafka.brokers, redisUrl: redis.url });
  } finally {
    await Promise.all([kafka.stop(), redis.stop()]);
  }
}

await withServers(async (servers) => {
  const begin = Date.now();
  const verdict = await tell(story, servers);
  print(story, verdict, Math.round((Date.now() - begin) / 1000));
  process.exitCode = verdict.problems.length === 0 ? 0 : 1;
});
