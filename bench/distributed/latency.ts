/** What the times of events and of their first results say: how long each took, and how many waited at once. */
import { median } from '../numbers.ts';

/** By index of the record; milliseconds since the epoch. */
export interface Times {
  /** When each event was due, rising. It is the event's timestamp. */
  readonly dueAt: Float64Array;
  /** When its first result was appended; 0 while there is none. */
  readonly answeredAt: Float64Array;
}

/** Milliseconds. */
export interface Waits {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Of the events from one index up to another, each of which has a result. */
export function waitsOf({ dueAt, answeredAt }: Times, from = 0, to = dueAt.length): Waits {
  const waits = Float64Array.from({ length: to - from }, (_, index) => (answeredAt[from + index] ?? 0) - (dueAt[from + index] ?? 0)).sort();
  const at = (share: number): number => waits[Math.max(0, Math.ceil(share * waits.length) - 1)] ?? Number.NaN;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

/** How many events had come and had no result at each of these moments, which rise. */
export function backlogAt({ dueAt, answeredAt }: Times, moments: readonly number[]): readonly number[] {
  const answers = answeredAt.toSorted();
  let come = 0;
  let answered = 0;
  return moments.map((moment) => {
    while (come < dueAt.length && (dueAt[come] ?? 0) <= moment) come += 1;
    while (answered < answers.length && (answers[answered] ?? 0) <= moment) answered += 1;
    return come - answered;
  });
}

/** The moments at the ends of so many equal parts of the schedule. */
export const endsOfParts = ({
  startAt,
  seconds,
  parts,
}: {
  readonly startAt: number;
  readonly seconds: number;
  readonly parts: number;
}): readonly number[] => Array.from({ length: parts }, (_, index) => startAt + ((index + 1) / parts) * seconds * 1000);

/** What may wait, in seconds' worth of events, and how late the producer may be. */
export const bounds = { backlogSeconds: 1, producerLateMs: 1_000 } as const;

/**
 * Whether a rate was kept: the producer was never later than the bound, and in half of the seconds of the last quarter no
 * more events waited than come in a second. A pause that is made up for is no failure; a backlog that grows is.
 *
 * @param backlogs at the end of each second
 */
export function isKept(params: { readonly rate: number; readonly backlogs: readonly number[]; readonly producerLateMs: number }): boolean {
  const { rate, backlogs, producerLateMs } = params;
  const last = backlogs.slice(Math.floor(backlogs.length * 0.75));
  return producerLateMs <= bounds.producerLateMs && median(last) <= bounds.backlogSeconds * rate;
}
