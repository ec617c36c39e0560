/**
 * The order of the test files: those that take longest begin first, so that none of them is left alone at the end, and those
 * that mostly wait for servers begin at the same time as those that mostly compute, so that the processors are busy at any
 * time. Without results of a former run vitest goes by the size of the files, which says little of those that wait.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The seconds of files that take more than half a minute. */
export const secondsOfLongest: Readonly<Record<string, number>> = {
  'e2e/outages.services.test.ts': 220,
  'e2e/distributed.services.test.ts': 155,
  'e2e/gateway-outage.services.test.ts': 115,
  'e2e/operations.e2e.test.ts': 90,
  'e2e/forgetful-redis.services.test.ts': 85,
  'browser/pages.browser.test.ts': 80,
  'simulation/schedules.int.test.ts': 80,
  'e2e/results-commands.e2e.test.ts': 80,
  'e2e/console-upload.e2e.test.ts': 70,
  'e2e/growing-files.e2e.test.ts': 70,
  'e2e/every-record-ends.services.test.ts': 70,
  'e2e/secured.services.test.ts': 65,
  'consumers/kafka/outage.services.test.ts': 65,
  'package/packed.int.test.ts': 65,
  'e2e/every-record-ends.e2e.test.ts': 60,
  'producers/kafka/outage.services.test.ts': 60,
  'producers/kafka/leader-killed.services.test.ts': 55,
  'e2e/rebuild.services.test.ts': 50,
  'browser/story.browser.test.ts': 50,
  'e2e/move.e2e.test.ts': 45,
  'src/ledger/redis/cluster.services.test.ts': 45,
  'docs/operations-tour.int.test.ts': 45,
  'e2e/clients.services.test.ts': 45,
  'e2e/operations.services.test.ts': 45,
  'e2e/distributed-commands.services.test.ts': 40,
  'fuzz/fuzz.int.test.ts': 40,
  'simulation/model.unit.test.ts': 40,
  'src/ledger/redis/contract.services.test.ts': 40,
  'e2e/redis-cluster.services.test.ts': 40,
};

/** The others by their kind. */
const kinds: readonly (readonly [ending: string, seconds: number])[] = [
  ['.services.test.ts', 20],
  ['.e2e.test.ts', 15],
  ['.int.test.ts', 5],
  ['.unit.test.ts', 1],
];

const secondsOf = (path: string): number => secondsOfLongest[path] ?? kinds.find(([ending]) => path.endsWith(ending))?.[1] ?? 1;

export interface Weighed<T> {
  readonly file: T;
  readonly seconds: number;
}

/** The longest first of each list, and of the lists the one of which the smaller part of its seconds is given out. */
export function interleaved<T>(lists: readonly (readonly Weighed<T>[])[]): T[] {
  const queues = lists.map((list) => ({
    left: list.toSorted((one, other) => other.seconds - one.seconds),
    total: list.reduce((sum, file) => sum + file.seconds, 0),
    given: 0,
  }));
  const order: T[] = [];
  for (;;) {
    const [next] = queues.filter(({ left }) => left.length > 0).toSorted((one, other) => one.given / one.total - other.given / other.total);
    const first = next?.left.shift();
    if (next === undefined || first === undefined) return order;
    next.given += first.seconds;
    order.push(first.file);
  }
}

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const weighed = sorted.map((file) => ({ file, seconds: secondsOf(file.moduleId.slice(file.moduleId.lastIndexOf('/test/') + 6)) }));
    const waits = ({ file }: Weighed<TestSpecification>): boolean => file.moduleId.endsWith('.services.test.ts');
    return interleaved([weighed.filter(waits), weighed.filter((file) => !waits(file))]);
  }
}
