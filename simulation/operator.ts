/** A person who pauses, resumes, cancels, retries and resolves at random moments, and looks at the bank before a decision. */
import type { OperationRequest } from '../batches/operations/request.ts';
import type { LedgerRecord } from '../batches/record/record.ts';
import { isFinal } from '../batches/record/status.ts';
import type { Dice } from './dice.ts';
import type { World } from './world.ts';

/** @property names of batches and records that the files of the schedule have */
export interface OperatorParams {
  readonly world: World;
  /** Its own: schedules without an operator stay as they are. */
  readonly dice: Dice;
  readonly batchIds: readonly [string, ...string[]];
  readonly recordIds: readonly [string, ...string[]];
}

export interface Person {
  /** Asks for a few things from now on. */
  planActs(): void;
  /** Asks for nothing more but that everything goes on. */
  leave(): void;
}

const person = { by: 'operator', reason: 'simulated' } as const;

export function createPerson(params: OperatorParams): Person {
  const { world, dice, batchIds } = params;
  let hasLeft = false;
  const ask = (request: OperationRequest): void => {
    const what = 'batchId' in request ? (request.batchId ?? 'everything') : 'recordId' in request ? request.recordId : '';
    world.story.tell('operator', `asks to ${request.type} ${what}`);
    world.requests.push(request);
  };
  return {
    planActs() {
      for (let acts = dice.between(0, 5); acts > 0; acts -= 1) {
        const delayMs = dice.between(0, dice.pick([300, 20_000, 600_000]));
        world.timeline.plan(delayMs, () => {
          const request = hasLeft ? null : drawRequest(params);
          if (request !== null) ask(request);
        });
      }
    },
    leave() {
      hasLeft = true;
      for (const batchId of [null, ...batchIds]) ask({ type: 'resume', batchId, ...person });
    },
  };
}

function drawRequest({ world, dice, batchIds, recordIds }: OperatorParams): OperationRequest | null {
  const batchId = dice.pick(batchIds);
  const recordId = dice.pick(recordIds);
  const type = dice.pick(['pause', 'resume', 'pause', 'resume', 'cancel', 'cancel_record', 'retry', 'retry', 'resolve', 'resolve']);
  switch (type) {
    case 'pause':
    case 'resume':
      return { type, batchId: dice.chance(0.4) ? null : batchId, ...person };
    case 'cancel':
      return { type, batchId, ...person };
    case 'resolve':
      return resolution(world, dice, recordId);
    case 'cancel_record':
    case 'retry':
      return { type, recordId, ...person };
  }
}

/** As the bank shows it then; sometimes mistaken, since a person can be. */
function resolution(world: World, dice: Dice, recordId: string): OperationRequest | null {
  const record = world.store.records.get(recordId)?.record;
  if (record === undefined || isFinal[record.status]) return null;
  const isMistaken = dice.chance(0.1);
  const as = isMistaken ? dice.pick(['succeeded', 'failed']) : truthOf(world, record);
  if (as === null) return null;
  return { type: 'resolve', recordId, as, evidence: 'the bank', ...person };
}

/** Null while something may still be paid, or when another amount was. */
export function truthOf({ bank }: World, { recordId, amountMinor }: LedgerRecord): 'succeeded' | 'failed' | null {
  const payments = bank.payments.filter((payment) => payment.recordId === recordId);
  if (payments.length > 0) return payments.every(({ amount }) => BigInt(amount) === amountMinor) ? 'succeeded' : null;
  const isRunning = [...bank.sessions.values()].some(
    (session) => session.recordId === recordId && session.entries.some(({ status }) => status === 'in_progress' || status === 'pending'),
  );
  return isRunning ? null : 'failed';
}
