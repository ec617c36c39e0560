/**
 * Makes sure that reading goes on where the group left off. When a position lies outside of what the topic has (its
 * records were deleted before they were read, or the topic was made anew), the client would commit that there is no
 * position and begin anew, without a word. Here that is an error: records may have gone unread, and in a topic made
 * anew other instructions stand at places that are known already. Only a person can say where to go on.
 */
import type { Clock } from '../../../batches/ports/clock.ts';
import type { Assignment } from '../../../batches/pipeline/offsets/assignment.ts';
import { KafkaReadError } from '../errors.ts';
import type { FetchedBatch } from '../group/group-member.ts';
import type { PartitionOffsets } from '../../../batches/pipeline/offsets/partition-offsets.ts';
import type { OffsetRange, TopicOffsets } from './topic-offsets.ts';

/** What the group has when it never committed. */
const noOffset = -1n;
const askAgainMs = 1_000;
/** The end may lag behind for a moment where a partition just got another leader. */
const looksBehindTheEnd = 5;

export interface OffsetCheck {
  /**
   * Begun when a generation begins; false when it was closed before the answer.
   *
   * @throws {KafkaReadError} `lost_position`
   */
  start(assignment: Assignment): Promise<boolean>;
  /**
   * Whether this batch may be worked on; false when the generation was closed before that was known.
   *
   * @throws {KafkaReadError} `lost_position`
   */
  passes(batch: Pick<FetchedBatch, 'partition' | 'records'>, assignment: Assignment): Promise<boolean>;
}

export function createOffsetCheck(deps: {
  offsets: TopicOffsets;
  groupId: string;
  topic: string;
  clock: Clock;
  offsetsOf: PartitionOffsets;
  onWarning: (message: string) => void;
}): OffsetCheck {
  const { offsets, groupId, topic, clock, offsetsOf: positions, onWarning } = deps;
  const checks = new WeakMap<Assignment, Promise<boolean>>();

  /** Asks until it is answered; undefined when the generation was closed before. An outage is told elsewhere. */
  const ask = async <Answer>(assignment: Assignment, question: () => Promise<Answer>): Promise<Answer | undefined> => {
    while (!assignment.closed.aborted) {
      try {
        return await question();
      } catch {
        await clock.sleep(askAgainMs, assignment.closed).catch(() => undefined);
      }
    }
    return undefined;
  };

  const look = async (): Promise<{ committed: ReadonlyMap<number, bigint>; ranges: ReadonlyMap<number, OffsetRange> }> => {
    // In this order no position can be behind an end only because records came in between.
    const committed = await offsets.committed(groupId);
    return { committed, ranges: await offsets.ranges() };
  };
  const firstCheck = async (assignment: Assignment): Promise<boolean> => {
    for (let looks = 1; ; looks++) {
      const seen = await ask(assignment, look);
      if (seen === undefined) return false;
      const found = [...assignment.partitions].map((partition) => ({
        partition,
        position: seen.committed.get(partition) ?? noOffset,
        range: seen.ranges.get(partition),
      }));
      const isBehindTheEnd = found.some(({ position, range }) => range === undefined || position > range.end);
      if (isBehindTheEnd && looks < looksBehindTheEnd) {
        await clock.sleep(askAgainMs, assignment.closed).catch(() => undefined);
        continue;
      }
      for (const { partition, position, range } of found) {
        if (position === noOffset) {
          if (!assignment.expected.has(partition)) begins(partition, range);
          continue;
        }
        if (range === undefined || position < range.begin || position > range.end) throw lost(partition, position, range);
        positions.committed(partition, position);
        positions.fetched(partition, range.end);
        // What is not for us, such as the mark of a transaction, was passed already: never back.
        if ((assignment.expected.get(partition) ?? position) > position) continue;
        assignment.expected.set(partition, position);
        positions.begun(partition, position);
        positions.finished(partition, position);
      }
      return true;
    }
  };
  const begins = (partition: number, range: OffsetRange | undefined): void => {
    if (range === undefined) return;
    positions.begun(partition, range.begin);
    positions.finished(partition, range.begin);
    positions.fetched(partition, range.end);
    if (range.begin > 0n) {
      onWarning(
        `group ${groupId} has no position in ${topic}, partition ${partition}: it begins at offset ${range.begin}, as what was before is deleted`,
      );
    }
  };
  const lost = (partition: number, position: bigint, range: OffsetRange | undefined): KafkaReadError => {
    const where = position < 0n ? 'was given up by the client, as it was outside of what the topic has' : `is offset ${position}`;
    const has = range === undefined ? 'there is no such partition any more' : `the partition has offsets ${range.begin} to ${range.end}`;
    const reset = `kafka-consumer-groups.sh --group ${groupId} --topic ${topic}:${partition} --reset-offsets --to-earliest --execute`;
    const message = `The position of group ${groupId} in ${topic}, partition ${partition}, ${where}, and ${has}. Records may have been deleted before they were read, or the topic was made anew. Find out which; then say where to go on, such as with ${reset}.`;
    return new KafkaReadError('lost_position', topic, message);
  };
  const start = (assignment: Assignment): Promise<boolean> => {
    let check = checks.get(assignment);
    if (check === undefined) checks.set(assignment, (check = firstCheck(assignment)));
    return check;
  };

  return {
    start,
    async passes({ partition, records }, assignment) {
      if (!(await start(assignment))) return false;
      const expected = assignment.expected.get(partition);
      const first = records[0]?.offset;
      if (expected === undefined || first === undefined || first === expected) return true;
      // A gap is well where transactions or compaction left one, and is not where records were deleted.
      const ranges = await ask(assignment, () => offsets.ranges());
      if (ranges === undefined) return false;
      const range = ranges.get(partition);
      if (first < expected || range === undefined || range.begin > expected) throw lost(partition, expected, range);
      return true;
    },
  };
}
