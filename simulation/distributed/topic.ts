/** The instructions topic and its consumer group, simulated: messages in partitions, offsets, and who reads which partition. */
import type { InstructionMessage } from '../../batches/event/read-message.ts';
import { assignPartitions } from '../../batches/pipeline/offsets/sticky-assignment.ts';
import type { Timeline } from '../timeline.ts';

export const topicName = 'payouts.instructions';

/** A member of the group. */
export interface Member {
  readonly id: string;
  /** It has these partitions from now on, as of this generation; what it had before is no longer its own. */
  assigned(partitions: readonly number[], generation: number): void;
}

export interface SimulatedTopic {
  readonly partitions: readonly (readonly InstructionMessage[])[];
  /** Behind the last message that the group needs no more, by partition. */
  readonly committed: readonly number[];
  append(partition: number, key: string, value: string): void;
  /** Resolves when the partition has a message at this offset. */
  hasMessage(partition: number, offset: number): Promise<void>;
  join(member: Member): void;
  /** A member that dies leaves later than one that says so. */
  leave(id: string): void;
  /** Refused, as Kafka does, for a generation that is over. */
  commit(partition: number, next: number, generation: number): void;
}

interface TopicParams {
  readonly timeline: Timeline;
  /** The time of the broker, milliseconds since the epoch. */
  readonly brokerTime: () => number;
  readonly partitionCount: number;
  /** How long a member takes to notice what was assigned, in milliseconds. */
  readonly noticeMs: () => number;
}

export function createTopic({ timeline, brokerTime, partitionCount, noticeMs }: TopicParams): SimulatedTopic {
  const partitions = Array.from({ length: partitionCount }, (): InstructionMessage[] => []);
  const committed = partitions.map(() => 0);
  const waiting: (() => void)[] = [];
  const members = new Map<string, Member>();
  const owned = new Map<string, readonly number[]>();
  let generation = 0;
  const rebalance = (): void => {
    generation += 1;
    const current = generation;
    const claims = [...members.keys()].map((memberId) => ({ memberId, owned: owned.get(memberId) ?? [] }));
    const shares = assignPartitions(
      claims,
      partitions.map((_, partition) => partition),
    );
    owned.clear();
    for (const [id, share] of shares) {
      owned.set(id, share);
      // A member that takes long goes on with what it had, while another one has it already.
      timeline.plan(noticeMs(), () => {
        if (current === generation) members.get(id)?.assigned(share, current);
      });
    }
  };
  return {
    partitions,
    committed,
    append(partition, key, value) {
      const messages = partitions[partition];
      if (messages === undefined) throw new RangeError(`no partition ${partition}`);
      messages.push({
        topic: topicName,
        partition,
        offset: BigInt(messages.length),
        timestamp: brokerTime(),
        isBrokerTime: true,
        key: Buffer.from(key),
        value: Buffer.from(value),
        headers: {},
      });
      for (const wake of waiting.splice(0)) wake();
    },
    async hasMessage(partition, offset) {
      while ((partitions[partition]?.length ?? 0) <= offset) await new Promise<void>((resolve) => void waiting.push(resolve));
    },
    join(member) {
      members.set(member.id, member);
      rebalance();
    },
    leave(id) {
      if (members.delete(id)) rebalance();
    },
    commit(partition, next, of) {
      if (of === generation && next > (committed[partition] ?? 0)) committed[partition] = next;
    },
  };
}
