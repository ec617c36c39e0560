/** What the results say of the ledger that they were published from. */
import { readTopic } from '../../../consumers/kafka/read-topic.ts';
import type { CreateKafka } from '../../kafka/client.ts';
import { parseResult, replayedHeader } from '../../kafka/results-reader.ts';
import { mostShards } from '../../ledger/redis/sharding.ts';

/** Read of each partition at first. */
const resultsAtFirst = 256;
/** Of each partition; the very last may be anything that somebody else put there. */
const ownFromLast = 50;
/** Of all partitions: with twenty for each of the most shards, one shard has no mark among them in less than one of a million starts. */
const ownFromAll = 20 * mostShards;

/** How many results of a partition were read, and how many of them were not published again. */
interface ReadResults {
  readonly all: number;
  readonly own: number;
}

/**
 * The marks that the newest results carry, which the ledger must not be behind of; and whether there are results at all. Results
 * that were published again carry old marks: behind them the reading goes further back.
 */
export async function newestMarks(createKafka: CreateKafka, topic: string, signal: AbortSignal) {
  const common = { createKafka, topic, until: 'end', signal, groupPrefix: 'disburse-marks' } as const;
  for (let last = resultsAtFirst, former = -1; ; last *= 8) {
    const marks: string[] = [];
    const read = new Map<number, { all: number; own: number }>();
    for await (const { value, partition, headers } of readTopic({ ...common, from: { lastOf: last } })) {
      const counts = read.get(partition) ?? { all: 0, own: 0 };
      read.set(partition, counts);
      counts.all += 1;
      if (headers[replayedHeader] !== undefined) continue;
      counts.own += 1;
      const mark = value === null ? undefined : parseResult(value)?.ledger_mark;
      if (mark !== undefined && /^[^.]+\.\d+\.\d+$/.test(mark)) marks.push(mark);
    }
    const partitions = [...read.values()];
    const all = partitions.reduce((sum, one) => sum + one.all, 0);
    // Where no more is found, there is no more.
    if (all === former || isEnough(partitions, last)) return { marks, hasResults: all > 0 };
    former = all;
  }
}

/** Whether the marks show each shard of the ledger as it was lately. @param last how many results of each partition were asked for */
export function isEnough(partitions: readonly ReadResults[], last: number): boolean {
  if (partitions.every(({ all, own }) => own === all && all < last)) return true;
  const ofAll = partitions.reduce((sum, { own }) => sum + own, 0);
  return ofAll >= ownFromAll && partitions.every(({ all, own }) => own === all || own >= ownFromLast);
}
