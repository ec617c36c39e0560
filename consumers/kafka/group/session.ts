/**
 * Work on a topic as one member of its group, from joining to the crash or the stop of this member.
 *
 * The rules, found by killing consumers and brokers:
 * - a batch is held until all its records are begun and half of the window is free, with a heartbeat each second: the
 *   client sends none by itself, and only here can we finish what is in hand before partitions are dealt anew. Then the
 *   next fetch begins behind it, while the rest is worked on: a record that takes long holds up no other
 * - what is finished without a gap is committed; never what lies behind something unfinished, never in another
 *   generation than the one it was read in
 * - when a batch is held and we hear that partitions are dealt anew, nothing new is begun, what is in hand may finish
 *   for `drainMs`, is committed, and then we let go. What is not finished by then goes on, and is read again, by us or
 *   another member; so is what is in hand when the client hears it between two batches, where nobody asks us
 * - a position outside of what the topic has ends everything: the client would silently begin anew
 *
 * Memory is bounded by the window and by one answer (1 MB) from each broker; a batch that waits for places in the
 * window holds its broker's next fetch, so nothing need be paused.
 */
import type { Clock } from '../../../batches/ports/clock.ts';
import { Assignment } from '../../../batches/pipeline/offsets/assignment.ts';
import { createCommitter, type Commit, type Committer } from '../../../batches/pipeline/offsets/committer.ts';
import { createGroupMember, sessionTimeoutMs, type FetchedBatch, type GroupMember, type KafkaFactory } from './group-member.ts';
import type { OffsetCheck } from '../offsets/offset-check.ts';
import type { PartitionOffsets } from '../../../batches/pipeline/offsets/partition-offsets.ts';
import type { RecordProcessor } from './record-processor.ts';
import type { StallDetector } from '../../../batches/pipeline/offsets/stall-detector.ts';

const heartbeatEveryMs = 1_000;

export interface GroupSessionDeps {
  readonly createKafka: KafkaFactory;
  readonly groupId: string;
  readonly topic: string;
  readonly clock: Clock;
  readonly drainMs: number;
  readonly work: RecordProcessor;
  readonly positions: PartitionOffsets;
  readonly check: OffsetCheck;
  readonly stalls: StallDetector;
  readonly onJoined: () => void;
  /** Nothing more may be done: the whole work ends with this. */
  readonly onFatal: (error: Error) => void;
}

export interface GroupSession {
  /** Resolves when this member is gone: with the error it crashed of, or undefined after `leave`. */
  readonly ended: Promise<Error | undefined>;
  /** Null while we are no member. */
  readonly joinedAt: number | null;
  /** Begins nothing new, finishes what is under way for at most `drainMs`, commits, and leaves the group. Never rejects. */
  leave(): Promise<void>;
}

export function runSession(deps: GroupSessionDeps): GroupSession {
  const { clock, topic, groupId, drainMs, work, positions, check, stalls, onFatal } = deps;
  let assignment = new Assignment([]);
  let committer: Committer | undefined;
  const enoughInHand = Math.floor(work.window / 2);
  const drains = new WeakMap<Assignment, Promise<void>>();
  let joinedAt: number | null = null;
  let leaving: Promise<void> | undefined;
  let end: (error: Error | undefined) => void = () => undefined;
  const ended = new Promise<Error | undefined>((resolve) => (end = resolve));

  const endGeneration = (): void => {
    joinedAt = null;
    assignment.end();
    positions.left();
  };
  const onJoined = (partitions: readonly number[]): void => {
    const fetchesGoOn = joinedAt !== null;
    endGeneration();
    const mine = new Assignment(partitions);
    assignment = mine;
    committer = createCommitter({ clock, over: mine.over, onCommitted: positions.committed });
    joinedAt = clock.now();
    positions.joined(partitions);
    stalls.joined(partitions);
    // Joined although we leave: our stop came in between.
    if (leaving !== undefined) {
      mine.close();
      // Not from inside the first join: the client does not know yet that it has something to leave.
      void started.then(() => member.leave()).catch(() => undefined);
      return;
    }
    deps.onJoined();
    check.start(mine).catch(onFatal);
    // The client joins anew inside a fetch when leaders have moved, and goes on with what its other fetches bring: from
    // behind records that were begun in the last generation and are not finished. So all of it is dropped, and joined
    // once more with no fetch under way.
    if (fetchesGoOn) mine.close(Object.assign(new Error('joined anew while fetches went on'), { type: 'REBALANCE_IN_PROGRESS' }));
  };

  const onBatch = async (batch: FetchedBatch): Promise<void> => {
    const mine = assignment;
    stalls.batchBegan(batch.partition);
    const idle = new AbortController();
    const beating = beat(batch, mine, idle.signal);
    try {
      if (!mine.closed.aborted && mine.partitions.has(batch.partition)) await beginAll(batch, mine);
      await mine.inFlight.atMost(enoughInHand, mine.closed);
      if (mine.closed.aborted) await drained(mine);
    } finally {
      idle.abort();
      await beating;
      stalls.batchEnded(batch.partition);
    }
    if (mine.cause !== undefined) throw mine.cause;
  };

  /** Resolves when all records are begun, or those that were before the assignment was closed. */
  const beginAll = async (batch: FetchedBatch, mine: Assignment): Promise<void> => {
    const { partition, records } = batch;
    try {
      if (!(await check.passes(batch, mine))) return;
    } catch (cause) {
      onFatal(cause as Error);
      return;
    }
    positions.fetched(partition, batch.end);
    const last = records.at(-1);
    const progress = mine.progress(partition);
    for (const record of records) {
      if (!(await progress.room(mine.closed))) return;
      const working = await work.begin(record, mine);
      if (working === undefined) return;
      const next = record === last ? batch.next : record.offset + 1n;
      const finish = progress.begin(next);
      const ended = working.done.then((isFinished) => {
        if (isFinished) finished(mine, partition, finish(), batch.commit);
      });
      mine.inFlight.add(ended);
      // Nothing may come for long, and the partition may be another's by then.
      void ended.then(() => (mine.inFlight.size === 0 ? committer?.flush() : undefined));
      if (mine.over.aborted) return;
      mine.expected.set(partition, next);
      positions.begun(partition, next);
      batch.resolve(record.offset);
    }
  };

  const finished = (mine: Assignment, partition: number, next: bigint | undefined, commit: Commit): void => {
    if (next === undefined || mine.over.aborted) return;
    positions.finished(partition, next);
    committer?.note(partition, next, commit);
  };

  /** Of a closed assignment: waits for what is in hand, at most `drainMs`, and commits; then it is over. */
  const drained = (mine: Assignment): Promise<void> => {
    let draining = drains.get(mine);
    if (draining === undefined) drains.set(mine, (draining = drain(mine)));
    return draining;
  };
  const drain = async (mine: Assignment): Promise<void> => {
    const committing = committer;
    const enough = new AbortController();
    const patience = clock.sleep(drainMs, AbortSignal.any([enough.signal, mine.over])).catch(() => undefined);
    await Promise.race([mine.inFlight.atMost(0, mine.over), patience]);
    enough.abort();
    await committing?.flush();
    mine.end();
  };

  /** The group goes on without us; we join anew once no batch is held. */
  const lost = (mine: Assignment, cause: Error): void => {
    if (mine === assignment) joinedAt = null;
    mine.end(cause);
  };

  /** Tells the group that we live, for as long as the batch is worked on, and hears from it that we must let go. */
  const beat = async (batch: FetchedBatch, mine: Assignment, idle: AbortSignal): Promise<void> => {
    let heardAt = clock.now();
    const listen = async (): Promise<void> => {
      try {
        await batch.heartbeat();
        heardAt = clock.now();
        positions.fetchAnswered();
      } catch (cause) {
        const type = cause instanceof Error && 'type' in cause ? cause.type : undefined;
        // The session stays alive while members let go, so there is time to finish.
        if (type === 'REBALANCE_IN_PROGRESS') {
          heardAt = clock.now();
          mine.close(cause as Error);
        } else if (type === 'ILLEGAL_GENERATION' || type === 'UNKNOWN_MEMBER_ID' || type === 'NOT_COORDINATOR_FOR_GROUP') {
          lost(mine, cause as Error);
        }
        // Anything else may be over in a moment; if it is not, the session is.
      }
    };
    while (!idle.aborted) {
      void listen();
      if (clock.now() - heardAt > sessionTimeoutMs) lost(mine, lostSession());
      await clock.sleep(heartbeatEveryMs, idle).catch(() => undefined);
    }
  };

  const member: GroupMember = createGroupMember({
    kafka: deps.createKafka(),
    groupId,
    topic,
    events: {
      onJoined,
      onLeft: endGeneration,
      onFetched: (node) => {
        positions.fetchAnswered();
        stalls.fetched(node);
      },
      onPassed(partition, next, partitionEnd) {
        if (!assignment.partitions.has(partition)) return;
        positions.fetched(partition, partitionEnd);
        positions.begun(partition, next);
        stalls.moved(partition);
        if (assignment.closed.aborted) return;
        assignment.expected.set(partition, next);
        // Committed with the next record: reading over it again costs nothing.
        const behind = assignment.progress(partition).begin(next)();
        if (behind !== undefined) positions.finished(partition, behind);
      },
      onBatch,
      onCrash(error) {
        endGeneration();
        end(error);
      },
    },
  });
  const started = member.start().catch((cause: unknown) => {
    endGeneration();
    end(cause instanceof Error ? cause : new Error(String(cause)));
  });

  const leaveOnce = async (): Promise<void> => {
    assignment.close();
    await drained(assignment);
    // A member that is still joining must be one before it can leave.
    const enough = new AbortController();
    await Promise.race([started, clock.sleep(drainMs, enough.signal).catch(() => undefined)]);
    enough.abort();
    // Nothing is lost by a failure: the group forgets us when it does not hear from us.
    await member.leave().catch(() => undefined);
    endGeneration();
    end(undefined);
  };
  return {
    ended,
    get joinedAt() {
      return joinedAt;
    },
    leave: () => (leaving ??= leaveOnce()),
  };
}

/** By this name the client joins anew. */
const lostSession = (): Error =>
  Object.assign(new Error(`no heartbeat was answered for ${sessionTimeoutMs / 1000} s`), { type: 'ILLEGAL_GENERATION' });
