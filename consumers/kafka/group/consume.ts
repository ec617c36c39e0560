/**
 * Consumes a topic as a member of a group, until it is stopped: every record is passed to `handle` at least once, and
 * its offset is committed only after `handle` and all before it in its partition have finished.
 *
 * Commits only save reading again; that nothing is done twice is the handler's duty. When no broker answers for long, a
 * new client takes over from the last commit, for as long as it takes.
 */
import type { Clock } from '../../../batches/ports/clock.ts';
import { KafkaReadError, readError, seconds, type KafkaFault } from '../errors.ts';
import { rebalanceTimeoutMs } from './group-member.ts';
import type { KafkaFactory } from '../kafka-factory.ts';
import { runSession, type GroupSession } from './session.ts';
import { createOffsetCheck, type OffsetCheck } from '../offsets/offset-check.ts';
import {
  createPartitionOffsets,
  type PartitionOffset,
  type PartitionOffsets,
} from '../../../batches/pipeline/offsets/partition-offsets.ts';
import { createRecordProcessor, type HandleRecord, type RecordProcessor } from './record-processor.ts';
import { createStallDetector, type StallDetector } from '../../../batches/pipeline/offsets/stall-detector.ts';
import { createTopicOffsets, type TopicOffsets } from '../offsets/topic-offsets.ts';

export type { HandleRecord } from './record-processor.ts';
export type { KafkaFactory } from '../kafka-factory.ts';

const restartAfterMs = 1_000;
/** How often the topic's ends are asked for. */
const probeEveryMs = 10_000;
/** Brokers answer, and yet this is no member of the group for so long. */
const unjoinedAtMostMs = 120_000;
/**
 * How long a failure that may pass is tried again, in milliseconds, by whether this was ever a member. Brokers that just
 * started answer that they are loading, and may not know a topic that was just created.
 */
const joinTimeouts: Partial<Record<KafkaFault, { readonly starting: number; readonly joined: number }>> = {
  unreachable: { starting: 15_000, joined: Infinity },
  missing_topic: { starting: 3_000, joined: 60_000 },
};

export interface ConsumeParams {
  /** A new client for each call. */
  readonly createKafka: KafkaFactory;
  readonly groupId: string;
  readonly topic: string;
  /**
   * Must not reject, but when its signal is aborted or the work is being stopped: the record then counts as unfinished
   * and is read again. Any other rejection ends the work.
   */
  readonly handle: HandleRecord;
  /** Records in `handle` at once, over all partitions. */
  readonly window: number;
  readonly clock: Clock;
  /** One line each; an outage is reported once. */
  readonly onWarning: (message: string) => void;
  /** How long what is in flight may take when the group rebalances or consumption stops. Milliseconds, below 30 s. */
  readonly drainMs: number;
}

export interface Consumption {
  /**
   * Resolves after `stop`. Rejects when the work ended for another reason: with what `handle` rejected with, or a
   * `KafkaReadError` that says what to do.
   */
  readonly running: Promise<void>;
  /** Starts nothing new, finishes what is in flight for at most `drainMs`, commits, leaves. Settles as `running` does. */
  stop(): Promise<void>;
  /** Whether this is a member of the group, as far as it is known. */
  isMember(): boolean;
  /** Assigned partitions; empty while this is no member. */
  assigned(): readonly number[];
  /** Records that wait or are in flight, by assigned partition, as last seen. */
  lag(): ReadonlyMap<number, number>;
  positions(): readonly PartitionOffset[];
  /** When a broker last answered a fetch, or a sign of life while nothing is fetched; in milliseconds since the epoch. */
  lastFetchAt(): number | null;
}

/** @throws {RangeError} for a window or a time to drain that cannot be kept */
export function consume(params: ConsumeParams): Consumption {
  checkLimits(params);
  const state = openState(params);
  const running = run(state);
  // `running` and `stop` carry the failure; until they are awaited it is not an unhandled one.
  running.catch(() => undefined);
  const { positions } = state;
  return {
    running,
    stop() {
      end(state);
      return running;
    },
    isMember: () => state.member !== undefined && state.member.joinedAt !== null && !state.outage,
    assigned: () => positions.assigned(),
    lag: () => positions.lag(),
    positions: () => positions.all(),
    lastFetchAt: () => positions.lastFetchAt,
  };
}

function checkLimits({ window, drainMs }: ConsumeParams): void {
  if (!Number.isSafeInteger(window) || window < 1) throw new RangeError(`the window must be 1 or more, not ${window}`);
  if (drainMs >= 0 && drainMs < rebalanceTimeoutMs) return;
  throw new RangeError(
    `the drain time must be below ${seconds(rebalanceTimeoutMs)}, or the group continues without this member; it is ${drainMs} ms`,
  );
}

/** What outlives the members that follow one another. */
interface State extends Pick<ConsumeParams, 'createKafka' | 'groupId' | 'topic' | 'clock' | 'onWarning' | 'drainMs'> {
  readonly positions: PartitionOffsets;
  readonly stalls: StallDetector;
  readonly offsets: TopicOffsets;
  readonly check: OffsetCheck;
  readonly work: RecordProcessor;
  readonly ending: AbortController;
  fatal: { readonly cause: unknown } | undefined;
  member: GroupSession | undefined;
  hasJoined: boolean;
  triedSince: number;
  outage: boolean;
}

function openState(params: ConsumeParams): State {
  const { createKafka, groupId, topic, clock, onWarning, window, handle } = params;
  const now = (): number => clock.now();
  const positions = createPartitionOffsets(now);
  const offsets = createTopicOffsets(createKafka, topic);
  const ending = new AbortController();
  const state: State = {
    ...params,
    positions,
    stalls: createStallDetector(now),
    offsets,
    check: createOffsetCheck({ offsets, groupId, topic, clock, offsetsOf: positions, onWarning }),
    work: createRecordProcessor({ window, handle, isStopping: () => ending.signal.aborted, onFailure: (cause) => fail(state, cause) }),
    ending,
    fatal: undefined,
    member: undefined,
    hasJoined: false,
    triedSince: now(),
    outage: false,
  };
  return state;
}

function end({ ending, member }: State): void {
  ending.abort();
  void member?.leave();
}

function fail(state: State, cause: unknown): void {
  state.fatal ??= { cause };
  end(state);
}

async function run(state: State): Promise<void> {
  const probing = probe(state).catch((cause: unknown) => fail(state, cause));
  try {
    await followMembers(state);
  } catch (cause) {
    fail(state, cause);
  }
  end(state);
  await state.member?.leave();
  await probing;
  await state.offsets.close().catch(() => undefined);
  if (state.fatal !== undefined) throw state.fatal.cause;
}

/** One member after the other, until it is stopped or trying again is no use. */
async function followMembers(state: State): Promise<void> {
  const { clock, topic, positions, ending, onWarning } = state;
  const onJoined = (): void => {
    state.hasJoined = true;
    if (state.outage) onWarning(`Kafka answers again: reading ${topic} continues.`);
    state.outage = false;
  };
  while (!ending.signal.aborted) {
    state.member = runSession({ ...state, onJoined, onFatal: (cause) => fail(state, cause) });
    const crash = await state.member.ended;
    if (crash === undefined || ending.signal.aborted) break;
    if (state.hasJoined && !state.outage) state.triedSince = positions.lastFetchAt ?? state.triedSince;
    const error = readError(crash, readingOf(state));
    if (!mayTryAgain(state, error)) throw error;
    if (state.hasJoined && !state.outage) onWarning(`${error.message} Retrying until it answers.`);
    state.outage = state.hasJoined;
    await clock.sleep(restartAfterMs, ending.signal).catch(() => undefined);
  }
}

const readingOf = ({ topic, groupId, createKafka, clock, triedSince }: State) => ({
  topic,
  groupId,
  brokers: createKafka.brokers,
  triedForMs: clock.now() - triedSince,
});

/** Whether another member may do better. */
function mayTryAgain({ clock, triedSince, hasJoined }: State, { code }: KafkaReadError): boolean {
  const patienceMs = joinTimeouts[code]?.[hasJoined ? 'joined' : 'starting'] ?? 0;
  return clock.now() - triedSince < patienceMs;
}

/** Asks for the ends, by a client of its own: for the lag, and to notice when nothing arrives of what is there. */
async function probe(state: State): Promise<void> {
  const { clock, ending, offsets, positions, topic, groupId } = state;
  const suspects = new Set<number>();
  let unjoinedSince = clock.now();
  while (!ending.signal.aborted) {
    await clock.sleep(probeEveryMs, ending.signal).catch(() => undefined);
    if (ending.signal.aborted) return;
    if (state.member?.joinedAt !== null) unjoinedSince = clock.now();
    try {
      for (const [partition, range] of await offsets.ranges()) positions.fetched(partition, range.end);
    } catch {
      // No answer proves nothing about the consumer; an outage is reported where it ends a member.
      unjoinedSince = clock.now();
      continue;
    }
    if (clock.now() - unjoinedSince > unjoinedAtMostMs)
      throw stalled(topic, `the group ${groupId} did not accept this member for ${seconds(unjoinedAtMostMs)}`);
    checkStalls(state, suspects);
  }
}

/** @throws {KafkaReadError} `stalled` */
function checkStalls({ positions, stalls, topic }: State, suspects: Set<number>): void {
  for (const [partition, unread] of positions.unread()) {
    if (unread === 0) stalls.moved(partition);
    if (unread === 0 || !stalls.isStalled(partition)) suspects.delete(partition);
    // Looked at twice, so that a machine that slept may catch up.
    else if (suspects.has(partition)) throw stalled(topic, `partition ${partition} has ${unread} unread records but returns none`);
    else suspects.add(partition);
  }
}

const stalled = (topic: string, why: string): KafkaReadError =>
  new KafkaReadError(
    'stalled',
    topic,
    `Reading ${topic} has stalled although Kafka answers: ${why}. Restart this process; if that does not help, check the brokers.`,
  );
