/** What each process on the machine used between two moments. */
import { availableParallelism } from 'node:os';
import { cpuOfAllButSelf, cpuOfSelf } from '../measure.ts';
import type { Stub } from '../stub-client.ts';
import type { Instances } from './instances.ts';
import type { Servers } from './servers.ts';

/** CPU seconds, user and system. */
export interface Costs {
  readonly wallSeconds: number;
  readonly disburse: number;
  readonly kafka: number;
  readonly redis: number;
  readonly stub: number;
  /** The benchmark's own process. */
  readonly bench: number;
  /** Share of the machine that none of them used, 0 to 1. */
  readonly othersShare: number;
}

/** No child of the benchmark may end between the two moments. */
export function startCosts(params: { readonly servers: Servers; readonly stub: Stub; readonly instances: Instances }): () => Costs {
  const { servers, stub, instances } = params;
  const read = () => ({
    at: performance.now(),
    all: cpuOfAllButSelf(),
    disburse: instances.cpuSeconds(),
    kafka: servers.kafkaCpuSeconds(),
    redis: servers.redisCpuSeconds(),
    stub: stub.cpuSeconds(),
    bench: cpuOfSelf(),
  });
  const before = read();
  return () => {
    const now = read();
    const wallSeconds = (now.at - before.at) / 1000;
    const disburse = now.disburse - before.disburse;
    const kafka = now.kafka - before.kafka;
    const redis = now.redis - before.redis;
    const stubUsed = now.stub - before.stub;
    const others = Math.max(0, now.all - before.all - disburse - kafka - redis - stubUsed);
    const bench = now.bench - before.bench;
    return { wallSeconds, disburse, kafka, redis, stub: stubUsed, bench, othersShare: others / wallSeconds / availableParallelism() };
  };
}
