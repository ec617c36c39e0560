/** A backlog of events that is there before the first instance starts, drained by several. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../contenders.ts';
import { instructionMessages } from '../distributed/events.ts';
import { startInstances } from '../distributed/instances.ts';
import { newMeeting } from '../distributed/meeting.ts';
import type { Servers } from '../distributed/servers.ts';
import { fill, makeTopics, watchResults, type Topics } from '../distributed/topics.ts';
import { startStub, type Stub } from '../stub-client.ts';
import { createAccounts, problemsOfGateway } from './accounts.ts';
import { thinned, watchMemory } from './memory.ts';
import type { Verdict } from './verdict.ts';

/** No machine is slower than this by far; then something hangs. Records a second. */
const slowest = 50;
const leastMs = 120_000;
const lookEveryMs = 500;
const sayEveryMs = 10_000;
const mostPoints = 60;

export interface BacklogLoad {
  readonly bench: Bench;
  readonly servers: Servers;
  readonly say: (line: string) => void;
  readonly events: number;
  readonly instances: number;
}

export async function drainBacklog(load: BacklogLoad): Promise<Verdict> {
  const stub = await startStub('succeed');
  try {
    return await withStub(load, stub);
  } finally {
    await stub.stop();
  }
}

async function withStub(load: BacklogLoad, stub: Stub): Promise<Verdict> {
  const { bench, servers, say, events } = load;
  const meeting = newMeeting(bench, servers);
  const kafka = servers.kafka();
  const topics = await makeTopics(bench, kafka, meeting, { copies: servers.copies });
  try {
    await fill(kafka, topics, instructionMessages(events), events);
    say(`${events} events are on the topic`);
    const startedAt = Date.now();
    const instances = startInstances(bench, { count: load.instances, gateway: stub.url, meeting });
    const memory = watchMemory(instances.rssMib, Math.max(1_000, events / 500));
    try {
      await instances.during(untilThere(load, topics, instances.rssMib));
      const curve = memory.stop();
      const shares = await instances.outcomes();
      const peak = instances.peakMib();
      await instances.stop();
      const accounts = await readAll(load, topics);
      const letters = await topics.count(topics.deadLetters);
      const problems = [
        ...accounts.problems(),
        ...problemsOfGateway(await stub.accounts(), events),
        ...(letters === 0 ? [] : [`${letters} dead letters`]),
      ];
      const seconds = (accounts.lastAt() - startedAt) / 1000;
      const perSecond = Math.round(events / seconds);
      return {
        load: 'backlog',
        problems,
        missed: [],
        text: `${events} events drained by ${load.instances} instances in ${seconds.toFixed(1)} s: ${perSecond} records/s, peak ${peak.map((mib) => mib.toFixed(0)).join(', ')} MiB`,
        figures: {
          ...{ events, instances: load.instances, seconds, per_second: perSecond, shares, repeated_results: accounts.repeated() },
          peak_mib: peak.map((mib) => Math.round(mib)),
          redis_mib: Math.round(await servers.redisMib()),
          memory: thinned(curve, mostPoints),
        },
      };
    } finally {
      memory.stop();
      await instances.kill();
    }
  } finally {
    await topics.remove();
    await servers.emptyRedis();
  }
}

/** By the ends of the topic, which costs nearly nothing beside the instances. */
async function untilThere({ events, say }: BacklogLoad, topics: Topics, rss: () => readonly number[]): Promise<void> {
  const deadline = performance.now() + Math.max(leastMs, (events / slowest) * 1000);
  let saidAt = performance.now();
  for (;;) {
    const there = await topics.count(topics.results);
    if (there >= events) return;
    if (performance.now() > deadline) throw new Error(`only ${there} results of ${events} are there, and time is up`);
    if (performance.now() - saidAt > sayEveryMs) {
      saidAt = performance.now();
      const mib = rss().map((one) => one.toFixed(0));
      say(`${there} of ${events} results; RSS ${mib.join(', ')} MiB`);
    }
    await sleep(lookEveryMs);
  }
}

async function readAll({ servers, events }: BacklogLoad, topics: Topics): Promise<ReturnType<typeof createAccounts>> {
  const accounts = createAccounts(events);
  const watch = await watchResults(servers.kafka(), topics, (result) => accounts.note(result));
  try {
    const there = await topics.count(topics.results);
    await watch.until(() => watch.read() >= there, Math.max(leastMs, events));
  } finally {
    await watch.stop();
  }
  return accounts;
}
