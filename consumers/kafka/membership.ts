/**
 * Work on a topic as one member of its group, from joining to the crash or the stop of this member.
 *
 * The rules, found by killing consumers and brokers:
 * - a batch is held until all its records are finished, with a heartbeat each second: the client sends none by itself,
 *   and only here can we finish what is under way before partitions are dealt anew
 * - what is finished without a gap is resolved (the next fetch begins behind it) and committed; never what lies
 *   behind something unfinished, never in another generation than the one it was read in
 * - when partitions are dealt anew, nothing new is begun, what is under way may finish for `drainMs`, is committed,
 *   and then we let go. What is not finished by then is read again, by us or another member
 * - a position outside of what the topic has ends everything: the client would silently begin anew
 *
 * Memory is bounded by the window and by one answer (10 MB) from each broker; a batch that waits for places in the
 * window holds its broker's next fetch, so nothing need be paused.
 */
import type { Clock } from '../../batches/ports.ts';
import { Assignment } from './assignment.ts';
import { createBatchProgress } from './batch-progress.ts';
import { createCommitter, type Committer } from './committer.ts';
import { createGroupMember, sessionTimeoutMs, type FetchedBatch, type GroupMember, type KafkaFactory } from './group-member.ts';
import type { PositionCheck } from './position-check.ts';
import type { Positions } from './positions.ts';
import type { RecordWork } from './record-work.ts';
import type { StallWatch } from './stall-watch.ts';
import type { TopicRecord } from './topic-record.ts';

const heartbeatEveryMs = 1_000;

export interface MembershipDeps {
  readonly createKafka: KafkaFactory;
  readonly groupId: string;
  readonly topic: string;
  readonly clock: Clock;
  readonly drainMs: number;
  readonly work: RecordWork;
  readonly positions: Positions;
  readonly check: PositionCheck;
  readonly stalls: StallWatch;
  readonly onJoined: () => void;
  /** Nothing more may be done: the whole work ends with this. */
  readonly onFatal: (error: Error) => void;
}

export interface Membership {
  /** Resolves when this member is gone: with the error it crashed of, or undefined after `leave`. */
  readonly ended: Promise<Error | undefined>;
  /** Null while we are no member. */
  readonly joinedAt: number | null;
  /** Begins nothing new, finishes what is under way for at most `drainMs`, commits, and leaves the group. Never rejects. */
  leave(): Promise<void>;
}

export function joinAndWork(deps: MembershipDeps): Membership {
  const { clock, topic, groupId, drainMs, work, positions, check, stalls, onFatal } = deps;
  let assignment = new Assignment([]);
  let committer: Committer | undefined;
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
      void member.leave().catch(() => undefined);
      return;
    }
    deps.onJoined();
    check.start(mine).catch(onFatal);
  };

  const onBatch = async (batch: FetchedBatch): Promise<void> => {
    const mine = assignment;
    if (mine.closed.aborted || !mine.partitions.has(batch.partition)) {
      if (mine.cause !== undefined) throw mine.cause;
      return;
    }
    stalls.batchBegan(batch.partition);
    const idle = new AbortController();
    const beating = beat(batch, mine, idle.signal);
    try {
      await workOn(batch, mine);
    } finally {
      idle.abort();
      await beating;
      stalls.batchEnded(batch.partition);
    }
    if (mine.cause !== undefined) throw mine.cause;
  };

  const workOn = async (batch: FetchedBatch, mine: Assignment): Promise<void> => {
    const { partition, records } = batch;
    try {
      if (!(await check.passes(batch, mine))) return;
    } catch (cause) {
      onFatal(cause as Error);
      return;
    }
    positions.fetched(partition, batch.end);
    const progress = createBatchProgress(records.length);
    const finished = (place: number): void => {
      if (!progress.finish(place) || mine.over.aborted) return;
      const isWhole = progress.count === records.length;
      const last = records[progress.count - 1] as TopicRecord;
      const next = isWhole ? batch.next : last.offset + 1n;
      batch.resolve(last.offset);
      mine.expected.set(partition, next);
      positions.finished(partition, next);
      committer?.note(partition, next, batch.commit);
    };
    await drained(beginAll(records, mine, finished), mine);
    await committer?.flush();
  };

  /** Resolves when all that was begun has ended. */
  const beginAll = async (records: readonly TopicRecord[], mine: Assignment, finished: (place: number) => void): Promise<void> => {
    const begun: Promise<void>[] = [];
    for (const [place, record] of records.entries()) {
      const working = await work.begin(record, mine);
      if (working === undefined) break;
      begun.push(working.done.then((isFinished) => (isFinished ? finished(place) : undefined)));
    }
    await Promise.all(begun);
  };

  /** Waits for the work; once the assignment is closed for at most `drainMs`, then it is over. */
  const drained = async (working: Promise<void>, mine: Assignment): Promise<void> => {
    const enough = new AbortController();
    const patience = async (): Promise<void> => {
      await aborted(mine.closed, enough.signal);
      if (enough.signal.aborted) return;
      await clock.sleep(drainMs, AbortSignal.any([enough.signal, mine.over])).catch(() => undefined);
      if (enough.signal.aborted) return;
      await committer?.flush();
      mine.end();
    };
    const waiting = patience();
    await Promise.race([working, waiting]);
    enough.abort();
    await waiting;
  };

  /** Tells the group that we live, for as long as the batch is worked on, and hears from it that we must let go. */
  const beat = async (batch: FetchedBatch, mine: Assignment, idle: AbortSignal): Promise<void> => {
    let heardAt = clock.now();
    const listen = async (): Promise<void> => {
      try {
        await batch.heartbeat();
        heardAt = clock.now();
      } catch (cause) {
        const type = cause instanceof Error && 'type' in cause ? cause.type : undefined;
        // The session stays alive while members let go, so there is time to finish.
        if (type === 'REBALANCE_IN_PROGRESS') {
          heardAt = clock.now();
          mine.close(cause as Error);
        } else if (type === 'ILLEGAL_GENERATION' || type === 'UNKNOWN_MEMBER_ID' || type === 'NOT_COORDINATOR_FOR_GROUP') {
          mine.end(cause as Error);
        }
        // Anything else may be over in a moment; if it is not, the session is.
      }
    };
    while (!idle.aborted) {
      void listen();
      if (clock.now() - heardAt > sessionTimeoutMs) mine.end(lostSession());
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
        if (assignment.closed.aborted || !assignment.partitions.has(partition)) return;
        assignment.expected.set(partition, next);
        positions.fetched(partition, partitionEnd);
        positions.finished(partition, next);
        stalls.moved(partition);
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
    await committer?.flush();
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

/** Resolves when one of them is. */
function aborted(...signals: readonly AbortSignal[]): Promise<void> {
  const any = AbortSignal.any([...signals]);
  if (any.aborted) return Promise.resolve();
  return new Promise((resolve) => any.addEventListener('abort', () => resolve(), { once: true }));
}
