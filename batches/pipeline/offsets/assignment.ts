import { createInFlight } from './in-flight.ts';
import { createPartitionProgress, type PartitionProgress } from './partition-progress.ts';

/** Of one partition, behind a record that takes long. */
export const maxInFlight = 2_048;

/**
 * One generation of the group, as far as it is ours: the partitions, and how far its end has come. It is closed
 * (nothing new is started, what is in flight may be finished and committed), then over (nothing may be resolved or
 * committed, and what still waits is let go).
 */
export class Assignment {
  readonly partitions: ReadonlySet<number>;
  /** Where the next record of each partition is expected. */
  readonly expected = new Map<number, bigint>();
  /** Records that were started. */
  readonly inFlight = createInFlight();
  readonly #progress = new Map<number, PartitionProgress>();
  readonly #closed = new AbortController();
  readonly #over = new AbortController();
  #cause: Error | undefined;

  constructor(partitions: readonly number[]) {
    this.partitions = new Set(partitions);
  }

  /** Aborted when nothing new may be started. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** The error that makes the client rejoin; undefined while there is no reason to, or when this member leaves. */
  get cause(): Error | undefined {
    return this.#cause;
  }

  progress(partition: number): PartitionProgress {
    let progress = this.#progress.get(partition);
    if (progress === undefined) this.#progress.set(partition, (progress = createPartitionProgress(maxInFlight)));
    return progress;
  }

  close(cause?: Error): void {
    if (this.#closed.signal.aborted) return;
    this.#cause = cause;
    this.#closed.abort();
  }

  end(cause?: Error): void {
    this.close(cause);
    this.#over.abort();
  }
}
