/**
 * Chance without arrival order: every draw is a digest of the seed and of what it is drawn for, so that two
 * runs over the same instructions meet the same faults, however their calls interleave.
 */
import { hash } from 'node:crypto';

/**
 * The draws of one call.
 *
 * @property token 16 hex digits for ids, the same for the same call in every run
 * @property unit a number in [0, 1) for a slot from 0 to 13; different slots are independent
 */
export interface Chance {
  readonly token: string;
  unit(slot: number): number;
}

/** @param ordinal the how-manieth call this is under its identity, from 1 */
export type DrawChance = (subject: string, identity: string, ordinal: number) => Chance;

export function createChance(seed: number): DrawChance {
  return (subject, identity, ordinal) => {
    // JSON keeps the parts apart: no two different calls write the same text.
    const digest = hash('sha512', JSON.stringify([seed, subject, identity, ordinal]), 'buffer');
    return {
      token: digest.toString('hex', 0, 8),
      unit: (slot) => digest.readUInt32LE(8 + 4 * slot) / 2 ** 32,
    };
  };
}
