/**
 * Consumption as one member of a group, from joining to the crash or the stop of this member.
 *
 * The rules, found by killing consumers and brokers:
 * - a batch is held until all its records are started and half of the window is free, with a heartbeat each second: the
 *   client sends none by itself, and only here can what is in flight finish before the group rebalances. Then the next
 *   fetch starts behind it, while the rest is worked on: a record that takes long holds up no other
 * - what is finished without a gap is committed; never what comes after something unfinished, never in another
 *   generation than the one it was read in
 * - when the group rebalances while a batch is held, nothing new is started, what is in flight may finish for `drainMs`,
 *   is committed, and then the partitions are let go. What is not finished by then continues, and is read again, by this
 *   or another member; so is what is in flight when the client learns of it between two batches
 * - an offset that is out of range ends everything: the client would silently start again
 *
 * Memory is bounded by the window and by one answer (256 KiB) from each broker; a batch that waits for places in the
 * window holds its broker's next fetch, so nothing need be paused.
 */
import type { Clock } from '../../../batches/ports/clock.ts';
import { Assignment } from '../../../batches/pipeline/offsets/assignment.ts';
import { createCommitter, type Commit, type Committer } from '../../../batches/pipeline/offsets/committer.ts';
import { createGroupMember, sessionTimeoutMs, type GroupMember, type MemberEvents } from './group-member.ts';
import type { KafkaFactory } from '../kafka-factory.ts';
import type { FetchedBatch } from '../fetched-batch.ts';
import type { OffsetCheck } from '../offsets/offset-check.ts';
import type { PartitionOffsets } from '../../../batches/pipeline/offsets/partition-offsets.ts';
import type { RecordProcessor } from './record-processor.ts';
import type { StallDetector } from '../../../batches/pipeline/offsets/stall-detector.ts';

const heartbeatEveryMs = 1_000;
/** One for all batches: an abort without a reason makes an error with a stack each time. */
const heldNoMore = new Error('the batch is held no more');

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
  /** Nothing more may be done: consumption ends with this. */
  readonly onFatal: (error: Error) => void;
}

export interface GroupSession {
  /** Resolves when this member is gone: with the error of its crash, or undefined after `leave`. */
  readonly ended: Promise<Error | undefined>;
  /** Null while this is no member. */
  readonly joinedAt: number | null;
  /** Starts nothing new, finishes what is in flight for at most `drainMs`, commits, and leaves the group. Never rejects. */
  leave(): Promise<void>;
}

/** One member's state. `assignment` is the present generation. */
interface Session {
  readonly deps: GroupSessionDeps;
  readonly drains: WeakMap<Assignment, Promise<void>>;
  assignment: Assignment;
  committer: Committer | undefined;
  joinedAt: number | null;
  leaving: Promise<void> | undefined;
  readonly member: GroupMember;
  /** Resolves when the client has started, or failed to. */
  started: Promise<void>;
  readonly end: (error: Error | undefined) => void;
}

export function runSession(deps: GroupSessionDeps): GroupSession {
  const { createKafka, groupId, topic } = deps;
  const { promise: ended, resolve: end } = Promise.withResolvers<Error | undefined>();
  const events: MemberEvents = {
    onJoined: (partitions) => joined(session, partitions),
    onLeft: () => endGeneration(session),
    onFetched(node) {
      deps.positions.fetchAnswered();
      deps.stalls.fetched(node);
    },
    onPassed: (partition, next, partitionEnd) => passed(session, { partition, next, partitionEnd }),
    onBatch: (batch) => handleBatch(session, batch),
    onCrash(error) {
      endGeneration(session);
      end(error);
    },
  };
  const session: Session = {
    deps,
    drains: new WeakMap(),
    assignment: new Assignment([]),
    committer: undefined,
    joinedAt: null,
    leaving: undefined,
    member: createGroupMember({ kafka: createKafka(), groupId, topic, events }),
    started: Promise.resolve(),
    end,
  };
  session.started = session.member.start().catch((cause: unknown) => {
    endGeneration(session);
    end(cause instanceof Error ? cause : new Error(String(cause)));
  });
  return {
    ended,
    get joinedAt() {
      return session.joinedAt;
    },
    leave: () => (session.leaving ??= leave(session)),
  };
}

function endGeneration(session: Session): void {
  session.joinedAt = null;
  session.assignment.end();
  session.deps.positions.left();
}

function joined(session: Session, partitions: readonly number[]): void {
  const { clock, positions, stalls, check, onJoined, onFatal } = session.deps;
  const fetchesGoOn = session.joinedAt !== null;
  endGeneration(session);
  const mine = new Assignment(partitions);
  session.assignment = mine;
  session.committer = createCommitter({ clock, over: mine.over, onCommitted: positions.committed });
  session.joinedAt = clock.now();
  positions.joined(partitions);
  stalls.joined(partitions);
  // Joined although we leave: our stop came in between.
  if (session.leaving !== undefined) {
    mine.close();
    // Not from inside the first join: the client does not know yet that it has something to leave.
    void session.started.then(() => session.member.leave()).catch(() => undefined);
    return;
  }
  onJoined();
  check.start(mine).catch(onFatal);
  // The client rejoins inside a fetch when leaders have moved, and continues with what its other fetches bring: from
  // behind records that were started in the last generation and are not finished. So all of it is dropped, and joined
  // once more with no fetch under way.
  if (fetchesGoOn) mine.close(Object.assign(new Error('rejoined while fetches went on'), { type: 'REBALANCE_IN_PROGRESS' }));
}

/** A fetch brought nothing but what is not for us. */
function passed(
  { deps: { positions, stalls }, assignment }: Session,
  { partition, next, partitionEnd }: { readonly partition: number; readonly next: bigint; readonly partitionEnd: bigint },
): void {
  if (!assignment.partitions.has(partition)) return;
  positions.fetched(partition, partitionEnd);
  positions.begun(partition, next);
  stalls.moved(partition);
  if (assignment.closed.aborted) return;
  assignment.expected.set(partition, next);
  // Committed with the next record: reading over it again costs nothing.
  const behind = assignment.progress(partition).begin(next)();
  if (behind !== undefined) positions.finished(partition, behind);
}

async function handleBatch(session: Session, batch: FetchedBatch): Promise<void> {
  const { work, stalls } = session.deps;
  const mine = session.assignment;
  stalls.batchBegan(batch.partition);
  const idle = new AbortController();
  const beating = beat(session, { batch, mine, idle: idle.signal });
  try {
    if (!mine.closed.aborted && mine.partitions.has(batch.partition)) await startAll(session, batch, mine);
    await mine.inFlight.atMost(Math.floor(work.window / 2), mine.closed);
    if (mine.closed.aborted) await drained(session, mine);
  } finally {
    idle.abort(heldNoMore);
    await beating;
    stalls.batchEnded(batch.partition);
  }
  if (mine.cause !== undefined) throw mine.cause;
}

/** Resolves when all records are started, or those that were before the assignment was closed. */
async function startAll(session: Session, batch: FetchedBatch, mine: Assignment): Promise<void> {
  const { check, positions, work, onFatal } = session.deps;
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
      if (isFinished) finished(session, mine, { partition, next: finish(), commit: batch.commit });
    });
    mine.inFlight.add(ended);
    // Nothing may come for long, and the partition may be another member's by then.
    void ended.then(() => (mine.inFlight.size === 0 ? session.committer?.flush() : undefined));
    if (mine.over.aborted) return;
    mine.expected.set(partition, next);
    positions.begun(partition, next);
    batch.resolve(record.offset);
  }
}

function finished(
  { deps: { positions }, committer }: Session,
  mine: Assignment,
  { partition, next, commit }: { readonly partition: number; readonly next: bigint | undefined; readonly commit: Commit },
): void {
  if (next === undefined || mine.over.aborted) return;
  positions.finished(partition, next);
  committer?.note(partition, next, commit);
}

/** Of a closed assignment: waits for what is in flight, at most `drainMs`, and commits; then it is over. */
function drained(session: Session, mine: Assignment): Promise<void> {
  let draining = session.drains.get(mine);
  if (draining === undefined) session.drains.set(mine, (draining = drain(session, mine)));
  return draining;
}

async function drain({ deps: { clock, drainMs }, committer }: Session, mine: Assignment): Promise<void> {
  const enough = new AbortController();
  const patience = clock.sleep(drainMs, AbortSignal.any([enough.signal, mine.over])).catch(() => undefined);
  await Promise.race([mine.inFlight.atMost(0, mine.over), patience]);
  enough.abort();
  await committer?.flush();
  mine.end();
}

/** The group continues without us; we rejoin once no batch is held. */
function lost(session: Session, mine: Assignment, cause: Error): void {
  if (mine === session.assignment) session.joinedAt = null;
  mine.end(cause);
}

interface Held {
  readonly batch: FetchedBatch;
  readonly mine: Assignment;
  /** Aborted when the batch is held no more. */
  readonly idle: AbortSignal;
}

/** Sends heartbeats for as long as the batch is held, and learns from the answers that partitions must be let go. */
async function beat(session: Session, { batch, mine, idle }: Held): Promise<void> {
  const { clock, positions } = session.deps;
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
        lost(session, mine, cause as Error);
      }
      // Anything else may be over in a moment; if it is not, the session is.
    }
  };
  while (!idle.aborted) {
    void listen();
    if (clock.now() - heardAt > sessionTimeoutMs) lost(session, mine, lostSession());
    await clock.sleep(heartbeatEveryMs, idle).catch(() => undefined);
  }
}

async function leave(session: Session): Promise<void> {
  const { clock, drainMs } = session.deps;
  session.assignment.close();
  await drained(session, session.assignment);
  // A member that is still joining must be one before it can leave.
  const enough = new AbortController();
  await Promise.race([session.started, clock.sleep(drainMs, enough.signal).catch(() => undefined)]);
  enough.abort();
  // Nothing is lost by a failure: the group forgets a member without heartbeats.
  await session.member.leave().catch(() => undefined);
  endGeneration(session);
  session.end(undefined);
}

/** By this name the client rejoins. */
const lostSession = (): Error =>
  Object.assign(new Error(`no heartbeat was answered for ${sessionTimeoutMs / 1000} s`), { type: 'ILLEGAL_GENERATION' });
