/** What is read from a topic, whichever client reads it. */

/** The record could not be unpacked; so nothing is known of it but its place. */
export interface Poison {
  readonly reason: 'unreadable_batch';
  readonly message: string;
}

/**
 * Times are milliseconds since the epoch, set by the producer or the broker.
 *
 * @property isBrokerTime the broker has set the time (`message.timestamp.type=LogAppendTime`)
 * @property headers of several under one name the last; one without a value is left out
 * @property poison set when the record's batch cannot be unpacked. The batch's first record then has the bytes of
 *   the whole batch, as they lie on the topic, for its value; the others have null
 */
export interface TopicRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly timestamp: number;
  readonly isBrokerTime: boolean;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer>>;
  readonly poison?: Poison;
}
