/** The deal of `sticky-deal.ts` as kafkajs wants it: members tell with each join what they have, the leader deals. */
import kafkajs, { type PartitionAssigner } from 'kafkajs';
import { assignPartitions } from '../../../batches/pipeline/offsets/sticky-assignment.ts';

// Node.js finds no such name among the exports.
const { AssignerProtocol } = kafkajs;
const { MemberAssignment, MemberMetadata } = AssignerProtocol;

const version = 1;

/** @param owned our partitions of the topic at this moment */
export const stickyAssigner =
  (topic: string, owned: () => readonly number[]): PartitionAssigner =>
  ({ cluster }) => ({
    name: 'disburse-sticky',
    version,
    protocol: ({ topics }) => ({
      name: 'disburse-sticky',
      metadata: MemberMetadata.encode({ version, topics, userData: Buffer.from(JSON.stringify(owned())) }),
    }),
    async assign({ members }) {
      const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
      const assigned = assignPartitions(
        members.map(({ memberId, memberMetadata }) => ({ memberId, owned: partitionsIn(memberMetadata) })),
        partitions,
      );
      return [...assigned].map(([memberId, own]) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({ version, assignment: { [topic]: [...own] }, userData: Buffer.alloc(0) }),
      }));
    },
  });

/** What a member claims to have; what cannot be read is nothing. */
function partitionsIn(metadata: Buffer): number[] {
  try {
    const claimed = JSON.parse(MemberMetadata.decode(metadata)?.userData.toString('utf8') ?? '[]') as unknown;
    return Array.isArray(claimed) ? claimed.filter((partition): partition is number => Number.isSafeInteger(partition)) : [];
  } catch {
    return [];
  }
}
