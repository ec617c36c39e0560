/** What arrivals say of a rate limit. */
import { burstOf } from '../../src/limiter/local.ts';

export interface Arrivals {
  /** Within the span. */
  readonly calls: number;
  readonly usedPercent: number;
  /** By how many calls the fullest of all windows held more than rate x window + burst; 0 or less when none did. */
  readonly mostOver: number;
  /** Arrivals with which some window held more than it may. */
  readonly over: number;
  readonly longestGapMs: number;
  /** How many calls were lost in gaps, by the length of the gap. */
  readonly gaps: string;
}

const bordersMs = [15, 30, 60, Number.POSITIVE_INFINITY] as const;

/** By how much the fullest window that ends with each arrival holds more than rate x window + burst; 0 or less when none does. */
function excesses(arrivals: readonly number[], rate: number): number[] {
  // n - rate x t of an arrival, compared with the lowest before it.
  let lowest = Number.POSITIVE_INFINITY;
  const start = arrivals[0] ?? 0;
  return arrivals.map((at, index) => {
    const place = index - ((at - start) * rate) / 1000;
    lowest = Math.min(lowest, place);
    return place - lowest + 1 - burstOf(rate);
  });
}

/** Of the fullest of all windows. */
export const mostOver = (arrivals: readonly number[], rate: number): number =>
  excesses(arrivals, rate).reduce((worst, excess) => Math.max(worst, excess), Number.NEGATIVE_INFINITY);

export function arrivalsOf(all: readonly number[], { rate, from, to }: { rate: number; from: number; to: number }): Arrivals {
  const inside = all.filter((at) => at >= from && at < to);
  const gaps = inside.slice(1).map((at, index) => at - (inside[index] ?? at));
  // What comes after a gap makes up for one interval and for the rest of the burst.
  const freeMs = ((burstOf(rate) + 1) * 1000) / rate;
  const lost = bordersMs.map((border, index) => {
    const least = bordersMs[index - 1] ?? 0;
    const lostMs = gaps.filter((ms) => ms > least && ms <= border).reduce((sum, ms) => sum + Math.max(ms - freeMs, 0), 0);
    return `${((lostMs * rate) / 1000).toFixed(1)} in ${border === Number.POSITIVE_INFINITY ? `over ${least}` : `up to ${border}`} ms`;
  });
  return {
    calls: inside.length,
    usedPercent: (inside.length * 100_000) / (to - from) / rate,
    mostOver: mostOver(all, rate),
    // A time stamp is rounded to a microsecond.
    over: excesses(all, rate).filter((excess) => excess > rate / 1e6).length,
    longestGapMs: Math.max(0, ...gaps),
    gaps: lost.join(', '),
  };
}
