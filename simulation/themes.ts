/**
 * One schedule in eight has a theme: its faults, settings and times meet where one kind of mistake shows, which those of other
 * schedules do once in thousands. The seed alone decides it, so that the other schedules do not depend on themes.
 */
import type { BankFaults, BankTerms } from './bank.ts';
import { createDice, type Dice } from './dice.ts';
import type { WebhookFaults } from './webhooks.ts';
import type { RunSettings, World } from './world.ts';

/**
 * - `clocks`: the wall clock is set while sends are open and their keys nearly over
 * - `header`: the header and the lifetime of keys change while sends are open
 * - `suspend`: the machine is suspended right after sends, until their keys are over
 * - `sessions`: one call opens two sessions that ask for confirmation, amounts are odd or hidden, and webhooks are doubled and late
 * - `rebuild`: instructions come several times, and Redis is lost when their keys are nearly over
 * - `lease`: an instance is suspended between intent and bytes, until the key is over
 */
const ofOneProcess = ['clocks', 'header', 'suspend', 'sessions'] as const;
const ofInstances = ['rebuild', 'lease'] as const;
export const themes = [...ofOneProcess, ...ofInstances] as const;
export type Theme = (typeof themes)[number];

const minuteMs = 60_000;
const share = 1 / 8;

/** Null for a schedule of every kind of fault. @param isShared of the distributed profile */
export function themeOf(seed: number, isShared = seed % 3 === 0): Theme | null {
  const dice = createDice(seed ^ 0x1b873593);
  if (!dice.chance(share)) return null;
  return isShared ? dice.pick(ofInstances) : dice.pick(ofOneProcess);
}

export interface Terms {
  readonly bank: BankTerms;
  readonly promisedMs: number | null;
}

const plain = (faults: BankFaults, some: Partial<BankFaults>): BankFaults => ({
  ...(Object.fromEntries(Object.keys(faults).map((name) => [name, 0])) as unknown as BankFaults),
  ...some,
});

/** Answers that get lost keep sends open, and keys are over soon after. */
export function leanTerms(theme: Theme | null, dice: Dice, terms: Terms): Terms {
  if (theme === null) return terms;
  const { bank } = terms;
  if (theme === 'sessions') {
    const faults = plain(bank.faults, {
      ...{ twoSessions: 0.5, otherAmount: dice.pick([0, 0.5]), noAmount: dice.pick([0, 0.5]), failEntry: dice.pick([0, 0.3]) },
      lateAnswer: dice.pick([0, 0.3]),
    });
    return { ...terms, bank: { ...bank, faults, confirm: 'manual' } };
  }
  const promisedMs = theme === 'header' ? 60 * minuteMs : dice.pick([5 * minuteMs, 20 * minuteMs]);
  const faults = plain(bank.faults, {
    lostAnswer: theme === 'lease' ? 0 : theme === 'rebuild' ? dice.pick([0.3, 0.6]) : dice.pick([1, 0.9, 0.5]),
  });
  return { promisedMs, bank: { ...bank, faults, keyMemoryMs: promisedMs, confirm: 'auto' } };
}

/** Webhooks would show the session of an answer that got lost. */
export function leanWebhooks(theme: Theme | null, faults: WebhookFaults | null): WebhookFaults | null {
  if (theme === null) return faults;
  return theme === 'sessions' ? { lost: 0, twice: 0.3, late: 0.3 } : null;
}

/** The operator promises what the gateway does. */
export function leanSettings(theme: Theme | null, dice: Dice, settings: RunSettings, terms: Pick<Terms, 'promisedMs'>): RunSettings {
  const { promisedMs } = terms;
  if (theme === null || theme === 'sessions') return settings;
  const usual = { ...settings, timeoutMs: 1_000, keyLifetimeMs: promisedMs, idempotencyHeader: 'X-PARTNER-IDEMPOTENCY-KEY' };
  if (theme === 'header') {
    const short = { ...usual, waitMs: dice.pick([1_000, 10_000]), rate: 'unlimited' } as const;
    return dice.pick([
      short,
      { ...short, keyLifetimeMs: minuteMs },
      { ...short, keyLifetimeMs: null, idempotencyHeader: 'X-Idempotency' },
      { ...short, keyLifetimeMs: null },
    ]);
  }
  return theme === 'lease' ? { ...usual, rate: dice.pick([1, 2, 5]) } : { ...usual, rate: 'unlimited', waitMs: 2 * minuteMs };
}

/** About as long as the gateway remembers a key. */
export const aboutAsLong = (dice: Dice, ms: number): number => Math.round(ms * (0.3 + 1.7 * dice.next()));

/** What happens to the machine while a run goes on. */
export function upsetRun(theme: Theme | null, { dice, machine, story, timeline }: World, promisedMs: number | null): void {
  if (theme !== 'suspend' || promisedMs === null) return;
  timeline.plan(dice.between(0, 15_000), () => {
    const ms = aboutAsLong(dice, promisedMs);
    story.tell('machine', `is suspended for ${ms / 1000} s`);
    machine.suspend(ms);
  });
}

/** Between two runs, while `ms` pass. */
export function upsetBetween(theme: Theme | null, { dice, machine, story, store }: World, ms: number): void {
  if (theme !== 'clocks') return;
  const set = (byMs: number): void => {
    story.tell('machine', `its wall clock is set by ${byMs / 1000} s`);
    machine.setWall(byMs);
  };
  const newestWall = store.times.get('newest_wall') ?? 0;
  switch (dice.pick(['back', 'back', 'restart', 'restart', 'forward', 'none'])) {
    case 'back':
      // As if hardly any time had passed.
      set(dice.between(0, 20_000) - ms);
      break;
    case 'restart':
      // A step that the machine cannot see, behind what the ledger has seen.
      if (newestWall > 0) set(newestWall - dice.between(3_000, 30_000) - machine.wall());
      story.tell('machine', 'is restarted');
      machine.restart();
      break;
    case 'forward':
      set(dice.pick([20_000, 60 * minuteMs]));
      break;
    case 'none':
  }
}
