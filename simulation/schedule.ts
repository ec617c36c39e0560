/** One schedule: a world, its faults, and processes that run files in it until everything has ended. All of it from one seed. */
import { createAuditChain } from '../batches/audit/hash-chain.ts';
import { createFingerprints } from '../batches/record/fingerprint.ts';
import { createKeyDerivation } from '../batches/record/idempotency-key.ts';
import { createMemoryStore } from '../src/ledger/memory/ledger.ts';
import { createBank, type BankFaults } from './bank.ts';
import { createDice, type Dice } from './dice.ts';
import { drawGates, drawRunGates, perhapsOtherwise } from './gates.ts';
import { createOfficer } from './officer.ts';
import { drawFile, type SimulatedFile } from './files.ts';
import { stillMoving, violationsOf } from './invariants.ts';
import { createCopies, whyNotPaid } from './older-ledger.ts';
import { createPerson, type Person } from './operator.ts';
import { runSharedSchedule } from './distributed/schedule.ts';
import { aboutAsLong, leanSettings, leanTerms, leanWebhooks, themeOf, upsetBetween, upsetRun, type Terms, type Theme } from './themes.ts';
import { createWebhooks, drawWebhookFaults } from './webhooks.ts';
import { startProcess, type ProcessEnd } from './process.ts';
import type { RunSettings, World } from './world.ts';
import { createMachine } from './machine.ts';
import { createStory } from './story.ts';
import { createTimeline } from './timeline.ts';

export interface ScheduleResult {
  readonly seed: number;
  /** A sentence for each thing that does not hold; empty when all is well. */
  readonly violations: readonly string[];
  readonly story: readonly string[];
  readonly kills: number;
  readonly payments: number;
  readonly alerts: number;
  /** What persons asked for and got an answer to. */
  readonly commands: number;
  /** Files that were approved or refused. */
  readonly decisions: number;
}

const hourMs = 3_600_000;
const minuteMs = 60_000;
/** No run of a schedule takes longer than this in its own time. */
const longestRunMs = 16 * hourMs;
/** Far more than any schedule needs until its limit of a day has let everything through. */
const mostDays = 30;
const usualHeader = 'X-PARTNER-IDEMPOTENCY-KEY';
const ledgerKey = Buffer.alloc(32, 7);
const fingerprints = createFingerprints(ledgerKey);
const audit = createAuditChain(ledgerKey);
const keys = createKeyDerivation('simulation');

/** Most schedules have a few kinds of faults, so that each is also seen alone. */
function drawFaults(dice: Dice): BankFaults {
  const rate = (likely: number): number => (dice.chance(0.25) ? likely : 0);
  return {
    lostRequest: rate(0.3),
    lostAnswer: rate(0.4),
    lateAnswer: rate(0.3),
    serverError: rate(0.3),
    tooMany: rate(0.2),
    refuse: rate(0.2),
    maintenancePage: rate(0.2),
    errorWithSession: rate(0.3),
    noMetadata: rate(0.3),
    noAmount: rate(0.2),
    otherAmount: rate(0.2),
    secondEntry: rate(0.4),
    sessionError: rate(0.2),
    failEntry: rate(0.3),
    statusFails: rate(0.3),
    sharedSession: rate(0.2),
    twoSessions: 0,
  };
}

/** The gateway surely remembers a key for as long as the setting says, and forgets it soon afterwards. */
export function drawTerms(dice: Dice): Terms {
  const promisedMs = dice.pick([null, 5 * minuteMs, hourMs, 12 * hourMs]);
  return {
    promisedMs,
    bank: {
      faults: drawFaults(dice),
      keyMemoryMs: promisedMs ?? dice.pick([0, minuteMs, hourMs]),
      header: usualHeader,
      onKnownKey: dice.pick(['error', 'session']),
      confirm: dice.pick(['auto', 'manual']),
      confirmWithinMs: 240 * minuteMs,
    },
  };
}

const atMost = (dice: Dice, promisedMs: number | null): number | null =>
  promisedMs === null ? null : Math.floor(promisedMs * dice.pick([1, 1, 1, 0.5, 0.05]));

export function drawSettings(dice: Dice, promisedMs: number | null): RunSettings {
  const idempotencyHeader = dice.chance(0.9) ? usualHeader : 'X-Idempotency';
  return {
    // An operator may leave the setting out, and never promises more than the gateway does: under another header it remembers nothing.
    keyLifetimeMs: idempotencyHeader === usualHeader && dice.chance(0.8) ? atMost(dice, promisedMs) : null,
    idempotencyHeader,
    rate: dice.pick(['unlimited', 50, 5]),
    concurrency: dice.pick([1, 4, 32]),
    timeoutMs: dice.pick([1_000, 30_000]),
    waitMs: dice.pick([1_000, 10_000, 2 * minuteMs]),
    pollMs: dice.pick([100, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000]),
  };
}

/** What a schedule draws before it begins. */
interface Draw {
  readonly world: World;
  readonly theme: Theme | null;
  readonly promisedMs: number | null;
  readonly files: readonly SimulatedFile[];
  readonly person: Person | null;
  /** Of persons and webhooks: a schedule without them does not depend on it. */
  readonly otherDice: Dice;
}

function drawWorld(seed: number): Draw {
  const dice = createDice(seed);
  const timeline = createTimeline();
  const story = createStory(timeline.elapsed);
  const theme = themeOf(seed);
  const { bank: terms, promisedMs } = leanTerms(theme, dice, drawTerms(dice));
  const otherDice = createDice(seed ^ 0x5bd1e995);
  const webhookFaults = leanWebhooks(theme, drawWebhookFaults(otherDice));
  const notify = createWebhooks(otherDice, webhookFaults, () => world);
  const bank = createBank({ terms, dice, timeline, story, notify });
  const machine = createMachine(timeline);
  const kept = { store: createMemoryStore(), results: [], alerts: [], requests: [] };
  const persons = { endedAt: new Map<string, number>(), mistaken: new Set<string>(), answered: 0 };
  const webhooks = { webhooks: null, hasWebhooks: webhookFaults !== null };
  const recordIds = ['a', 'b', 'c', 'd', 'e', 'f'].slice(0, dice.between(2, 6)) as [string, ...string[]];
  const files = Array.from({ length: dice.between(1, 2) }, () => drawFile(dice, recordIds));
  const gates = theme === null ? drawGates(seed, files, machine.wall()) : null;
  const world: World = { timeline, machine, dice, story, bank, keys, fingerprints, audit, ...kept, persons, ...webhooks, gates };
  const batchIds = files.map(({ batchId }) => batchId) as [string, ...string[]];
  const person = otherDice.chance(0.4) || theme !== null ? null : createPerson({ world, dice: otherDice, batchIds, recordIds });
  return { world, theme, promisedMs, files, person, otherDice };
}

/** Steps of the wall clock, restarts of the machine, and a suspension in the middle of the next run. */
function upsetClocks({ dice, story, machine, timeline }: World): void {
  // A step back during a restart is seen by no clock of the machine: that is the limit of what can be promised.
  const isRestarted = dice.chance(0.3);
  if (dice.chance(0.5)) {
    const stepMs = isRestarted
      ? dice.pick([20_000, 2 * hourMs, 24 * hourMs])
      : dice.pick([-13 * hourMs, -hourMs, -20_000, -3_000, 20_000, 2 * hourMs, 24 * hourMs]);
    story.tell('machine', `its wall clock is set by ${stepMs / 1000} s`);
    machine.setWall(stepMs);
  }
  if (isRestarted) {
    story.tell('machine', 'is restarted');
    machine.restart();
  }
  if (dice.chance(0.5))
    timeline.plan(dice.between(0, 20_000), () => {
      const ms = dice.pick([10_000, 10 * minuteMs, 13 * hourMs]);
      story.tell('machine', `is suspended for ${ms / 1000} s`);
      machine.suspend(ms);
    });
}

/** Every third one is of the distributed profile. */
export const runSchedule = (seed: number): Promise<ScheduleResult> => (seed % 3 === 0 ? runSharedSchedule(seed) : runOwnSchedule(seed));

const refusalsOf = (refusal: string | null): readonly string[] => (refusal === null ? [] : [`the newest ledger is refused: ${refusal}`]);

/** The time between two runs: minutes, or so long that every key is forgotten. */
function drawPause(theme: Theme | null, dice: Dice, promisedMs: number | null): number {
  const ms = dice.pick([0, minuteMs, hourMs, 13 * hourMs]);
  if (theme === 'clocks' && promisedMs !== null) return aboutAsLong(dice, promisedMs);
  return theme === null ? ms : Math.min(ms, minuteMs);
}

async function runOwnSchedule(seed: number): Promise<ScheduleResult> {
  const { world, theme, promisedMs, files, person, otherDice } = drawWorld(seed);
  const { dice, timeline, story, bank, gates } = world;
  const officer = gates === null ? null : createOfficer(world, gates);
  const violations: string[] = [];
  let kills = 0;
  let runs = 0;
  const run = async (file: SimulatedFile | null, settings: RunSettings, killAt: number, brokenWrites = 0): Promise<void> => {
    let end: ProcessEnd | undefined;
    const asked = gates === null ? {} : { gates: drawRunGates(gates, world.store) };
    const process = startProcess({ world, name: `run ${++runs}`, settings, file, killAt, brokenWrites, ...asked });
    void process.ended.then((how) => (end = how));
    const isOver = await timeline.run(() => end !== undefined, timeline.elapsed() + longestRunMs);
    if (!isOver || end === undefined) violations.push(`run ${runs} never ended`);
    if (end === 'killed') kills += 1;
  };
  const settings = (): RunSettings => leanSettings(theme, dice, drawSettings(dice, promisedMs), { promisedMs });
  const hasOddClocks = dice.chance(0.4) && theme === null;
  const brokenWrites = theme === null ? otherDice.pick([0, 0, 0.02, 0.1]) : 0;
  const copies = theme === null && otherDice.chance(0.2) ? createCopies(world) : null;
  const rounds = dice.between(1, 4);
  for (let round = 0; round < rounds; round += 1) {
    for (const file of files) {
      person?.planActs();
      officer?.planActs();
      upsetRun(theme, world, promisedMs);
      const version = perhapsOtherwise(gates, file);
      await run(version, settings(), dice.pick(theme === null ? [0, 0.005, 0.02, 0.1] : [0, 0, 0, 0.01]), brokenWrites);
    }
    if (person !== null && otherDice.chance(0.3)) await run(null, drawSettings(dice, promisedMs), dice.pick([0, 0.02, 0.1]));
    const pauseMs = drawPause(theme, dice, promisedMs);
    await timeline.run(() => false, timeline.elapsed() + pauseMs);
    upsetBetween(theme, world, pauseMs);
    if (hasOddClocks) upsetClocks(world);
    copies?.take();
    if (copies !== null && otherDice.chance(0.4) && copies.putOlderBack()) {
      const refusal = await whyNotPaid(world);
      if (refusal === null) continue;
      story.tell('disburse', `refuses: ${refusal}`);
      copies.putNewestBack();
    }
  }
  // The newest ledger is one that pays.
  if (copies !== null) violations.push(...refusalsOf(await whyNotPaid(world)));
  bank.heal();
  person?.leave();
  officer?.leave();
  const runQuietly = async (restMs: number): Promise<void> => {
    for (const file of files) {
      await run(file, { ...settings(), waitMs: 20 * minuteMs, pollMs: 1_000 }, 0);
      await timeline.run(() => false, timeline.elapsed() + restMs);
    }
  };
  await runQuietly(6 * hourMs);
  officer?.decideRest();
  // A file that reads differently ends its run before a command is carried out.
  if (gates !== null) await run(null, drawSettings(dice, promisedMs), 0);
  await runQuietly(6 * hourMs);
  // A day lets through what its limit allows, and the gateway ends what no person confirms.
  for (let days = 0; gates !== null && days < mostDays && stillMoving(world).length > 0; days += 1) await runQuietly(24 * hourMs);
  violations.push(...violationsOf(world));
  return {
    seed,
    violations,
    story: story.lines(),
    kills,
    payments: bank.payments.length,
    alerts: world.alerts.length,
    commands: world.persons.answered,
    decisions: (gates?.approved.size ?? 0) + (gates?.refused.size ?? 0),
  };
}
