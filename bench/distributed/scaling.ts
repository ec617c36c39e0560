/**
 * Instances of `serve` where the gateway's latency is the limit and not the cores: each has 8 calls in flight, and every answer
 * takes 200 ms, so that one can make 40 calls a second. There is more to pay than can be paid meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../contenders.ts';
import { spread, table, median, rotated } from '../numbers.ts';
import { startStub, type Stub } from '../stub-client.ts';
import { startCosts } from './costs.ts';
import { instructionMessages } from './events.ts';
import { startInstances } from './instances.ts';
import { newMeeting } from './meeting.ts';
import type { Servers } from './servers.ts';
import { fill, makeTopics } from './topics.ts';

const latencyMs = 200;
const inFlight = 8;
const callsPerSecond = (inFlight * 1000) / latencyMs;
export const scaled = [1, 2, 4, 8] as const;
/** The same share for each of them. */
const partitions = 48;
/** While the last of them joins the group and code is compiled. */
const warmUpMs = 5_000;

export interface Scaled {
  readonly instances: number;
  readonly round: number;
  readonly callsPerSecond: number;
  /** Of all instances together. */
  readonly cores: number;
  readonly othersShare: number;
}

export async function measureScaling(
  bench: Bench,
  params: { readonly seconds: number; readonly rounds: number; readonly servers: Servers; readonly say: (line: string) => void },
): Promise<readonly Scaled[]> {
  const { seconds, rounds, servers, say } = params;
  const stub = await startStub('succeed', { latencyMs, faultShare: 0 });
  try {
    const runs: Scaled[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      for (const instances of rotated(scaled, round - 1)) {
        const one = { ...(await scaleOnce({ bench, servers, stub, seconds, instances })), instances, round };
        runs.push(one);
        say(`${instances} instance(s), round ${round}: ${one.callsPerSecond.toFixed(1)} calls/s, ${one.cores.toFixed(2)} cores`);
      }
    }
    return runs;
  } finally {
    await stub.stop();
  }
}

async function scaleOnce(params: {
  readonly bench: Bench;
  readonly servers: Servers;
  readonly stub: Stub;
  readonly seconds: number;
  readonly instances: number;
}): Promise<Omit<Scaled, 'instances' | 'round'>> {
  const { bench, servers, stub, seconds } = params;
  const meeting = newMeeting(bench, servers);
  const kafka = servers.kafka();
  const topics = await makeTopics(bench, kafka, meeting, { partitions, copies: servers.copies });
  await stub.reset();
  const instances = startInstances(bench, {
    count: params.instances,
    gateway: stub.url,
    meeting,
    env: { DISPATCH_CONCURRENCY: String(inFlight) },
  });
  try {
    await instances.ready();
    const events = Math.ceil(callsPerSecond * params.instances * (seconds + warmUpMs / 1000 + 10) * 1.5);
    await fill(kafka, topics, instructionMessages(events), events);
    await instances.during(sleep(warmUpMs));
    const costsUntil = startCosts({ servers, stub, instances });
    const [before, startedAt] = [await stub.stats(), performance.now()];
    await instances.during(sleep(seconds * 1000));
    const [after, endedAt] = [await stub.stats(), performance.now()];
    const costs = costsUntil();
    if (after.calls === events) throw new Error('everything was paid before the time was up');
    if (after.accepted !== after.calls) throw new Error(`${after.calls} calls and ${after.accepted} payouts`);
    await instances.stop();
    const ids = (await stub.calls()).map(({ record_id }) => record_id);
    if (new Set(ids).size !== ids.length) throw new Error('a record was sent twice');
    return {
      callsPerSecond: ((after.calls - before.calls) * 1000) / (endedAt - startedAt),
      cores: costs.disburse / costs.wallSeconds,
      othersShare: costs.othersShare,
    };
  } finally {
    await instances.kill();
    await topics.remove();
    await servers.emptyRedis();
  }
}

/** Calls a second against those of one instance in the same round. */
export function scalingOf(runs: readonly Scaled[], instances: number): readonly number[] {
  const ones = new Map(runs.filter((run) => run.instances === 1).map((run) => [run.round, run.callsPerSecond]));
  return runs.filter((run) => run.instances === instances).map((run) => run.callsPerSecond / (ones.get(run.round) ?? Number.NaN));
}

export function tellScaling(runs: readonly Scaled[]): string {
  const lines = scaled.map((instances) => {
    const of = runs.filter((run) => run.instances === instances);
    const rates = of.map((run) => run.callsPerSecond);
    return [
      String(instances),
      spread(rates, 1),
      `${((median(rates) * 100) / (instances * callsPerSecond)).toFixed(1)} %`,
      spread(scalingOf(runs, instances), 2),
      spread(
        of.map(({ cores }) => cores),
        2,
      ),
      spread(of.map(({ othersShare }) => othersShare * 100)),
    ];
  });
  const header = ['instances', 'calls/s', 'of what the latency allows', 'times one instance', 'CPU in cores', 'others %'];
  const legend = `Answers after ${latencyMs} ms, ${inFlight} calls in flight each: at most ${callsPerSecond} calls/s an instance. Measured ${warmUpMs / 1000} s after the last event was published, while every instance has work; ${partitions} partitions. Times one instance: in the same round.`;
  return `${table(header, lines)}\n\n${legend}`;
}
