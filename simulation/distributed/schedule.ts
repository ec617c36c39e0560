/**
 * A schedule of the distributed profile: instances that come, die, stand still and meet over one topic, one ledger and one
 * gateway, and a Redis that may lose everything. All of it from one seed.
 */
import { createAuditChain } from '../../batches/audit/hash-chain.ts';
import { createFingerprints } from '../../batches/record/fingerprint.ts';
import { createKeyDerivation } from '../../batches/record/idempotency-key.ts';
import { createMemoryStore, restoreMemoryStore, type MemoryStore } from '../../src/ledger/memory/ledger.ts';
import { createBank } from '../bank.ts';
import { createDice, type Dice } from '../dice.ts';
import { violationsOf } from '../invariants.ts';
import { createMachine } from '../machine.ts';
import { createPerson, type Person } from '../operator.ts';
import { drawSettings, drawTerms, type ScheduleResult } from '../schedule.ts';
import { createStory } from '../story.ts';
import { leanSettings, leanTerms, leanWebhooks, themeOf, type Theme } from '../themes.ts';
import { createTimeline } from '../timeline.ts';
import { createWebhooks, drawWebhookFaults } from '../webhooks.ts';
import type { RunSettings } from '../world.ts';
import { startInstance, type InstanceParams, type SharedWorld } from './instance.ts';
import { rebuildLedger } from './loss.ts';
import { publishedOnce, unanswered } from './results.ts';
import { runThemedRounds, type RoundSteps } from './themed-rounds.ts';
import { createTopic } from './topic.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const ledgerKey = Buffer.alloc(32, 7);
const fingerprints = createFingerprints(ledgerKey);
const audit = createAuditChain(ledgerKey);
const keys = createKeyDerivation('simulation');

const eventText = (recordId: string, amount: number, batchId: string | undefined): string =>
  JSON.stringify({
    record_id: recordId,
    kind: 'payout',
    ...(batchId === undefined ? {} : { batch_id: batchId }),
    amount_details: { amount, currency: 'eur' },
    payment_method: {
      type: 'wallet',
      wallet: { type: 'global', global: { name: 'examplepay', msisdn: '+639171234567', description: recordId } },
    },
  });

export interface Draw {
  readonly world: SharedWorld;
  readonly theme: Theme | null;
  readonly dice: Dice;
  readonly promisedMs: number | null;
  readonly recordIds: readonly [string, ...string[]];
}

function drawWorld(seed: number): Draw {
  const dice = createDice(seed);
  const timeline = createTimeline();
  const story = createStory(timeline.elapsed);
  const theme = themeOf(seed);
  const { bank: terms, promisedMs } = leanTerms(theme, dice, drawTerms(dice));
  const webhookFaults = leanWebhooks(theme, drawWebhookFaults(dice));
  const notify = createWebhooks(dice, webhookFaults, () => world);
  const machine = createMachine(timeline);
  const instances: SharedWorld['instances'] = [];
  const world: SharedWorld = {
    ...{ timeline, machine, dice, story, keys, fingerprints, audit, instances },
    bank: createBank({ terms, dice, timeline, story, notify }),
    store: createMemoryStore(),
    writes: 0,
    topic: createTopic({
      timeline,
      brokerTime: machine.wall,
      partitionCount: theme === null ? dice.between(1, 3) : 3,
      noticeMs: () => dice.between(0, 2_000),
    }),
    ...{ results: [], alerts: [], requests: [], deadLetters: [] },
    persons: { endedAt: new Map(), mistaken: new Set(), answered: 0 },
    gates: null,
    hasWebhooks: webhookFaults !== null,
    // A load balancer: any of those that live.
    get webhooks() {
      const open = instances.filter((one) => one.takeWebhook !== null);
      return open[dice.between(0, Math.max(0, open.length - 1))]?.takeWebhook ?? null;
    },
  };
  const recordIds = ['a', 'b', 'c', 'd', 'e', 'f'].slice(0, theme === null ? dice.between(2, 6) : 6) as [string, ...string[]];
  return { world, theme, dice, promisedMs, recordIds };
}

/** Some record ids come again, with the same or other content, in the same or another partition. */
function publishEvents({ world, dice, recordIds }: Draw, withinMs: number): void {
  const { topic, timeline, story } = world;
  for (let events = dice.between(1, 6); events > 0; events -= 1)
    timeline.plan(dice.between(0, withinMs), () => {
      const recordId = dice.pick(recordIds);
      const partition = dice.chance(0.7) ? recordId.charCodeAt(0) % topic.partitions.length : dice.between(0, topic.partitions.length - 1);
      const amount = dice.chance(0.85) ? 1_000 : 2_000;
      const isBroken = dice.chance(0.05);
      story.tell('upstream', `publishes ${recordId} of ${amount} to ${partition}${isBroken ? ', broken' : ''}`);
      topic.append(partition, recordId, isBroken ? '{"record_id": ' : eventText(recordId, amount, dice.pick([undefined, 'may'])));
    });
}

/** Instances are suspended, die, end on a signal, or go on, at random moments of the next while. */
function upsetInstances({ world, dice }: Draw, withinMs: number): void {
  for (const instance of world.instances.filter((one) => one.isAlive())) {
    const what = dice.pick(['nothing', 'nothing', 'suspend', 'kill', 'stop', 'clock']);
    world.timeline.plan(dice.between(0, withinMs), () => {
      if (!instance.isAlive()) return;
      if (what === 'kill') instance.kill('by a person');
      else if (what === 'stop') instance.stop();
      else if (what === 'clock') instance.machine.setWall(dice.pick([-2 * hourMs, -3_000, 20_000, 13 * hourMs]));
      else if (what === 'suspend') {
        const ms = dice.pick([3_000, 40_000, 10 * minuteMs, 13 * hourMs]);
        world.story.tell(instance.name, `is suspended for ${ms / 1000} s`);
        instance.machine.suspend(ms);
        // The group notices when it is gone for longer than its session.
        if (ms > 10_000) world.timeline.plan(10_000, () => world.topic.leave(instance.name));
      }
    });
  }
}

/**
 * Null where instances have several headers: a rebuild takes the header of the newest result for that of a send without one. A
 * ledger of the program is bound to one header, and refuses an instance with another one.
 */
const rebuildLifetime = ({ theme, promisedMs }: Draw): number | null => (theme === null ? null : promisedMs);

async function loseRedis(draw: Draw): Promise<void> {
  const { world } = draw;
  world.story.tell('redis', 'loses everything');
  for (const instance of world.instances) instance.kill('as Redis lost its data');
  await world.timeline.run(() => false, world.timeline.elapsed() + minuteMs);
  await rebuildLedger(world, rebuildLifetime(draw));
}

interface Copy {
  readonly store: MemoryStore;
  readonly writes: number;
}

const copyOf = ({ store, writes }: SharedWorld): Copy => ({ store: structuredClone(store), writes });

/** Redis comes back with an older copy. Each instance notices at its next write, and a person then ends the others and rebuilds. */
async function putOlderBack(draw: Draw, copy: Copy): Promise<void> {
  const { world, dice } = draw;
  world.story.tell('redis', `has an older copy of its data: ${copy.writes} of ${world.writes} writes`);
  restoreMemoryStore(world.store, copy.store);
  world.writes = copy.writes;
  await world.timeline.run(() => false, world.timeline.elapsed() + dice.pick([100, 10_000]));
  for (const instance of world.instances) instance.kill('as Redis has an older copy');
  await world.timeline.run(() => false, world.timeline.elapsed() + minuteMs);
  await rebuildLedger(world, rebuildLifetime(draw));
}

/** Only instances that are suspended live through a long time: the others cost too much in it. */
async function passLong({ world }: Draw, ms: number): Promise<void> {
  const isAwake = (machine: SharedWorld['machine'], before: number): boolean => machine.monotonic() > before;
  const befores = new Map(world.instances.map((one) => [one, one.machine.monotonic()]));
  await world.timeline.run(() => false, world.timeline.elapsed() + 1_000);
  for (const [instance, before] of befores) if (instance.isAlive() && isAwake(instance.machine, before)) instance.stop();
  await world.timeline.run(() => false, world.timeline.elapsed() + ms);
}

interface Rounds {
  readonly person: Person | null;
  readonly brokenWrites: number;
  readonly pass: (ms: number) => Promise<boolean>;
  readonly start: (settings: RunSettings, faults: Pick<InstanceParams, 'killAt' | 'brokenWrites'>) => void;
}

async function runRounds(draw: Draw, { person, brokenWrites, pass, start }: Rounds): Promise<void> {
  const { world, dice, promisedMs } = draw;
  let copy = copyOf(world);
  for (let round = dice.between(2, 5); round > 0; round -= 1) {
    const living = world.instances.filter((one) => one.isAlive()).length;
    for (let more = dice.between(living === 0 ? 1 : 0, 3 - Math.min(living, 2)); more > 0; more -= 1)
      start(
        { ...drawSettings(dice, promisedMs), waitMs: 20 * minuteMs, pollMs: dice.pick([1_000, 10_000]) },
        { killAt: dice.pick([0, 0.002, 0.01]), brokenWrites },
      );
    const ms = dice.pick([5_000, minuteMs, 5 * minuteMs]);
    publishEvents(draw, ms);
    person?.planActs();
    upsetInstances(draw, ms);
    await pass(ms);
    const loss = dice.next();
    if (loss < 0.2) await loseRedis(draw);
    else if (loss < 0.45 && copy.writes < world.writes) await putOlderBack(draw, copy);
    if (loss < 0.45 || dice.chance(0.3)) copy = copyOf(world);
    if (dice.chance(0.2)) await passLong(draw, dice.pick([20 * minuteMs, 13 * hourMs]));
  }
}

/** Runs the schedule of this seed; see `runSchedule`. */
export async function runSharedSchedule(seed: number): Promise<ScheduleResult> {
  const draw = drawWorld(seed);
  const { world, theme, dice, promisedMs, recordIds } = draw;
  const { timeline, bank, story } = world;
  const person =
    dice.chance(0.5) && theme === null ? createPerson({ world, dice, batchIds: ['events-2026-11-21', 'may'], recordIds }) : null;
  const brokenWrites = dice.pick([0, 0, 0.002]);
  const publishMs = theme === 'rebuild' ? dice.pick([0, 5_000, 5_000]) : dice.pick([0, 0, 5_000]);
  let started = 0;
  let kills = 0;
  const start = (settings: RunSettings, faults: Pick<InstanceParams, 'killAt' | 'brokenWrites'>): void => {
    const instance = startInstance({ world, name: `instance ${(started += 1)}`, settings, publishMs, ...faults });
    world.instances.push(instance);
    void instance.ended.then((how) => {
      if (how === 'killed') kills += 1;
    });
  };
  const pass = (ms: number): Promise<boolean> => timeline.run(() => false, timeline.elapsed() + ms);
  const settings = (): RunSettings => leanSettings(theme, dice, drawSettings(dice, promisedMs), { promisedMs });
  const steps: RoundSteps = {
    pass,
    loseRedis: () => loseRedis(draw),
    publish: (withinMs) => publishEvents(draw, withinMs),
    start: () => start({ ...settings(), waitMs: 20 * minuteMs, pollMs: 10_000 }, { killAt: 0, brokenWrites: 0 }),
  };
  if (theme === null) await runRounds(draw, { person, pass, start, brokenWrites });
  else await runThemedRounds(theme, draw, steps);
  bank.heal();
  for (const instance of world.instances) instance.kill('at the end of its faults');
  await pass(15_000);
  person?.leave();
  if (person === null) world.requests.push({ type: 'resume', batchId: null, by: 'operator', reason: 'simulated' });
  start({ ...settings(), rate: 'unlimited', waitMs: 20 * hourMs, pollMs: minuteMs }, { killAt: 0, brokenWrites: 0 });
  await pass(5 * hourMs);
  for (const instance of world.instances.filter((one) => one.isAlive())) instance.stop();
  await pass(minuteMs);
  const violations = [...violationsOf({ ...world, webhooks: null, results: publishedOnce(world.results) }), ...unanswered(world)];
  return {
    ...{ seed, violations, kills },
    story: story.lines(),
    payments: bank.payments.length,
    alerts: world.alerts.length,
    commands: world.persons.answered,
    decisions: 0,
  };
}
