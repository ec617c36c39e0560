/** Loosens what must hold before money moves: by a person with a name, and under approval by two. */
import { advance } from '../pipeline/advance.ts';
import { unparkBatch } from '../pipeline/pause-watch.ts';
import {
  changedGates,
  differencesOf,
  isSameGates,
  isSamePerson,
  loosened,
  stricter,
  valuesOf,
  type Gates,
  type GateValues,
  type Loosening,
} from '../record/gates.ts';
import { unpark, waitsForDay } from '../record/parking.ts';
import { publishNow, type OperationDeps } from './operation-deps.ts';
import type { OperationAnswer, RequestOf } from './request.ts';

export async function loosenGates(deps: OperationDeps, { change: asked, by, reason }: RequestOf<'loosen'>): Promise<OperationAnswer> {
  const { ledger, clock } = deps;
  const change = asked as Loosening;
  for (;;) {
    const gates = await ledger.gates();
    if (gates === null)
      return {
        outcome: 'refused',
        text: 'The ledger holds no limits yet: the next process that pays writes those of its settings.',
        data: {},
      };
    const to = loosened(gates, change);
    if (isSameGates(gates, to)) {
      await goOn(deps, gates);
      return { outcome: 'unchanged', text: 'The ledger holds these limits already.', data: { pending: false } };
    }
    const step = decide(gates, { to, change, by, reason, at: clock.now() });
    if (step.type === 'own_proposal') return pending(`${by} proposed this before: another person must give the same command.`);
    if (!(await ledger.setGates(step.gates, gates.number))) continue;
    if (step.type === 'proposed') return pending('Proposed: it takes effect when another person gives the same command.');
    await goOn(deps, to);
    const texts = differencesOf(gates, to).map(({ name, one, other }) => `${name} is ${other} (it was ${one})`);
    return { outcome: 'done', text: `${texts.join('; ')}.`, data: { pending: false } };
  }
}

const pending = (text: string): OperationAnswer => ({ outcome: 'refused', text, data: { pending: true } });

type Step = { readonly type: 'own_proposal' } | { readonly type: 'proposed' | 'changed'; readonly gates: Gates };

interface Asked {
  readonly to: GateValues;
  readonly change: Loosening;
  readonly by: string;
  readonly reason: string;
  readonly at: number;
}

function decide(gates: Gates, { to, change, by, reason, at }: Asked): Step {
  const isOnlyStricter = isSameGates(stricter(gates, to), to);
  if (gates.approval === 'none' || isOnlyStricter) return { type: 'changed', gates: changedGates(gates, { by, reason, at, to }) };
  const { proposal } = gates;
  const isProposed = proposal !== null && isSameGates(loosened(gates, proposal.change), to);
  if (!isProposed) return { type: 'proposed', gates: { ...gates, number: gates.number + 1, proposal: { change, by, reason, at } } };
  if (isSamePerson(proposal.by, by)) return { type: 'own_proposal' };
  return { type: 'changed', gates: changedGates(gates, { by, reason, at, to, proposedBy: proposal.by }) };
}

const pageSize = 256;

/** What waited for the former limits is due; also what a change that died on its way has left. */
async function goOn(deps: OperationDeps, gates: GateValues): Promise<void> {
  await restoreDay(deps);
  if (valuesOf(gates).approval === 'none') await unparkBatch(deps, null, { onResumed: deps.onResumed });
  await publishNow(deps);
}

async function restoreDay({ ledger, clock, settings, onResumed }: OperationDeps): Promise<void> {
  for (let after: string | undefined; ;) {
    const page = await ledger.records({ statuses: ['queued'], limit: pageSize, ...(after === undefined ? {} : { after }) });
    const moved = await Promise.all(
      page
        .filter(({ record }) => waitsForDay(record))
        .map(({ record }) =>
          advance(ledger, record, (current) => (waitsForDay(current) ? unpark(settings, current, { at: clock.now() }) : null)),
        ),
    );
    for (const batchId of new Set(moved.map((record) => record.batchId))) onResumed(batchId);
    if (page.length < pageSize) return;
    after = page.at(-1)?.cursor;
  }
}
