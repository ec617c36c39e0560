/** What is fuzzed: one reader each, with everything that must hold whatever it is given. */
import { createDice } from '../../simulation/dice.ts';
import { mutate, type Material } from './mutator.ts';

export interface Target extends Material {
  readonly name: string;
  /** How many of a thousand inputs it gets in the full form. */
  readonly share: number;
  /** Fails when something does not hold. */
  run(bytes: Buffer): void | Promise<void>;
  close(): void | Promise<void>;
}

/** The input of this number, which is the same whatever came before it. */
export const inputOf = (target: Material & Pick<Target, 'name'>, seed: number, number: number): Buffer =>
  mutate(target, createDice(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b) ^ nameHash(target.name)));

const nameHash = (name: string): number => [...name].reduce((hash, sign) => Math.imul(hash, 31) + sign.charCodeAt(0), 7);

export interface Failure {
  readonly number: number;
  readonly bytes: Buffer;
  readonly cause: unknown;
}

export interface Inputs {
  readonly seed: number;
  readonly first: number;
  readonly count: number;
  /** Called before each input. */
  readonly onInput?: (number: number) => void;
}

/** @returns the first input for which something does not hold */
export async function fuzz(target: Target, { seed, first, count, onInput }: Inputs): Promise<Failure | undefined> {
  for (let number = first; number < first + count; number += 1) {
    onInput?.(number);
    const bytes = inputOf(target, seed, number);
    try {
      await target.run(bytes);
    } catch (cause) {
      return { number, bytes, cause };
    }
  }
  return undefined;
}

/** A shorter input that fails too; nothing of it can be left out in one piece. */
export async function shrink(target: Target, { bytes, cause }: Failure, tries = 2_000): Promise<Buffer> {
  const why = messageOf(cause);
  let least = bytes;
  let left = tries;
  for (let size = Math.ceil(least.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < least.length && left > 0; left -= 1) {
      const shorter = Buffer.concat([least.subarray(0, start), least.subarray(start + size)]);
      if (await failsAs(target, shorter, why)) least = shorter;
      else start += size;
    }
  }
  return least;
}

async function failsAs(target: Target, bytes: Buffer, why: string): Promise<boolean> {
  try {
    await target.run(bytes);
    return false;
  } catch (cause) {
    return messageOf(cause) === why;
  }
}

/** Without what differs from input to input. */
const messageOf = (cause: unknown): string =>
  (cause instanceof Error ? `${cause.name} ${cause.message.split('\n')[0]}` : String(cause)).slice(0, 80);
