/**
 * The order of the test files of a project: those that take longest begin first, so that none of them is left alone at the end. Without
 * results of a former run vitest goes by the size of the files, which says little of those that wait for servers.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Of more than half a minute, the longest first. */
const longest = [
  'e2e/outages.services.test.ts',
  'e2e/distributed.services.test.ts',
  'e2e/gateway-outage.services.test.ts',
  'e2e/forgetful-redis.services.test.ts',
  'consumers/kafka/outage.services.test.ts',
  'producers/kafka/outage.services.test.ts',
  'e2e/rebuild.services.test.ts',
  'src/ledger/redis/contract.services.test.ts',
  'e2e/secured.services.test.ts',
  'e2e/every-record-ends.services.test.ts',
  'producers/kafka/leader-killed.services.test.ts',
  'e2e/redis-cluster.services.test.ts',
  'simulation/schedules.int.test.ts',
  'e2e/results-commands.e2e.test.ts',
  'e2e/operations.e2e.test.ts',
  'e2e/growing-files.e2e.test.ts',
  'e2e/commands.e2e.test.ts',
  'e2e/every-record-ends.e2e.test.ts',
  'e2e/interruption.e2e.test.ts',
  'e2e/move.e2e.test.ts',
];

const rank = ({ moduleId }: TestSpecification): number => {
  const found = longest.findIndex((path) => moduleId.endsWith(`/test/${path}`));
  return found === -1 ? longest.length : found;
};

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    // One project after the other, as vitest has them.
    const projects = [...new Set(sorted.map(({ project }) => project.name))];
    const place = ({ project }: TestSpecification): number => projects.indexOf(project.name);
    return sorted.toSorted((one, other) => place(one) - place(other) || rank(one) - rank(other));
  }
}
