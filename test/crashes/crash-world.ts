/** What the worlds of both profiles share: what they are asked to survive, and what they report. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dice } from '../../simulation/dice.ts';
import type { Running } from '../support/cli.ts';

/** How often each happened. */
export const noHarm = () => ({ kills: 0, stops: 0, clocks: 0, fullDisks: 0, redisKills: 0, brokerKills: 0 });
export type Harm = ReturnType<typeof noHarm>;

export interface CrashParams {
  readonly seed: number;
  readonly dice: Dice;
  readonly kills: number;
  readonly records: number;
  /** One process is stopped beyond the lease of its sends, which takes a while. */
  readonly hasLongStop: boolean;
  readonly hasClocks: boolean;
}

export interface CrashOutcome {
  readonly harm: Harm;
  readonly records: number;
  readonly succeeded: number;
  readonly unknown: number;
  readonly problems: readonly string[];
}

/** How it is with a lost answer now and then, and a gateway that has a bad moment. */
export const worldOptions = { faults: 'lost-answer=0.02,lost-request=0.01,http-500=0.01', confirm: 'auto' } as const;

export const hasEnded = ({ child }: Running): boolean => child.exitCode !== null || child.signalCode !== null;

/** @returns whether it was still alive */
export async function killed(running: Running): Promise<boolean> {
  const wasAlive = !hasEnded(running);
  running.kill('SIGKILL');
  const { signal } = await running.ended;
  return wasAlive && signal === 'SIGKILL';
}

/** As a virtual machine that is suspended, or a process that swaps. */
export async function stopped(running: Running, ms: number): Promise<boolean> {
  if (hasEnded(running)) return false;
  running.kill('SIGSTOP');
  await sleep(ms);
  running.kill('SIGCONT');
  return true;
}

/** Shifts the wall clock of a process, at its start or a little later. */
export const shiftedClock = (dice: Dice): Record<string, string> => ({
  NODE_OPTIONS: `--import ${new URL('../support/shifted-clock.ts', import.meta.url).href}`,
  CLOCK_SHIFT_MS: String(dice.pick([-2 * 3_600_000, -3_000, 20_000, 13 * 3_600_000])),
  CLOCK_SHIFT_AFTER_MS: String(dice.pick([0, dice.between(500, 3_000)])),
});
