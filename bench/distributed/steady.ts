/** Events at a steady rate, for long: how long each waits for its first result, and what the instances hold meanwhile. */
import type { Bench } from '../contenders.ts';
import type { SteadyOptions } from '../options.ts';
import { startStub, type Stub } from '../stub-client.ts';
import { startCosts, type Costs } from './costs.ts';
import { indexOfRecord, instructionMessages } from './events.ts';
import { startInstances } from './instances.ts';
import { backlogAt, endsOfParts, isKept, waitsOf, type Times, type Waits } from './latency.ts';
import { newMeeting } from './meeting.ts';
import { publishSteadily } from './pace.ts';
import type { Servers } from './servers.ts';
import { makeTopics, openProducer, watchResults, type Topics } from './topics.ts';

const mostParts = 10;
const settledFromSeconds = 60;
const leastSettledSeconds = 90;
/** The part of the rate that is asked for, one after the other, when it was not kept. */
const searched = [0.25, 0.5, 0.75, 1] as const;
/** What waits at the end is paid too, for so long at most: that many times the schedule, and some. */
const drainFactor = 4;
const leastDrainMs = 120_000;
/** Between readiness and the first event. */
const leadMs = 1_000;
const progressMs = 60_000;

/** MiB of each instance. */
export interface Memory {
  readonly start: readonly number[];
  readonly middle: readonly number[];
  readonly end: readonly number[];
  readonly peak: readonly number[];
}

export interface Part {
  readonly waits: Waits;
  /** At its end. */
  readonly backlog: number;
}

export interface SteadyRun {
  readonly rate: number;
  readonly seconds: number;
  readonly instances: number;
  readonly events: number;
  readonly kept: boolean;
  readonly waits: Waits;
  /** Without the first minute; undefined for a run that is hardly longer. */
  readonly settledWaits: Waits | undefined;
  /** Equal parts of the schedule, in their order. */
  readonly parts: readonly Part[];
  /** At the end of any second, the most events without a result. */
  readonly worstBacklog: number;
  readonly producerLateMs: number;
  /** Events that the group had not committed when the last one was published. */
  readonly lagAtEnd: number;
  /** From the last event's moment to the last first result. */
  readonly drainSeconds: number;
  /** Results that stand again on the topic beside a record's first. */
  readonly extraResults: number;
  readonly memory: Memory;
  /** What Redis' data take when all is paid, MiB. */
  readonly redisMib: number;
  readonly costs: Costs;
}

export interface SteadyReport {
  readonly runs: readonly SteadyRun[];
  /** Short runs at lower rates, for each number of instances that did not keep the asked one. */
  readonly search: readonly SteadyRun[];
}

export async function measureSteady(
  bench: Bench,
  params: { readonly options: SteadyOptions; readonly servers: Servers; readonly say: (line: string) => void },
): Promise<SteadyReport> {
  const { options, servers, say } = params;
  const { rate, seconds, searchSeconds } = options;
  const stub = await startStub('succeed');
  const checked = (run: SteadyRun): SteadyRun => {
    const { p50, p99, max } = run.waits;
    say(
      `${run.rate} events/s for ${run.seconds} s, ${run.instances} instance(s): ${run.kept ? 'kept' : 'not kept'}, p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`,
    );
    return run;
  };
  try {
    const runs: SteadyRun[] = [];
    const search: SteadyRun[] = [];
    for (const instances of new Set([1, options.instances])) {
      const run = checked(await runSteadily({ bench, servers, stub, say, rate, seconds, instances }));
      runs.push(run);
      if (run.kept) continue;
      for (const share of searched) {
        const tried = Math.max(1, Math.round(rate * share));
        const short = checked(await runSteadily({ bench, servers, stub, say, rate: tried, seconds: searchSeconds, instances }));
        search.push(short);
        if (!short.kept) break;
      }
    }
    return { runs, search };
  } finally {
    await stub.stop();
  }
}

interface Setting {
  readonly bench: Bench;
  readonly servers: Servers;
  readonly stub: Stub;
  readonly rate: number;
  readonly seconds: number;
  readonly instances: number;
  readonly say: (line: string) => void;
}

async function runSteadily(setting: Setting): Promise<SteadyRun> {
  const { bench, servers, stub, rate, seconds } = setting;
  const events = rate * seconds;
  const parts = Math.min(mostParts, seconds);
  const times: Times = { dueAt: new Float64Array(events), answeredAt: new Float64Array(events) };
  const finals = new Uint8Array(events);
  let answered = 0;
  let extraResults = 0;
  const meeting = newMeeting(bench, servers);
  const kafka = servers.kafka();
  const topics = await makeTopics(bench, kafka, meeting, { copies: servers.copies });
  const producer = await openProducer(kafka, topics.instructions);
  const watch = await watchResults(servers.kafka(), topics, ({ recordId, value, at }) => {
    const index = indexOfRecord(recordId);
    if (times.answeredAt[index] === 0) {
      times.answeredAt[index] = at;
      answered += 1;
    } else extraResults += 1;
    if (value.includes('"final":true')) finals[index] = 1;
  });
  await stub.reset();
  const instances = startInstances(bench, { count: setting.instances, gateway: stub.url, meeting });
  const progress = setInterval(
    () => setting.say(`${answered.toLocaleString('en')} of ${events.toLocaleString('en')} events have a result`),
    progressMs,
  );
  try {
    await instances.ready();
    const costsUntil = startCosts({ servers, stub, instances });
    const start = instances.rssMib();
    let middle: readonly number[] = start;
    const startAt = Date.now() + leadMs;
    const paced = await instances.during(
      publishSteadily({
        producer,
        messages: instructionMessages(events),
        rate,
        dueAt: times.dueAt,
        startAt,
        at: { share: 0.5, call: () => (middle = instances.rssMib()) },
      }),
    );
    const lagAtEnd = await topics.lag(meeting.KAFKA_GROUP);
    const end = instances.rssMib();
    const costs = costsUntil();
    const peak = instances.peakMib();
    await instances.during(watch.until(() => answered === events, Math.max(leastDrainMs, seconds * 1000 * drainFactor)));
    await instances.stop();
    // What was published again comes behind.
    const there = await topics.count(topics.results);
    await watch.until(() => watch.read() >= there, leastDrainMs);
    await check(setting, topics, times, finals);

    const backlogs = backlogAt(times, endsOfParts({ startAt, seconds, parts: seconds }));
    const partEnds = backlogAt(times, endsOfParts({ startAt, seconds, parts }));
    const border = (part: number): number => Math.round((part / parts) * events);
    const lastAnswerAt = times.answeredAt.reduce((latest, at) => Math.max(latest, at), 0);
    return {
      rate,
      seconds,
      instances: setting.instances,
      events,
      kept: isKept({ rate, backlogs, producerLateMs: paced.lateMs }),
      waits: waitsOf(times),
      settledWaits: seconds < leastSettledSeconds ? undefined : waitsOf(times, settledFromSeconds * rate),
      parts: partEnds.map((backlog, part) => ({ waits: waitsOf(times, border(part), border(part + 1)), backlog })),
      worstBacklog: Math.max(...backlogs),
      producerLateMs: paced.lateMs,
      lagAtEnd,
      drainSeconds: (lastAnswerAt - (times.dueAt.at(-1) ?? 0)) / 1000,
      extraResults,
      memory: { start, middle, end, peak },
      redisMib: await servers.redisMib(),
      costs,
    };
  } finally {
    clearInterval(progress);
    await instances.kill();
    await watch.stop();
    await producer.close();
    await topics.remove();
    await servers.emptyRedis();
  }
}

/** Every event was sent once and paid once, and has a final result. */
async function check({ stub }: Setting, topics: Topics, { answeredAt }: Times, finals: Uint8Array): Promise<void> {
  const events = answeredAt.length;
  const { calls, accepted } = await stub.stats();
  if (calls !== events || accepted !== events) throw new Error(`${calls} calls and ${accepted} payouts for ${events} events`);
  const letters = await topics.count(topics.deadLetters);
  if (letters > 0) throw new Error(`${letters} dead letters`);
  const without = finals.indexOf(0);
  if (without !== -1) throw new Error(`record ${without + 1} has no final result`);
}
