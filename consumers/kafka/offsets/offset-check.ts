/**
 * Makes sure that reading continues where the group left off. When the committed offset is out of range (records were
 * deleted before they were read, or the topic was created again), the client would commit that there is no offset and
 * start again silently. Here that is an error: records may have gone unread, and a topic that was created again holds
 * other instructions under offsets that are known already. Only a person can say where to continue.
 */
import type { Clock } from '../../../batches/ports/clock.ts';
import type { Assignment } from '../../../batches/pipeline/offsets/assignment.ts';
import { KafkaReadError } from '../errors.ts';
import type { FetchedBatch } from '../fetched-batch.ts';
import type { PartitionOffsets } from '../../../batches/pipeline/offsets/partition-offsets.ts';
import type { OffsetRange, TopicOffsets } from './topic-offsets.ts';

/** What the group has when it never committed. */
const noOffset = -1n;
const askAgainMs = 1_000;
/** The end may lag behind for a moment where a partition just got another leader. */
const looksBehindTheEnd = 5;

export interface OffsetCheck {
  /**
   * Called when a generation starts; false when it was closed before the answer.
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

export interface OffsetCheckDeps {
  readonly offsets: TopicOffsets;
  readonly groupId: string;
  readonly topic: string;
  readonly clock: Clock;
  readonly offsetsOf: PartitionOffsets;
  readonly onWarning: (message: string) => void;
}

export function createOffsetCheck(deps: OffsetCheckDeps): OffsetCheck {
  const checks = new WeakMap<Assignment, Promise<boolean>>();
  const start = (assignment: Assignment): Promise<boolean> => {
    let check = checks.get(assignment);
    if (check === undefined) checks.set(assignment, (check = firstCheck(deps, assignment)));
    return check;
  };
  return {
    start,
    async passes({ partition, records }, assignment) {
      if (!(await start(assignment))) return false;
      const expected = assignment.expected.get(partition);
      const first = records[0]?.offset;
      if (expected === undefined || first === undefined || first === expected) return true;
      // A gap is fine where transactions or compaction left one, and is not where records were deleted.
      const ranges = await askUntilAnswered(deps, assignment, () => deps.offsets.ranges());
      if (ranges === undefined) return false;
      const range = ranges.get(partition);
      if (first < expected || range === undefined || range.begin > expected) throw lostOffset(deps, partition, expected, range);
      return true;
    },
  };
}

/** Undefined when the generation was closed before the answer. An outage is reported elsewhere. */
async function askUntilAnswered<Answer>(
  { clock }: OffsetCheckDeps,
  { closed }: Assignment,
  question: () => Promise<Answer>,
): Promise<Answer | undefined> {
  while (!closed.aborted) {
    try {
      return await question();
    } catch {
      await clock.sleep(askAgainMs, closed).catch(() => undefined);
    }
  }
  return undefined;
}

interface PartitionFinding {
  readonly partition: number;
  readonly offset: bigint;
  readonly range: OffsetRange | undefined;
}

/** Undefined when the generation was closed before the answer. */
async function findingsOf(deps: OffsetCheckDeps, assignment: Assignment): Promise<readonly PartitionFinding[] | undefined> {
  const { offsets, groupId } = deps;
  const seen = await askUntilAnswered(deps, assignment, async () => {
    // In this order no offset can be behind an end only because records came in between.
    const committed = await offsets.committed(groupId);
    return { committed, ranges: await offsets.ranges() };
  });
  if (seen === undefined) return undefined;
  return [...assignment.partitions].map((partition) => ({
    partition,
    offset: seen.committed.get(partition) ?? noOffset,
    range: seen.ranges.get(partition),
  }));
}

async function firstCheck(deps: OffsetCheckDeps, assignment: Assignment): Promise<boolean> {
  for (let looks = 1; ; looks++) {
    const found = await findingsOf(deps, assignment);
    if (found === undefined) return false;
    const isBehindTheEnd = found.some(({ offset, range }) => range === undefined || offset > range.end);
    if (isBehindTheEnd && looks < looksBehindTheEnd) {
      await deps.clock.sleep(askAgainMs, assignment.closed).catch(() => undefined);
      continue;
    }
    for (const finding of found) startPartition(deps, assignment, finding);
    return true;
  }
}

/** @throws {KafkaReadError} `lost_position` */
function startPartition(deps: OffsetCheckDeps, assignment: Assignment, { partition, offset, range }: PartitionFinding): void {
  const { offsetsOf: positions } = deps;
  if (offset === noOffset) {
    if (!assignment.expected.has(partition)) startAtBeginning(deps, partition, range);
    return;
  }
  if (range === undefined || offset < range.begin || offset > range.end) throw lostOffset(deps, partition, offset, range);
  positions.committed(partition, offset);
  positions.fetched(partition, range.end);
  // What is not for us, such as the mark of a transaction, was passed already: never back.
  if ((assignment.expected.get(partition) ?? offset) > offset) return;
  assignment.expected.set(partition, offset);
  positions.begun(partition, offset);
  positions.finished(partition, offset);
}

function startAtBeginning(
  { groupId, topic, offsetsOf: positions, onWarning }: OffsetCheckDeps,
  partition: number,
  range: OffsetRange | undefined,
): void {
  if (range === undefined) return;
  positions.begun(partition, range.begin);
  positions.finished(partition, range.begin);
  positions.fetched(partition, range.end);
  if (range.begin === 0n) return;
  onWarning(
    `group ${groupId} has no committed offset for ${topic}, partition ${partition}: it starts at offset ${range.begin}, because earlier records are deleted`,
  );
}

function lostOffset(
  { groupId, topic }: OffsetCheckDeps,
  partition: number,
  offset: bigint,
  range: OffsetRange | undefined,
): KafkaReadError {
  const where = offset < 0n ? 'was abandoned by the client because it was out of range' : `is ${offset}`;
  const has = range === undefined ? 'the partition no longer exists' : `the partition has offsets ${range.begin} to ${range.end}`;
  const reset = `kafka-consumer-groups.sh --group ${groupId} --topic ${topic}:${partition} --reset-offsets --to-earliest --execute`;
  const message = `The offset of group ${groupId} in ${topic}, partition ${partition}, ${where}, and ${has}. Records may have been deleted before they were read, or the topic was recreated. Find out which; then set where to continue, such as with ${reset}.`;
  return new KafkaReadError('lost_position', topic, message);
}
