/** Instances over one topic and one ledger that are killed, frozen beyond their lease and started again, while Redis and Kafka are killed too. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Summary } from '../../batches/record/summary.ts';
import type { Dice } from '../../simulation/dice.ts';
import { inCluster, type Cluster, type Instance } from '../e2e/cluster.ts';
import { countsOf } from '../e2e/world.ts';
import { payoutEvent } from '../support/builders.ts';
import type { KafkaCluster } from '../support/kafka-cluster.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { accountOf, problemsOfSummary } from './accounts.ts';
import {
  hasEnded,
  killed,
  noHarm,
  shiftedClock,
  stopped,
  worldOptions,
  type CrashOutcome,
  type CrashParams,
  type Harm,
} from './crash-world.ts';

export interface CrashServers {
  readonly kafka: KafkaCluster;
  readonly redis: RedisServer;
}

const settings = { DISPATCH_RATE: '300', GATEWAY_TIMEOUT_MS: '3000', FOLLOW_INTERVAL_MS: '200' };
/** The lease of a send is the timeout and 20 s. */
const beyondLeaseMs = 26_000;
const instances = 3;
const batchId = 'crashes';
const settlesWithinMs = 240_000;
const quietMs = 15_000;
const endsAlone = 3;

type Round = 'kill' | 'stop' | 'long stop' | 'clock' | 'redis' | 'broker';

function drawRound(dice: Dice, { hasClocks }: CrashParams): Round {
  if (dice.chance(0.08)) return 'redis';
  if (dice.chance(0.04)) return 'broker';
  if (dice.chance(0.08)) return 'stop';
  return hasClocks && dice.chance(0.5) ? 'clock' : 'kill';
}

interface Living {
  readonly cluster: Cluster;
  readonly servers: CrashServers;
  readonly params: CrashParams;
  readonly harm: Harm;
  /** Those that are alive. */
  all: Instance[];
  produced: number;
}

const idOf = (index: number): string => `r-${index + 1}`;

export async function crashInstances(params: CrashParams, servers: CrashServers): Promise<CrashOutcome> {
  let outcome: CrashOutcome | undefined;
  const { kafka, redis } = servers;
  await inCluster(
    { kafkaBrokers: kafka.brokers, redisUrl: redis.url },
    { ...worldOptions, seed: params.seed, partitions: 6 },
    async (cluster) => {
      Object.assign(cluster.env, settings);
      const living: Living = { cluster, servers, params, harm: noHarm(), all: [], produced: 0 };
      let longStops = params.hasLongStop ? 1 : 0;
      while (living.harm.kills < params.kills) {
        const isLong = longStops > 0 && living.harm.kills * 2 >= params.kills;
        if (isLong) longStops -= 1;
        await round(living, isLong ? 'long stop' : drawRound(params.dice, params));
      }
      outcome = await settle(living);
    },
  );
  if (outcome === undefined) throw new Error('the world has ended without an outcome');
  return outcome;
}

/** As many as there should be; one that ended by itself did so because its servers were gone. */
async function fillUp(living: Living, env: Record<string, string> = {}): Promise<void> {
  const ended = living.all.filter(hasEnded);
  for (const { child, stderr } of ended)
    if (child.exitCode !== endsAlone && child.signalCode === null)
      throw new Error(`an instance ended with ${child.exitCode}: ${stderr().slice(-1_000)}`);
  living.all = living.all.filter((one) => !hasEnded(one));
  const missing = Math.max(0, instances - living.all.length);
  const started = await Promise.all(Array.from({ length: missing }, () => living.cluster.serve(env)));
  living.all.push(...started);
}

/** The share of the records that is due with so many kills. */
async function produce({ cluster, params: { records, kills }, harm, ...living }: Living, all = false): Promise<number> {
  const upTo = all ? records : Math.min(records, Math.ceil(((harm.kills + 1) / kills) * records));
  if (upTo <= living.produced) return living.produced;
  const indexes = Array.from({ length: upTo - living.produced }, (_, index) => living.produced + index);
  const values = indexes.map((index) => payoutEvent(idOf(index), 1_000 + index, { batch_id: batchId }));
  await cluster.produce(values, { keys: indexes.map(idOf) });
  return upTo;
}

async function round(living: Living, what: Round): Promise<void> {
  const { params, harm, servers } = living;
  const { dice } = params;
  await fillUp(living, what === 'clock' ? shiftedClock(dice) : {});
  if (what === 'clock') harm.clocks += 1;
  living.produced = await produce(living);
  await sleep(dice.between(0, 2_500));
  const one = living.all[dice.between(0, living.all.length - 1)];
  if (one === undefined) return;
  if (what === 'redis') {
    await servers.redis.stop('SIGKILL');
    harm.redisKills += 1;
    await sleep(dice.between(0, 4_000));
    await servers.redis.restart();
  }
  if (what === 'broker') {
    const [node] = servers.kafka.nodes;
    await node?.stop('SIGKILL');
    harm.brokerKills += 1;
    await sleep(dice.between(0, 4_000));
    await node?.start();
  }
  if (what === 'stop' || what === 'long stop') {
    const ms = what === 'stop' ? dice.between(100, 5_000) : beyondLeaseMs;
    if (await stopped(one, ms)) harm.stops += 1;
    await sleep(dice.between(0, 500));
  }
  if (await killed(one)) harm.kills += 1;
}

const summaryOf = async (cluster: Cluster): Promise<Summary | undefined> => {
  const { stdout } = await cluster.command(['status', batchId, '--json']);
  const line = stdout.trim();
  return line.startsWith('{') ? (JSON.parse(line) as Summary) : undefined;
};

/** Without faults, until nothing moves any more. */
async function settle(living: Living): Promise<CrashOutcome> {
  const { cluster, params, harm } = living;
  const { records } = params;
  for (const one of living.all) if (await killed(one)) harm.kills += 1;
  living.all = [];
  living.produced = await produce(living, true);
  await fillUp(living);
  const deadline = performance.now() + settlesWithinMs;
  let [summary, text, since]: [Summary | undefined, string, number] = [undefined, '', performance.now()];
  const isStill = (): boolean => {
    const { succeeded = 0, unknown = 0 } = summary === undefined ? {} : countsOf(summary);
    return succeeded === records || (succeeded + unknown === records && performance.now() - since > quietMs);
  };
  while (!isStill() && performance.now() < deadline) {
    await sleep(1_000);
    summary = await summaryOf(cluster);
    const now = JSON.stringify(summary === undefined ? {} : countsOf(summary));
    if (now !== text) [text, since] = [now, performance.now()];
  }
  // What the ledger knows is published soon after.
  await sleep(3_000);
  const amounts = new Map(Array.from({ length: records }, (_, index) => [idOf(index), 1_000 + index]));
  const events = await cluster.results();
  const { problems, ...counts } = accountOf({ amounts, payments: cluster.sandbox.payments(), events, mayRepeat: true });
  const letters = await cluster.count('dead-letters');
  const more = [
    ...problemsOfSummary(summary, records),
    ...(isStill() ? [] : [`not settled after ${settlesWithinMs / 1000} s: ${text}`]),
    ...(letters === 0 ? [] : [`${letters} dead letters`]),
  ];
  return { harm, records, ...counts, problems: [...problems, ...more] };
}
