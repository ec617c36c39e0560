/**
 * A machine that does something else in the middle of a measurement spoils it for one contender and not for the other.
 * So a run during which others took a noticeable share of the machine is repeated, and the number of repetitions
 * is reported. Others are all but the contender and the servers that belong to it; the kernel's own threads are among them.
 */
import { availableParallelism } from 'node:os';
import type { Measured } from './measure.ts';

/** Above what the kernel's threads need to write to disk for the one who writes most. */
const tolerated = 0.12;
/** In all. */
export const usualTries = 5;

/** @param servers CPU seconds of the processes that work for the contender */
export const othersShare = (measured: Measured, servers: number): number =>
  Math.max(0, measured.restSeconds - servers) / measured.wallSeconds / availableParallelism();

export interface Disturbances {
  /** Measures again while others took part; after some tries it takes what it gets. */
  avoid<T>(measure: () => Promise<T>, shareOf: (result: T) => number): Promise<T>;
  report(): string;
}

export function createDisturbances(say: (line: string) => void, mostTries: number): Disturbances {
  let runs = 0;
  let repeated = 0;
  let kept = 0;
  return {
    async avoid(measure, shareOf) {
      runs += 1;
      for (let tries = 1; ; tries += 1) {
        const result = await measure();
        const share = shareOf(result);
        if (share <= tolerated) return result;
        if (tries === mostTries) {
          kept += 1;
          return result;
        }
        repeated += 1;
        say(`others took ${(share * 100).toFixed(0)}% of the machine: measured again`);
      }
    },
    report() {
      const limit = `because others took more than ${tolerated * 100}% of the machine`;
      return `${runs} runs were measured; ${repeated} more were thrown away ${limit}, and ${kept} kept although they did.`;
    },
  };
}
