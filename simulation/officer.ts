/** Persons who approve files and refuse them, rightly and wrongly, and confirm sessions in the pages of the gateway. */
import { isDeepStrictEqual } from 'node:util';
import type { OperationRequest, RequestOf } from '../batches/operations/request.ts';
import type { Dice } from './dice.ts';
import { submitter, type FilePlan, type WorldGates } from './gates.ts';
import type { World } from './world.ts';

export interface Officer {
  /** Decides a few things from now on. */
  planActs(): void;
  /** Decides nothing more by chance. */
  leave(): void;
  /** Approves what waits, or leaves it waiting, and ends what was admitted as another version reads it. */
  decideRest(): void;
}

const second = 'ben.second';

export function createOfficer(world: World, gates: WorldGates): Officer {
  const { dice } = gates;
  const plans = [...gates.plans.values()] as [FilePlan, ...FilePlan[]];
  let hasLeft = false;
  return {
    planActs() {
      for (let acts = dice.between(0, 4); acts > 0; acts -= 1) {
        const delayMs = dice.between(0, dice.pick([300, 20_000, 600_000]));
        world.timeline.plan(delayMs, () => {
          if (!hasLeft) act(world, gates, dice.pick(plans));
        });
      }
    },
    leave: () => void (hasLeft = true),
    decideRest() {
      for (const plan of gates.plans.values()) {
        if (isReadOtherwise(world, plan))
          ask(world, { type: 'cancel', batchId: plan.file.batchId, by: second, reason: 'it was read otherwise' });
        else if (dice.chance(0.8)) approve(world, gates, plan);
      }
    },
  };
}

function act(world: World, gates: WorldGates, plan: FilePlan): void {
  const { dice } = gates;
  const { batchId } = plan.file;
  const refusal: OperationRequest = { type: 'refuse', batchId, by: second, reason: 'wrong month' };
  switch (dice.pick(['right', 'right', 'right', 'wrong', 'own', 'refuse', 'both', 'confirm', 'confirm'])) {
    case 'right':
      return approve(world, gates, plan);
    case 'wrong':
      return ask(world, { ...approvalOf(plan), expect: wrongTotals(dice, plan) });
    case 'own':
      return ask(world, { ...approvalOf(plan), by: dice.pick([submitter, ` ${submitter.toUpperCase()}`]) });
    case 'refuse':
      return ask(world, refusal);
    case 'both': {
      // Asked for at one moment, and carried out at once.
      const isFirst = dice.chance(0.5);
      if (isFirst) ask(world, refusal);
      approve(world, gates, plan);
      if (!isFirst) ask(world, refusal);
      return;
    }
    case 'confirm':
      for (const sessionId of world.bank.sessions.keys()) if (dice.chance(0.5)) world.bank.confirmByPerson(sessionId);
  }
}

function ask(world: World, request: RequestOf<'approve' | 'refuse' | 'cancel'>): void {
  world.story.tell('officer', `asks to ${request.type} ${request.batchId} as ${request.by}`);
  world.requests.push(request);
}

function approve(world: World, gates: WorldGates, plan: FilePlan): void {
  const request = approvalOf(plan);
  gates.rightApprovals.set(request, { batchId: plan.file.batchId, at: world.timeline.elapsed() });
  ask(world, request);
}

const approvalOf = ({ file, totals }: FilePlan): RequestOf<'approve'> => ({
  type: 'approve',
  batchId: file.batchId,
  expect: [...totals].map(([currency, { count, amountMinor }]) => ({ currency, count, amountMinor: String(amountMinor) })),
  by: second,
  reason: 'compared with the list',
});

function wrongTotals(dice: Dice, plan: FilePlan): RequestOf<'approve'>['expect'] {
  const [total] = approvalOf(plan).expect;
  if (total === undefined) return [{ currency: 'EUR', count: 1, amountMinor: '1000' }];
  const { currency, count, amountMinor } = total;
  if (dice.chance(0.3)) return [];
  return [
    dice.chance(0.5) ? { currency, count: count + 1, amountMinor } : { currency, count, amountMinor: String(BigInt(amountMinor) - 100n) },
  ];
}

/** Whether it was submitted with other totals than those of the file that persons know, or a row that waits has another amount. */
const isReadOtherwise = ({ store }: World, plan: FilePlan): boolean => {
  const submitted = store.terms.get(plan.file.batchId)?.submission?.totals;
  return (submitted !== undefined && !isDeepStrictEqual(submitted, approvalOf(plan).expect)) || hasOtherAmount(store, plan);
};

const hasOtherAmount = (store: World['store'], { file, amounts }: FilePlan): boolean =>
  [...(store.batches.get(file.batchId)?.records.values() ?? [])].some(
    ({ record }) => record.status === 'queued' && record.amountMinor !== amounts.get(record.recordId),
  );
