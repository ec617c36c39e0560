/**
 * How much of every shard this process has seen, by which a ledger restored from an older copy is detected: the number
 * of writes, and which of them was its own last one. The latter detects it even when others have written past the former.
 */

export interface WriteCounters {
  /** Takes what a script's reply says (`begin.lua`): the writes of the shard, and which of them was our last one. */
  note(shard: number, counter: number, lastOwn: number): void;
  /** Fields of a shard's meta that `loss` looks at. */
  readonly fields: readonly string[];
  /** What a ledger is whose shards answer these `fields`, for people; undefined when it holds all that was seen. */
  loss(found: ReadonlyMap<number, readonly (string | null)[]>): string | undefined;
  /** Fields that this process leaves in the meta of shards. */
  ownFields(): readonly (readonly [shard: number, field: string])[];
}

/**
 * @param params.writer this process's short id; '' for one that only reads
 * @param params.counters as they were found, by shard
 */
export function createWriteCounters(params: {
  readonly generation: string;
  readonly writer: string;
  readonly counters: readonly number[];
}): WriteCounters {
  const { generation, writer } = params;
  const written = [...params.counters];
  const own = params.counters.map(() => 0);
  const field = `w:${writer}`;

  return {
    note(shard, counter, lastOwn) {
      written[shard] = Math.max(written[shard] ?? 0, counter);
      own[shard] = Math.max(own[shard] ?? 0, lastOwn);
    },
    fields: ['generation', 'counter', field, 'forgotten'],
    loss(found) {
      for (const [shard, [itsGeneration, counter, ownLast, forgotten]] of found) {
        if (itsGeneration !== generation) return 'was emptied or replaced';
        if (Number(counter) < (written[shard] ?? 0)) return 'was restored from an older copy';
        // A process that has not written for long is dropped once there are many others.
        const last = Number(typeof ownLast === 'string' ? ownLast.split(' ')[0] : (forgotten ?? 0));
        if (last < (own[shard] ?? 0)) return 'was restored from an older copy, and other processes have written to it since';
      }
      return undefined;
    },
    ownFields: () => own.flatMap((last, shard) => (last > 0 ? [[shard, field] as const] : [])),
  };
}
