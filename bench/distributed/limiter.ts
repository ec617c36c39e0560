/**
 * How much of a rate instances use together, and whether any window holds more than it may, by the kernel's time of arrival
 * at a gateway that is never late.
 *
 *   node bench/distributed/limiter.ts [--rates 200,400] [--instances 1,2,4,8] [--seconds 20] [--delay 5] [--cli FILE]
 */
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Bench } from '../contenders.ts';
import { table } from '../numbers.ts';
import { makePlace } from '../place.ts';
import { startReceiver } from '../receiver/receiver.ts';
import { arrivalsOf, type Arrivals } from './arrivals.ts';
import { instructionMessages } from './events.ts';
import { startInstances } from './instances.ts';
import { newMeeting } from './meeting.ts';
import { startServers, type Servers } from './servers.ts';
import { fill, makeTopics } from './topics.ts';

const { values } = parseArgs({
  options: {
    rates: { type: 'string', default: '200,400' },
    instances: { type: 'string', default: '1,2,4,8' },
    seconds: { type: 'string', default: '20' },
    delay: { type: 'string', default: '5' },
    cli: { type: 'string', default: 'dist/src/cli.js' },
  },
});
const seconds = Number(values.seconds);
/** While instances join the group, read their first window of messages, and compile their code. */
const warmUpMs = 5_000;

interface Run extends Arrivals {
  readonly rate: number;
  readonly instances: number;
  readonly cpuSeconds: number;
  readonly load: number;
}

async function measure(bench: Bench, servers: Servers, { rate, count }: { rate: number; count: number }): Promise<Run> {
  const receiver = await startReceiver({ folder: bench.place.folder, delayMs: Number(values.delay) });
  const meeting = newMeeting(bench, servers);
  const kafka = servers.kafka();
  const topics = await makeTopics(bench, kafka, meeting);
  // More than can be paid meanwhile, so that every instance has work all the time.
  const events = Math.ceil(rate * (seconds + warmUpMs / 1000 + 10) * 1.5);
  await fill(kafka, topics, instructionMessages(events), events);
  const instances = startInstances(bench, { count, gateway: receiver.url, meeting, env: { DISPATCH_RATE: String(rate) } });
  let cpuSeconds = 0;
  const span = { from: 0, to: 0 };
  try {
    await instances.ready();
    await instances.during(sleep(warmUpMs));
    span.from = Date.now();
    const before = instances.cpuSeconds();
    await instances.during(sleep(seconds * 1000));
    cpuSeconds = instances.cpuSeconds() - before;
    span.to = Date.now();
  } finally {
    await instances.kill();
    await topics.remove();
    await servers.emptyRedis();
  }
  return { ...arrivalsOf(await receiver.stop(), { rate, ...span }), rate, instances: count, cpuSeconds, load: loadavg()[0] ?? 0 };
}

const place = await makePlace();
const servers = await startServers({ rewrites: false });
try {
  const runs: Run[] = [];
  for (const rate of values.rates.split(',').map(Number))
    for (const count of values.instances.split(',').map(Number)) {
      const run = await measure({ place, cli: values.cli, cores: availableParallelism() }, servers, { rate, count });
      process.stderr.write(
        `${rate}/s, ${count}: ${run.usedPercent.toFixed(2)} %, most over ${run.mostOver.toFixed(2)}, lost ${run.gaps}\n`,
      );
      runs.push(run);
    }
  const header = ['rate', 'instances', 'calls', 'rate used', 'over', 'most over', 'longest gap ms', 'lost in gaps', 'CPU cores', 'load'];
  const rows = runs.map((run) => [
    String(run.rate),
    String(run.instances),
    String(run.calls),
    `${run.usedPercent.toFixed(2)} %`,
    String(run.over),
    run.over === 0 ? '' : run.mostOver.toFixed(2),
    run.longestGapMs.toFixed(1),
    run.gaps,
    (run.cpuSeconds / seconds).toFixed(2),
    run.load.toFixed(1),
  ]);
  process.stdout.write(`${table(header, rows)}\n`);
} finally {
  await servers.stop();
  await place.remove();
}
