/**
 * Works on a topic as a member of a group, until it is stopped: every record is handed to `handle` at least once, and
 * its offset is committed only after `handle` and all before it in its partition have finished.
 *
 * Commits only save reading again; that nothing is done twice, the handler must see to by itself. When no broker
 * answers for long, a new client takes over from the last commit, for as long as it takes.
 */
import type { Clock } from '../../../batches/ports/clock.ts';
import { KafkaReadError, readError, seconds, type KafkaFault } from '../errors.ts';
import { rebalanceTimeoutMs, type KafkaFactory } from './group-member.ts';
import { runSession, type GroupSession } from './session.ts';
import { createOffsetCheck } from '../offsets/offset-check.ts';
import { createPartitionOffsets, type PartitionOffset } from '../../../batches/pipeline/offsets/partition-offsets.ts';
import { createRecordProcessor, type HandleRecord } from './record-processor.ts';
import { createStallDetector } from '../../../batches/pipeline/offsets/stall-detector.ts';
import { createTopicOffsets } from '../offsets/topic-offsets.ts';

export type { HandleRecord } from './record-processor.ts';
export type { PartitionOffset as PartitionPosition } from '../../../batches/pipeline/offsets/partition-offsets.ts';
export type { KafkaFactory } from './group-member.ts';

const restartAfterMs = 1_000;
/** How often the topic's ends are asked for. */
const probeEveryMs = 10_000;
/** Answered by brokers and yet no member of the group for so long. */
const unjoinedAtMostMs = 120_000;
/**
 * How long what may mend itself is tried again, in milliseconds, by whether we were ever a member. Brokers that just
 * started answer that they are loading, and may not know a topic that was just made, nor any when they came back.
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
  /** Told in one line; an outage once. */
  readonly onWarning: (message: string) => void;
  /** How long what is under way may take when partitions are dealt anew or the work is stopped. Milliseconds, below 30 s. */
  readonly drainMs: number;
}

export interface Consumption {
  /**
   * Resolves after `stop`. Rejects when the work ended for another reason: with what `handle` rejected with, or a
   * `KafkaReadError` that says what to do.
   */
  readonly running: Promise<void>;
  /** Begins nothing new, finishes what is under way for at most `drainMs`, commits, leaves. Settles as `running` does. */
  stop(): Promise<void>;
  /** Whether the group has let us in, and we have heard no other since. */
  isMember(): boolean;
  /** Our partitions now; empty while we are no member. */
  assigned(): readonly number[];
  /** Records that wait or are under way, by partition of ours, as newly as it is known. */
  lag(): ReadonlyMap<number, number>;
  positions(): readonly PartitionOffset[];
  /** When a broker last answered a fetch, or a sign of life while nothing is fetched; in milliseconds since the epoch. */
  lastFetchAt(): number | null;
}

/** @throws {RangeError} for a window or a time to drain that cannot be held */
export function consume(params: ConsumeParams): Consumption {
  const { createKafka, groupId, topic, clock, onWarning, drainMs } = params;
  if (!Number.isSafeInteger(params.window) || params.window < 1) throw new RangeError(`the window must be 1 or more, not ${params.window}`);
  if (!(drainMs >= 0 && drainMs < rebalanceTimeoutMs)) {
    throw new RangeError(
      `the time to drain must be below ${seconds(rebalanceTimeoutMs)}, else the group goes on without us; it is ${drainMs} ms`,
    );
  }
  const now = (): number => clock.now();
  const positions = createPartitionOffsets(now);
  const stalls = createStallDetector(now);
  const offsets = createTopicOffsets(createKafka, topic);
  const check = createOffsetCheck({ offsets, groupId, topic, clock, offsetsOf: positions, onWarning });
  const ending = new AbortController();
  let fatal: { readonly cause: unknown } | undefined;
  let member: GroupSession | undefined;
  let hasJoined = false;
  let triedSince = now();
  let outage = false;

  const end = (): void => {
    ending.abort();
    void member?.leave();
  };
  const onFatal = (cause: unknown): void => {
    fatal ??= { cause };
    end();
  };
  const work = createRecordProcessor({
    window: params.window,
    handle: params.handle,
    isStopping: () => ending.signal.aborted,
    onFailure: onFatal,
  });
  const onJoined = (): void => {
    hasJoined = true;
    if (outage) onWarning(`Kafka answers again: reading ${topic} goes on.`);
    outage = false;
  };

  /** What the end of a member means: undefined when another one may do better. */
  const verdict = (crash: Error): KafkaReadError | undefined => {
    const triedForMs = now() - triedSince;
    const error = readError(crash, { topic, groupId, brokers: createKafka.brokers, triedForMs });
    const patienceMs = joinTimeouts[error.code]?.[hasJoined ? 'joined' : 'starting'] ?? 0;
    return triedForMs < patienceMs ? undefined : error;
  };
  const members = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      member = runSession({ createKafka, groupId, topic, clock, drainMs, work, positions, check, stalls, onJoined, onFatal });
      const crash = await member.ended;
      if (crash === undefined || ending.signal.aborted) break;
      if (hasJoined && !outage) triedSince = lastSignOfLife();
      const error = verdict(crash);
      if (error !== undefined) throw error;
      if (hasJoined && !outage) onWarning(`${readError(crash, reading()).message} It is tried again until it answers.`);
      outage = hasJoined;
      await clock.sleep(restartAfterMs, ending.signal).catch(() => undefined);
    }
  };
  const lastSignOfLife = (): number => positions.lastFetchAt ?? triedSince;
  const reading = () => ({ topic, groupId, brokers: createKafka.brokers, triedForMs: now() - triedSince });

  /** Asks for the ends, by a client of its own: for the lag, and to notice when nothing arrives of what is there. */
  const probe = async (): Promise<void> => {
    let unjoinedSince = now();
    const suspects = new Set<number>();
    while (!ending.signal.aborted) {
      await clock.sleep(probeEveryMs, ending.signal).catch(() => undefined);
      if (ending.signal.aborted) return;
      if (member?.joinedAt !== null) unjoinedSince = now();
      try {
        for (const [partition, range] of await offsets.ranges()) positions.fetched(partition, range.end);
      } catch {
        // No answer proves nothing about the consumer; an outage is told where it ends a member.
        unjoinedSince = now();
        continue;
      }
      if (now() - unjoinedSince > unjoinedAtMostMs)
        throw stalled(`the group ${groupId} did not let us in for ${seconds(unjoinedAtMostMs)}`);
      for (const [partition, unread] of positions.unread()) {
        if (unread === 0) stalls.moved(partition);
        if (unread === 0 || !stalls.isStalled(partition)) suspects.delete(partition);
        // Looked at twice, so that a machine that slept may catch up.
        else if (suspects.has(partition)) throw stalled(`partition ${partition} has ${unread} records waiting and brings none`);
        else suspects.add(partition);
      }
    }
  };
  const stalled = (why: string): KafkaReadError =>
    new KafkaReadError(
      'stalled',
      topic,
      `Reading ${topic} has stalled although Kafka answers: ${why}. Start this process again; if that does not help, look at the brokers.`,
    );

  const run = async (): Promise<void> => {
    const probing = probe().catch(onFatal);
    try {
      await members();
    } catch (cause) {
      onFatal(cause);
    }
    end();
    await member?.leave();
    await probing;
    await offsets.close().catch(() => undefined);
    if (fatal !== undefined) throw fatal.cause;
  };
  const running = run();
  // Whoever awaits `running` or `stop` gets the failure; until then it is not an unhandled one.
  running.catch(() => undefined);

  return {
    running,
    stop() {
      end();
      return running;
    },
    isMember: () => member !== undefined && member.joinedAt !== null && !outage,
    assigned: () => positions.assigned(),
    lag: () => positions.lag(),
    positions: () => positions.all(),
    lastFetchAt: () => positions.lastFetchAt,
  };
}
