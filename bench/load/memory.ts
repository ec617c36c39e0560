/** What processes hold while they work, looked at now and then. */

/** MiB of each process, at so many seconds after the start. */
export interface MemoryPoint {
  readonly second: number;
  readonly mib: readonly number[];
}

export interface MemoryCurve {
  stop(): readonly MemoryPoint[];
}

export function watchMemory(read: () => readonly number[], everyMs: number): MemoryCurve {
  const points: MemoryPoint[] = [];
  const startedAt = performance.now();
  const look = (): void => {
    const second = Math.round((performance.now() - startedAt) / 1000);
    try {
      points.push({ second, mib: read().map((mib) => Math.round(mib)) });
    } catch {
      // A process that has ended holds nothing.
    }
  };
  look();
  const timer = setInterval(look, everyMs);
  return {
    stop() {
      clearInterval(timer);
      look();
      return points;
    },
  };
}

const middleOf = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** How much more the processes hold in the last quarter of a curve than in its second one, as a ratio; 1 for a short curve. */
export function growthOf(points: readonly MemoryPoint[]): number {
  if (points.length < 8) return 1;
  const sums = points.map(({ mib }) => mib.reduce((sum, one) => sum + one, 0));
  const quarter = sums.length >> 2;
  return middleOf(sums.slice(3 * quarter)) / middleOf(sums.slice(quarter, 2 * quarter));
}

/** So many points of a curve, evenly, with the first and the last. */
export function thinned(points: readonly MemoryPoint[], most: number): readonly MemoryPoint[] {
  if (points.length <= most) return points;
  return Array.from({ length: most }, (_, index) => points[Math.round((index * (points.length - 1)) / (most - 1))] as MemoryPoint);
}
