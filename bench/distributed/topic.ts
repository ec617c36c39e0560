/**
 * From the instructions topic to the results topic: events that lie there already, paid by one instance and by two, beside
 * `disburse run` and BullMQ on the same payouts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../contenders.ts';
import { othersShare, type Disturbances } from '../disturbance.ts';
import { rotated } from '../numbers.ts';
import { startStub, type Stub } from '../stub-client.ts';
import { createSenders, pay, type Senders } from '../throughput.ts';
import { startCosts } from './costs.ts';
import { indexOfRecord, instructionMessages } from './events.ts';
import { startInstances } from './instances.ts';
import { newMeeting } from './meeting.ts';
import type { Servers } from './servers.ts';
import { fill, makeTopics, watchResults, type Topics } from './topics.ts';

export const passers = ['serve, 1 instance', 'serve, 2 instances', 'disburse run', 'BullMQ'] as const;
export type Passer = (typeof passers)[number];
const instancesOf = { 'serve, 1 instance': 1, 'serve, 2 instances': 2 } as const;

/** One measured run. CPU in seconds; undefined for a server that takes no part. */
export interface Passage {
  readonly passer: Passer;
  readonly records: number;
  readonly round: number;
  /** From starting it until the last final result is on the topic; for peers, until the process has ended. */
  readonly wallSeconds: number;
  /** From the first call to the last, as the stub saw them. */
  readonly sendingSeconds: number;
  readonly cpuSeconds: number;
  readonly kafkaCpuSeconds: number | undefined;
  readonly redisCpuSeconds: number | undefined;
  readonly stubCpuSeconds: number;
  readonly othersShare: number;
  /** Of each process of its own. */
  readonly peakMib: readonly number[];
  /** The share of the records whose results each instance published; none for peers. */
  readonly shares: readonly number[];
}

/** No contender is slower than this by far; then something hangs. */
const slowest = 50;
const leastMs = 120_000;
const pollMs = 100;
const mostWarmUpRecords = 1_000;

interface Setting {
  readonly bench: Bench;
  readonly servers: Servers;
  readonly stub: Stub;
  readonly senders: Senders;
}

export async function measureTopic(
  bench: Bench,
  params: {
    readonly records: number;
    readonly rounds: number;
    readonly servers: Servers;
    readonly disturbances: Disturbances;
    readonly say: (line: string) => void;
  },
): Promise<readonly Passage[]> {
  const { records, rounds, servers, disturbances, say } = params;
  const stub = await startStub('succeed');
  try {
    const setting: Setting = {
      bench,
      servers,
      stub,
      senders: createSenders(bench, stub, { redis: servers.redisSource, postgres: undefined }),
    };
    for (const passer of passers) await pass(setting, passer, Math.min(mostWarmUpRecords, records), 0);
    const passages: Passage[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      for (const passer of rotated(passers, round - 1)) {
        const passage = await disturbances.avoid(
          () => pass(setting, passer, records, round),
          (one) => one.othersShare,
        );
        passages.push(passage);
        const peak = passage.peakMib.map((mib) => mib.toFixed(0)).join(' and ');
        say(`${records} records, round ${round}, ${passer}: ${Math.round(records / passage.wallSeconds)} records/s, ${peak} MiB`);
      }
    }
    return passages;
  } finally {
    await stub.stop();
  }
}

const pass = (setting: Setting, passer: Passer, records: number, round: number): Promise<Passage> =>
  passer === 'disburse run' || passer === 'BullMQ'
    ? passByPeer(setting, passer, records, round)
    : passByTopic(setting, passer, records, round);

async function passByPeer(
  { bench, servers, stub, senders }: Setting,
  passer: 'disburse run' | 'BullMQ',
  records: number,
  round: number,
): Promise<Passage> {
  const kafkaBefore = servers.kafkaCpuSeconds();
  const payment = await pay(bench, stub, senders, { contender: passer, rows: records, round });
  const idleKafka = servers.kafkaCpuSeconds() - kafkaBefore;
  const { measured, sendingSeconds, stubCpuSeconds, serverCpuSeconds } = payment;
  return {
    passer,
    records,
    round,
    wallSeconds: measured.wallSeconds,
    sendingSeconds,
    cpuSeconds: measured.cpuSeconds,
    kafkaCpuSeconds: undefined,
    redisCpuSeconds: serverCpuSeconds,
    stubCpuSeconds,
    othersShare: othersShare(measured, stubCpuSeconds + (serverCpuSeconds ?? 0) + idleKafka),
    peakMib: [measured.peakMib],
    shares: [],
  };
}

async function passByTopic(setting: Setting, passer: keyof typeof instancesOf, records: number, round: number): Promise<Passage> {
  const { bench, servers, stub } = setting;
  const meeting = newMeeting(bench, servers);
  const kafka = servers.kafka();
  const topics = await makeTopics(bench, kafka, meeting, { copies: servers.copies });
  try {
    await fill(kafka, topics, instructionMessages(records), records);
    await stub.reset();
    const startedAt = Date.now();
    const instances = startInstances(bench, { count: instancesOf[passer], gateway: stub.url, meeting });
    const costsUntil = startCosts({ servers, stub, instances });
    try {
      await instances.during(untilThere(topics, records));
      const costs = costsUntil();
      const shares = await instances.outcomes();
      const peakMib = instances.peakMib();
      await instances.stop();
      const lastAt = await checkResults(setting, topics, records);
      const { first_at, last_at } = await stub.stats();
      return {
        passer,
        records,
        round,
        wallSeconds: (lastAt - startedAt) / 1000,
        sendingSeconds: ((last_at ?? 0) - (first_at ?? 0)) / 1000,
        cpuSeconds: costs.disburse,
        kafkaCpuSeconds: costs.kafka,
        redisCpuSeconds: costs.redis,
        stubCpuSeconds: costs.stub,
        othersShare: costs.othersShare,
        peakMib,
        shares: shares.map((count) => count / records),
      };
    } finally {
      await instances.kill();
    }
  } finally {
    await topics.remove();
    await servers.emptyRedis();
  }
}

/** By the topic's ends, which costs nearly nothing beside the instances; results are read when they have stopped. */
async function untilThere(topics: Topics, records: number): Promise<void> {
  const deadline = performance.now() + Math.max(leastMs, (records / slowest) * 1000);
  for (;;) {
    const there = await topics.count(topics.results);
    if (there >= records) return;
    if (performance.now() > deadline) throw new Error(`only ${there} results of ${records} are there, and time is up`);
    await sleep(pollMs);
  }
}

/**
 * Every record was asked for once and paid once, and has one final result that says so.
 *
 * @returns when the last of them was on the topic, milliseconds since the epoch
 */
async function checkResults({ servers, stub }: Setting, topics: Topics, records: number): Promise<number> {
  const { calls, accepted } = await stub.stats();
  if (calls !== records || accepted !== records) throw new Error(`${calls} calls and ${accepted} payouts for ${records} events`);
  const letters = await topics.count(topics.deadLetters);
  if (letters > 0) throw new Error(`${letters} dead letters`);

  const events = new Map<string, number>();
  const finals = new Uint8Array(records);
  let lastAt = 0;
  const watch = await watchResults(servers.kafka(), topics, ({ recordId, value, at }) => {
    const { event_id, status, final } = JSON.parse(value.toString()) as {
      readonly event_id: string;
      readonly status: string;
      readonly final: boolean;
    };
    if (!final || status !== 'succeeded') throw new Error(`a result of ${recordId} says ${status}`);
    if (events.has(event_id)) return;
    events.set(event_id, at);
    const index = indexOfRecord(recordId);
    finals[index] = (finals[index] ?? 0) + 1;
    lastAt = Math.max(lastAt, at);
  });
  try {
    const there = await topics.count(topics.results);
    await watch.until(() => watch.read() >= there, leastMs);
  } finally {
    await watch.stop();
  }
  const wrong = finals.findIndex((count) => count !== 1);
  if (wrong !== -1) throw new Error(`record ${wrong + 1} has ${finals[wrong]} final results`);
  return lastAt;
}
