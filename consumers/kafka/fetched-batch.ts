import type { TopicRecord } from './topic-record.ts';

/** Records of one partition, in order and at least one; there may be gaps between their offsets. */
export interface FetchedBatch {
  readonly partition: number;
  readonly records: readonly TopicRecord[];
  /** The offset behind the last record and what follows it unseen, such as the mark of a transaction. */
  readonly next: bigint;
  /** The end of the partition when this was fetched. */
  readonly end: bigint;
  /** The next fetch begins behind this record. */
  resolve(offset: bigint): void;
  /** Rejects with what ends our membership, as it is. */
  heartbeat(): Promise<void>;
  /** Durable when it resolves. Of the partitions' positions as they are handed in, in the generation of now. */
  commit(positions: ReadonlyMap<number, bigint>): Promise<void>;
}
