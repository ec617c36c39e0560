/**
 * How far one partition is finished without a gap, over as many batches as are in flight. Kept as the offsets that the
 * records themselves lead to: offsets have gaps, where a topic was compacted or transactions left their marks.
 */
export interface PartitionProgress {
  /**
   * Registers a record that is being processed, after all earlier ones.
   *
   * @param next the offset after this record
   * @returns to be called once when the record is finished: returns the offset up to which everything is finished,
   *   undefined when an earlier record is not finished yet
   */
  begin(next: bigint): () => bigint | undefined;
  /**
   * Waits while as many records as may be are in flight from the first unfinished one on: they would all be read again
   * after a crash. For one caller at a time; false when the signal ended the wait.
   */
  room(signal: AbortSignal): Promise<boolean>;
}

/** @param most records from the first unfinished one on */
export function createPartitionProgress(most: number): PartitionProgress {
  interface Place {
    readonly next: bigint;
    finished: boolean;
  }
  const places: Place[] = [];
  let wake: () => void = () => undefined;
  return {
    begin(next) {
      const place: Place = { next, finished: false };
      places.push(place);
      return () => {
        place.finished = true;
        let end: bigint | undefined;
        while (places[0]?.finished === true) end = places.shift()?.next;
        if (end !== undefined) wake();
        return end;
      };
    },
    async room(signal) {
      while (places.length >= most && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          signal.addEventListener('abort', wake, { once: true });
        });
        signal.removeEventListener('abort', wake);
      }
      return !signal.aborted;
    },
  };
}
