/** Reads the partitions that an instance has: several messages at once, each offset committed when all before it are done. */
import type { InstructionMessage } from '../../batches/event/read-message.ts';
import { createPartitionProgress } from '../../batches/pipeline/offsets/partition-progress.ts';
import type { MessageProcessor } from '../../batches/pipeline/process-message.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Life } from '../ports.ts';
import type { Member, SimulatedTopic } from './topic.ts';

interface ReaderParams {
  readonly id: string;
  readonly topic: SimulatedTopic;
  readonly life: Life;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly work: MessageProcessor<InstructionMessage>;
  readonly signal: AbortSignal;
  readonly onFailure: (cause: unknown) => void;
}

const fetchMs = 5;
export const window = 4;

/** @returns the member to join the group with */
export function createReader(params: ReaderParams): Member {
  const { id, life, topic } = params;
  /** What is under way, also of an assignment that is over: a message is in the hands of its handler once at a time. */
  const underWay = new Map<string, Promise<boolean>>();
  let current = 0;
  const read = async (partition: number, generation: number): Promise<void> => {
    const progress = createPartitionProgress(window);
    const never = new AbortController().signal;
    let next = topic.committed[partition] ?? 0;
    const isMine = (): boolean => current === generation && life.isAlive() && !params.signal.aborted;
    while (isMine()) {
      await topic.hasMessage(partition, next);
      // A machine that is suspended notices it when it goes on.
      await params.clock.sleep(fetchMs);
      const message = topic.partitions[partition]?.[next];
      if (message === undefined || !isMine() || !(await progress.room(never)) || !isMine()) return;
      next += 1;
      const finished = progress.begin(BigInt(next));
      void handle(params, underWay, message).then((isDone) => {
        const end = isDone ? finished() : undefined;
        if (end === undefined || !life.isAlive()) return;
        life.risk('before an offset is committed');
        if (life.isAlive()) topic.commit(partition, Number(end), generation);
      });
    }
  };
  return {
    id,
    assigned(partitions, generation) {
      if (!life.isAlive()) return;
      current = generation;
      for (const partition of partitions) void read(partition, generation);
    },
  };
}

async function handle(params: ReaderParams, underWay: Map<string, Promise<boolean>>, message: InstructionMessage): Promise<boolean> {
  const place = `${message.partition}:${message.offset}`;
  const earlier = underWay.get(place);
  if (earlier !== undefined && (await earlier)) return true;
  const work = params.work(message).then(
    () => true,
    (cause: unknown) => {
      if (!params.signal.aborted) params.onFailure(cause);
      return false;
    },
  );
  underWay.set(place, work);
  return work.finally(() => {
    if (underWay.get(place) === work) underWay.delete(place);
  });
}
