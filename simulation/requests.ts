/** Carries out what persons asked for, in a simulated process; what it dies over is carried out again by the next one. */
import { operate } from '../batches/operations/operate.ts';
import type { OperationDeps } from '../batches/operations/operation-deps.ts';
import type { OperationRequest } from '../batches/operations/request.ts';
import type { Worker } from '../batches/pipeline/worker.ts';
import { isFinal } from '../batches/record/status.ts';
import { truthOf } from './operator.ts';
import type { Life } from './ports.ts';
import type { World } from './world.ts';

const everyMs = 1_000;

/** @param life of the process: it may die before and after each request */
export function createRequestWorker(world: World, name: string, life: Life, deps: OperationDeps): Worker {
  return {
    name: 'commands',
    async tick() {
      await answerRequests(world, name, life, deps);
      return everyMs;
    },
  };
}

export async function answerRequests(world: World, name: string, life: Life, deps: OperationDeps): Promise<void> {
  for (;;) {
    const [request, next] = world.requests;
    if (request === undefined) return;
    life.risk(`before ${request.type}`);
    if (!life.isAlive()) return;
    const asked = next !== undefined && isOfOneMoment(request, next) ? [request, next] : [request];
    const answers = await Promise.all(asked.map(async (one) => ({ one, ...(await operate(deps, one)) })));
    life.risk(`after ${request.type}`);
    if (!life.isAlive()) return;
    world.requests.splice(0, asked.length);
    world.persons.answered += asked.length;
    for (const { one, outcome, text } of answers) {
      world.story.tell(name, `${one.type}: ${outcome}: ${text}`);
      if (outcome === 'done' || outcome === 'unchanged') noteEnd(world, one);
      else world.gates?.rightApprovals.delete(one);
    }
  }
}

const decides = ({ type }: OperationRequest): boolean => type === 'approve' || type === 'refuse';

/** Two decisions on one file, which two persons make at once. */
const isOfOneMoment = (one: OperationRequest, other: OperationRequest): boolean =>
  decides(one) && decides(other) && 'batchId' in one && 'batchId' in other && one.batchId === other.batchId;

function noteEnd(world: World, request: OperationRequest): void {
  if (request.type === 'approve') world.gates?.approved.add(request.batchId);
  if (request.type === 'refuse') world.gates?.refused.add(request.batchId);
  if (request.type !== 'resolve' && request.type !== 'cancel_record') return;
  const { recordId } = request;
  const record = world.store.records.get(recordId)?.record;
  if (record === undefined || !isFinal[record.status]) return;
  world.persons.endedAt.set(recordId, world.timeline.elapsed());
  if (request.type === 'resolve' && truthOf(world, record) !== record.status) world.persons.mistaken.add(recordId);
}
