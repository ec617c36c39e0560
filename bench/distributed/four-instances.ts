/**
 * Four instances share 200 calls a second; one is killed with -9 and one is added meanwhile. Prints the most calls that the
 * gateway received in any second, and how much of the rate was used while there was work.
 *
 *   node bench/distributed/four-instances.ts [rate] [seconds]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { inCluster } from '../../test/e2e/cluster.ts';
import { payoutEvent } from '../../test/support/builders.ts';
import { callsSeen, mostInASecond, watchTurns } from '../../test/support/seen-calls.ts';
import { startKafka, startRedis } from '../../test/support/local-servers.ts';

const [rate = 200, seconds = 30] = process.argv.slice(2).map(Number);
const burst = Math.max(1, Math.floor(rate / 100));
/** While the first messages are admitted, a window of them at once in each instance, and code is compiled. */
const warmUpMs = 5_000;
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

const [kafka, redis] = await Promise.all([startKafka(), startRedis()]);
try {
  await inCluster({ kafkaBrokers: kafka.brokers, redisUrl: redis.url }, { partitions: 12, confirm: 'auto' }, async (cluster) => {
    const env = { DISPATCH_RATE: String(rate), GATEWAY_TIMEOUT_MS: '3000', FOLLOW_INTERVAL_MS: '2000' };
    // More than can be paid meanwhile, so that every instance has work all the time.
    const count = rate * seconds * 2;
    const turns = watchTurns();
    const [first] = await Promise.all(Array.from({ length: 4 }, () => cluster.serve(env)));
    await cluster.produce(
      Array.from({ length: count }, (_, n) => payoutEvent(`r-${n}`)),
      { keys: Array.from({ length: count }, (_, n) => `r-${n}`) },
    );
    const arrivals = (): number[] =>
      cluster.sandbox
        .calls()
        .filter(({ method }) => method.startsWith('session/init/'))
        .map(({ at }) => at);
    await sleep((seconds / 3) * 1000);
    first?.kill('SIGKILL');
    const killedAt = Date.now();
    await sleep(2_000);
    await cluster.serve(env);
    const addedAt = Date.now();
    await sleep(Math.max(0, (seconds * 2 * 1000) / 3 - 2_000));
    const at = arrivals().toSorted((a, b) => a - b);

    turns.stop();
    const seenAsMany = mostInASecond(at.map((time) => ({ seen: time, notBefore: time })));
    const most = mostInASecond(callsSeen(at, turns.ticks));
    const perSecond = Map.groupBy(at, (time) => Math.floor((time - (at[0] ?? 0)) / 1000));
    const share = (from: number, to: number): string => {
      const inside = at.filter((time) => time >= from && time < to).length;
      return `${((inside * 100_000) / (to - from) / rate).toFixed(1)} %`;
    };
    const start = (at[0] ?? 0) + warmUpMs;
    const end = at.at(-1) ?? 0;
    const paid = cluster.sandbox.payments();
    say(`${at.length} init calls, ${paid.length} payments, ${new Set(paid.map((one) => one.record_id)).size} record ids`);
    say(`most in any second: ${most} for sure, ${seenAsMany} as this process saw them, which is held up too; allowed ${rate + burst}`);
    say(
      `rate used: ${share(start, end)} after the first ${warmUpMs / 1000} s; before the kill ${share(start, killedAt)}, after the new one came ${share(addedAt, end)}`,
    );
    say(`by second: ${[...perSecond.values()].map((calls) => calls.length).join(' ')}`);
  });
} finally {
  await Promise.all([kafka.stop(), redis.stop()]);
}
