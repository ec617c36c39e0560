/** The figures of a progress report. */
import { byStatus, receivedOf, type TallyRow } from '../../batches/record/tally.ts';
import { isFinal, statuses } from '../../batches/record/status.ts';
import { formatDuration } from '../duration.ts';

export interface Progress {
  readonly file: string;
  /** Rows of the file, from the preflight. */
  readonly rows: number;
  readonly tallies: readonly TallyRow[];
  /** First sends so far, in this batch. */
  readonly sent: number;
  /** A pause or a stop, as text; null in ordinary operation. */
  readonly note: string | null;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/**
 * @property done rows that are final or with the gateway
 * @property left how long sending takes at this rate; null when that is not known
 */
export interface Figures {
  readonly counts: ReturnType<typeof byStatus>;
  readonly received: ReturnType<typeof receivedOf>;
  readonly final: number;
  readonly done: number;
  readonly perSecond: number;
  readonly left: string | null;
}

const windowMs = 10_000;

/** Remembers the last ten seconds, for the rate. */
export function createFigures(): (progress: Progress) => Figures {
  const samples: { readonly at: number; readonly sent: number }[] = [];
  const rateOf = ({ at, sent }: Progress): number => {
    samples.push({ at, sent });
    while (samples.length > 2 && (samples[0]?.at ?? at) < at - windowMs) samples.shift();
    const first = samples[0];
    // A send that is proven not to have left is taken back, so the count can fall.
    return first === undefined || at <= first.at ? 0 : Math.max(0, ((sent - first.sent) / (at - first.at)) * 1000);
  };
  return (progress) => {
    const counts = byStatus(progress.tallies);
    const received = receivedOf(progress.tallies);
    const waiting = counts.queued.count + counts.submitting.count + Math.max(0, progress.rows - received.count);
    const final = statuses.filter((status) => isFinal[status]).reduce((sum, status) => sum + counts[status].count, 0);
    const perSecond = rateOf(progress);
    const left = perSecond > 0 && waiting > 0 ? formatDuration((waiting / perSecond) * 1000) : null;
    return { counts, received, final, done: progress.rows - waiting, perSecond, left };
  };
}
