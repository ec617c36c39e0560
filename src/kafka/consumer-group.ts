/** Questions about a consumer group to the cluster. */
import type { CreateKafka } from './client.ts';

/** Whether the group has committed every offset that the topic has now. */
export async function isFullyCommitted(createKafka: CreateKafka, groupId: string, topic: string): Promise<boolean> {
  const admin = createKafka().admin();
  await admin.connect();
  try {
    const [ends, [committed]] = await Promise.all([admin.fetchTopicOffsets(topic), admin.fetchOffsets({ groupId, topics: [topic] })]);
    const next = new Map(committed?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
    return ends.every(({ partition, low, high }) => low === high || (next.get(partition) ?? -1n) >= BigInt(high));
  } finally {
    await admin.disconnect();
  }
}

/** The next offset that the group has committed, of each partition of the topic that it has committed any of. */
export async function committedOffsets(createKafka: CreateKafka, groupId: string, topic: string): Promise<ReadonlyMap<number, bigint>> {
  const admin = createKafka().admin();
  await admin.connect();
  try {
    const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const partitions = (committed?.partitions ?? []).map(({ partition, offset }) => [partition, BigInt(offset)] as const);
    return new Map(partitions.filter(([, offset]) => offset >= 0n));
  } finally {
    await admin.disconnect();
  }
}

/** How many members the consumer group has now. */
export async function groupMembers(createKafka: CreateKafka, groupId: string): Promise<number> {
  const admin = createKafka().admin();
  await admin.connect();
  try {
    const { groups } = await admin.describeGroups([groupId]);
    return groups[0]?.members.length ?? 0;
  } finally {
    await admin.disconnect();
  }
}
