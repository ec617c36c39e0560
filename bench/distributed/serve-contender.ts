/** `serve`, from topic to topic, as a contender that can be killed, started again, and asked what became of each record. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { concurrency } from '../contenders.ts';
import type { Contender, Maker } from '../crash-contenders.ts';
import { reportedByDisburse, type OurResult } from '../crash-count.ts';
import { messagesOfFile, type InstructionMessage } from './events.ts';
import { startInstances, type Instances } from './instances.ts';
import { newMeeting } from './meeting.ts';
import type { Servers } from './servers.ts';
import { fill, makeTopics, watchResults } from './topics.ts';

/** As long without a new result, and nothing more is expected. */
const quietMs = 10_000;
const settlesWithinMs = 200_000;
const pollMs = 50;

interface SeenEvent extends OurResult {
  readonly error?: { readonly code: string };
}

/** The gateway has it and shows no session: only a webhook, a report or a person ends it. */
const isEnded = ({ final, error }: SeenEvent): boolean => final || error?.code === 'idempotency_key_already_exists';

/** All that was published on the results topic so far. */
interface Results {
  readonly events: readonly SeenEvent[];
  readonly open: ReadonlySet<string>;
  readonly known: ReadonlySet<string>;
  readonly lastAt: number;
}

export const serveName = 'disburse serve';

export const serveMaker = (servers: Servers): Maker => ({
  name: serveName,
  make: async ({ bench, gateway, inFlight = concurrency, keyLifetime }): Promise<Contender> => {
    const meeting = newMeeting(bench, servers);
    const kafka = servers.kafka();
    const topics = await makeTopics(bench, kafka, meeting, { copies: servers.copies });
    const seen = { events: [] as SeenEvent[], open: new Set<string>(), known: new Set<string>(), lastAt: 0 };
    const watch = await watchResults(servers.kafka(), topics, ({ recordId, value }) => {
      const event = JSON.parse(value.toString()) as SeenEvent;
      seen.events.push(event);
      seen.known.add(recordId);
      seen.lastAt = performance.now();
      if (isEnded(event)) seen.open.delete(recordId);
      else seen.open.add(recordId);
    });
    const published = new Map<string, readonly InstructionMessage[]>();
    let events = 0;
    const publish = async (file: string): Promise<readonly InstructionMessage[]> => {
      const known = published.get(file);
      if (known !== undefined) return known;
      const messages = messagesOfFile(await readFile(file, 'utf8'));
      published.set(file, messages);
      events += messages.length;
      await fill(kafka, topics, messages, events);
      return messages;
    };
    const env = {
      DISPATCH_CONCURRENCY: String(inFlight),
      ...(keyLifetime === undefined ? {} : { GATEWAY_KEY_LIFETIME: keyLifetime }),
    };
    const begin = (): Instances => startInstances(bench, { count: 1, gateway, meeting, env });

    return {
      start(file) {
        const started = publish(file).then(begin);
        return {
          ended: started.then((instances) => instances.during(new Promise<void>(() => undefined))),
          kill: async () => (await started).kill(),
        };
      },
      async finish(file) {
        const messages = await publish(file);
        const startedAt = performance.now();
        const instances = begin();
        try {
          await instances.during(untilSettled(seen, messages, () => topics.lag(meeting.KAFKA_GROUP)));
          const [cpuSeconds, [peakMib = 0]] = [instances.cpuSeconds(), instances.peakMib()];
          await instances.stop();
          return { seconds: (Math.max(seen.lastAt, startedAt) - startedAt) / 1000, cpuSeconds, peakMib };
        } finally {
          await instances.kill();
        }
      },
      told: async () => reportedByDisburse(seen.events),
      folders: [servers.redisFolder],
      async close() {
        await watch.stop();
        await topics.remove();
        await servers.emptyRedis();
      },
    };
  },
});

/** Every event is committed, and every record has ended; or nothing has come for a while. */
async function untilSettled(seen: Results, messages: readonly InstructionMessage[], lag: () => Promise<number>): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    await sleep(pollMs);
    const quietFor = performance.now() - Math.max(seen.lastAt, startedAt);
    const hasEnded = messages.every(({ key }) => seen.known.has(key)) && seen.open.size === 0;
    if ((hasEnded || quietFor > quietMs) && (await lag()) === 0) return;
    if (performance.now() - startedAt > settlesWithinMs) throw new Error(`${seen.open.size} records are open, and time is up`);
  }
}
