/**
 * How far a batch is finished without a gap. Counted by places in the batch: offsets themselves have gaps, where a
 * topic was compacted or transactions left their marks.
 */
export interface BatchProgress {
  /** True when this moved the end of what is finished without a gap. */
  finish(place: number): boolean;
  /** How many records from the first on are finished. */
  readonly count: number;
}

export function createBatchProgress(size: number): BatchProgress {
  const finished = new Uint8Array(size);
  let count = 0;
  return {
    finish(place) {
      finished[place] = 1;
      const before = count;
      while (count < size && finished[count] === 1) count += 1;
      return count > before;
    },
    get count() {
      return count;
    },
  };
}
