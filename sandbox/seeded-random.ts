/**
 * Randomness without arrival order: every draw is a digest of the seed and of its subject, so that two runs over the
 * same instructions have the same faults, however their calls interleave.
 */
import { hash } from 'node:crypto';

/**
 * The draws of one call.
 *
 * @property token 16 hex digits for ids, the same for the same call in every run
 * @property unit a number in [0, 1) for a slot from 0 to 13; different slots are independent
 */
export interface Draws {
  readonly token: string;
  unit(slot: number): number;
}

/** @param ordinal number of the call under its identity, from 1 */
export type SeededRandom = (subject: string, identity: string, ordinal: number) => Draws;

export function createSeededRandom(seed: number): SeededRandom {
  return (subject, identity, ordinal) => {
    // JSON separates the parts: two different calls never have the same text.
    const digest = hash('sha512', JSON.stringify([seed, subject, identity, ordinal]), 'buffer');
    return {
      token: digest.toString('hex', 0, 8),
      unit: (slot) => digest.readUInt32LE(8 + 4 * slot) / 2 ** 32,
    };
  };
}
