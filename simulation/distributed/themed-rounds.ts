/** The rounds of a schedule with a theme: instances, messages and losses where one kind of mistake shows. */
import { aboutAsLong, type Theme } from '../themes.ts';
import type { SharedWorld } from './instance.ts';
import type { Draw } from './schedule.ts';

export interface RoundSteps {
  readonly pass: (ms: number) => Promise<boolean>;
  readonly loseRedis: () => Promise<void>;
  /** Some messages, each within so long. */
  readonly publish: (withinMs: number) => void;
  /** One more instance. */
  readonly start: () => void;
}

const minuteMs = 60_000;

export const runThemedRounds = (theme: Theme, draw: Draw, steps: RoundSteps): Promise<void> =>
  theme === 'lease' ? suspendBeforeBytes(draw, steps) : rebuildLate(draw, steps);

/** What was sent, with its answer or its result lost, comes again in another partition, and Redis is lost when the key is about over. */
async function rebuildLate({ world, dice, promisedMs }: Draw, { pass, loseRedis, publish, start }: RoundSteps): Promise<void> {
  const lifetimeMs = promisedMs ?? minuteMs;
  const { topic, timeline, story } = world;
  for (let round = dice.between(1, 2); round > 0; round -= 1) {
    start();
    publish(2_000);
    // The terms of sends are published by then; what comes last is sent, and has no result.
    await pass(40_000);
    const earlier = topic.partitions.map(({ length }) => length);
    for (let times = 3; times > 0; times -= 1) publish(500);
    await pass(dice.between(300, 2_000));
    if (dice.chance(0.8)) for (const instance of world.instances) instance.kill('by a person');
    // No more than an instance can have read: a rebuild leaves the others alone.
    const sent = topic.partitions.flatMap((messages, partition) => (partition === 0 ? [] : messages.slice(earlier[partition])));
    for (const { key, value } of sent.slice(0, 3))
      timeline.plan(dice.between(0, lifetimeMs), () => {
        const recordId = String(key);
        story.tell('upstream', `publishes ${recordId} again, to 0`);
        topic.append(0, recordId, String(value));
      });
    await pass(aboutAsLong(dice, lifetimeMs));
    await loseRedis();
  }
}

/** Another instance takes over what the suspended one was about to send. */
async function suspendBeforeBytes({ world, dice, promisedMs }: Draw, { pass, publish, start }: RoundSteps): Promise<void> {
  for (let count = dice.between(2, 3); count > 0; count -= 1) start();
  await pass(3_000);
  // In a bunch: what waits for its permit has an intent for a while before its bytes leave.
  for (let times = 6; times > 0; times -= 1) publish(100 * times);
  const longMs = Math.round((promisedMs ?? minuteMs) * (1 + dice.next()));
  const left = new Set(world.instances.slice(1));
  for (let looks = 4_000; looks > 0 && left.size > 0; looks -= 1) {
    await pass(1);
    for (const instance of left)
      if (isAboutToSend(world, instance.name) && dice.chance(0.3)) {
        left.delete(instance);
        world.story.tell(instance.name, `is suspended for ${longMs / 1000} s before its bytes leave or arrive`);
        instance.machine.suspend(longMs);
        world.timeline.plan(10_000, () => world.topic.leave(instance.name));
      }
  }
  await pass(longMs + minuteMs);
}

/** Its intent is written, and no request of it has arrived. */
const isAboutToSend = ({ store, bank }: SharedWorld, name: string): boolean =>
  [...store.records.values()].some(
    ({ record: { recordId, leaseOwner, sends } }) =>
      leaseOwner === name && bank.arrivals.filter((arrival) => arrival.recordId === recordId).length < sends,
  );
