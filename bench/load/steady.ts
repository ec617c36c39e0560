/** Events at a steady rate for an hour: how long each waits for its first result, and what the instances hold, minute by minute. */
import type { Bench } from '../contenders.ts';
import { instructionMessages } from '../distributed/events.ts';
import { startInstances } from '../distributed/instances.ts';
import { backlogAt, endsOfParts, isKept, waitsOf, type Times } from '../distributed/latency.ts';
import { newMeeting } from '../distributed/meeting.ts';
import { publishSteadily } from '../distributed/pace.ts';
import type { Servers } from '../distributed/servers.ts';
import { makeTopics, openProducer, watchResults } from '../distributed/topics.ts';
import { startStub, type Stub } from '../stub-client.ts';
import type { StubMode } from '../stub/gateway.ts';
import { createAccounts, problemsOfGateway } from './accounts.ts';
import { growthOf, thinned, watchMemory, type MemoryPoint } from './memory.ts';
import type { Verdict } from './verdict.ts';

export const aims = { p99Ms: 1_000, growth: 1.15 } as const;
const leadMs = 1_000;
const leastDrainMs = 120_000;
/** After the end of a minute, until the waits of its events are known. */
const graceMs = 5_000;
const mostPoints = 60;

export interface SteadyLoad {
  readonly bench: Bench;
  readonly servers: Servers;
  readonly say: (line: string) => void;
  readonly rate: number;
  readonly seconds: number;
  readonly instances: number;
  readonly gateway: StubMode;
}

interface Minute {
  readonly minute: number;
  readonly p99Ms: number;
  readonly mib: readonly number[];
}

/** Equal parts of the schedule: minutes, or ten seconds each for a short one. */
const partsOf = (seconds: number): number => Math.max(1, Math.round(seconds / (seconds >= 120 ? 60 : 10)));

/** Of the events from one index up to another, those that have a result. */
function p99Of(times: Times, from: number, to: number): { readonly p99: number; readonly open: number } {
  const answered = times.answeredAt.subarray(from, to);
  if (answered.every((at) => at > 0)) return { p99: waitsOf(times, from, to).p99, open: 0 };
  return { p99: Number.POSITIVE_INFINITY, open: answered.filter((at) => at === 0).length };
}

/** Prints each part soon after it is over. */
function tellParts(
  load: SteadyLoad,
  times: Times,
  params: { readonly startAt: number; readonly rss: () => readonly number[] },
): { stop(): readonly (readonly number[])[] } {
  const { rate, seconds, say } = load;
  const parts = partsOf(seconds);
  const held: (readonly number[])[] = [];
  const timers = Array.from({ length: parts }, (_, part) => {
    const [from, to] = [part, part + 1].map((border) => Math.round((border / parts) * rate * seconds)) as [number, number];
    const endsAt = params.startAt + ((part + 1) / parts) * seconds * 1000;
    return setTimeout(
      () => {
        const { p99, open } = p99Of(times, from, to);
        held[part] = params.rss().map((mib) => Math.round(mib));
        const wait = open > 0 ? `${open} events without a result yet` : `p99 ${p99} ms`;
        say(`${Math.round(((part + 1) / parts) * seconds)} s of ${seconds}: ${wait}; RSS ${held[part].join(', ')} MiB`);
      },
      Math.max(0, endsAt + graceMs - Date.now()),
    );
  });
  return {
    stop() {
      for (const timer of timers) clearTimeout(timer);
      return held;
    },
  };
}

export async function loadSteadily(load: SteadyLoad): Promise<Verdict> {
  const stub = await startStub(load.gateway);
  try {
    return await withStub(load, stub);
  } finally {
    await stub.stop();
  }
}

async function withStub(load: SteadyLoad, stub: Stub): Promise<Verdict> {
  const { bench, servers, rate, seconds } = load;
  const events = rate * seconds;
  const accounts = createAccounts(events);
  const times: Times = { dueAt: new Float64Array(events), answeredAt: accounts.answeredAt };
  const meeting = newMeeting(bench, servers);
  const kafka = servers.kafka();
  const topics = await makeTopics(bench, kafka, meeting, { copies: servers.copies });
  const producer = await openProducer(kafka, topics.instructions);
  const watch = await watchResults(servers.kafka(), topics, (result) => accounts.note(result));
  const instances = startInstances(bench, { count: load.instances, gateway: stub.url, meeting });
  try {
    await instances.ready();
    const startAt = Date.now() + leadMs;
    const told = tellParts(load, times, { startAt, rss: instances.rssMib });
    const memory = watchMemory(instances.rssMib, Math.max(1_000, (seconds * 1000) / 400));
    const paced = await instances.during(
      publishSteadily({
        ...{ producer, messages: instructionMessages(events), rate, dueAt: times.dueAt, startAt },
        at: { share: 1, call: () => undefined },
      }),
    );
    const curve = memory.stop();
    await instances.during(watch.until(() => accounts.ended() === events, Math.max(leastDrainMs, seconds * 1000)));
    const held = told.stop();
    const peak = instances.peakMib();
    await instances.stop();
    // What was published again comes behind.
    const there = await topics.count(topics.results);
    await watch.until(() => watch.read() >= there, leastDrainMs);
    const letters = await topics.count(topics.deadLetters);
    const problems = [
      ...accounts.problems(),
      ...problemsOfGateway(await stub.accounts(), events),
      ...(letters === 0 ? [] : [`${letters} dead letters`]),
    ];
    return verdictOf(load, { times, startAt, lateMs: paced.lateMs, curve, held, peak, problems, repeated: accounts.repeated() });
  } finally {
    await instances.kill();
    await watch.stop();
    await producer.close();
    await topics.remove();
    await servers.emptyRedis();
  }
}

interface Ended {
  readonly times: Times;
  readonly startAt: number;
  readonly lateMs: number;
  readonly curve: readonly MemoryPoint[];
  readonly held: readonly (readonly number[])[];
  readonly peak: readonly number[];
  readonly problems: readonly string[];
  readonly repeated: number;
}

function verdictOf({ rate, seconds, instances, gateway }: SteadyLoad, ended: Ended): Verdict {
  const { times, startAt, lateMs, curve, problems } = ended;
  const events = rate * seconds;
  const parts = partsOf(seconds);
  const border = (part: number): number => Math.round((part / parts) * events);
  const isWhole = problems.length === 0;
  const minutes = Array.from({ length: parts }, (_, part): Minute => ({
    minute: Math.round((((part + 1) / parts) * seconds) / 6) / 10,
    p99Ms: isWhole ? waitsOf(times, border(part), border(part + 1)).p99 : Number.NaN,
    mib: ended.held[part] ?? [],
  }));
  const waits = waitsOf(times);
  const kept = isKept({ rate, backlogs: backlogAt(times, endsOfParts({ startAt, seconds, parts: seconds })), producerLateMs: lateMs });
  const growth = Math.round(growthOf(curve) * 1000) / 1000;
  const missed = [
    ...(kept ? [] : ['the rate was not kept']),
    ...(waits.p99 < aims.p99Ms ? [] : [`p99 ${waits.p99} ms is not under ${aims.p99Ms} ms`]),
    ...(growth <= aims.growth ? [] : [`memory grew by ${Math.round((growth - 1) * 100)} % from the second quarter to the last`]),
  ];
  return {
    load: 'steady',
    problems,
    missed,
    text: `${events} events at ${rate}/s for ${seconds} s, ${instances} instance(s), gateway ${gateway}: p50 ${waits.p50} ms, p99 ${waits.p99} ms, max ${waits.max} ms, peak ${ended.peak.map((mib) => mib.toFixed(0)).join(', ')} MiB, growth ${growth}`,
    figures: {
      ...{ events, rate, seconds, instances, gateway, kept, waits, growth, producer_late_ms: lateMs, repeated_results: ended.repeated },
      peak_mib: ended.peak.map((mib) => Math.round(mib)),
      minutes,
      memory: thinned(curve, mostPoints),
    },
  };
}
