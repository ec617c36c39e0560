/** The ledger's group calls for a caller that has one admission or one change. */
import type { Admission, Verdict } from '../record/record.ts';
import type { Change } from '../record/change.ts';
import type { AdvanceResult, Ledger } from './ledger.ts';

export const admitOne = (ledger: Pick<Ledger, 'admit'>, admission: Admission): Promise<Verdict> =>
  ledger.admit([admission]).then(only<Verdict>);

export const advanceOne = (ledger: Pick<Ledger, 'advance'>, change: Change): Promise<AdvanceResult> =>
  ledger.advance([change]).then(only<AdvanceResult>);

function only<T>([answer]: readonly T[]): T {
  if (answer === undefined) throw new TypeError('the ledger returned no answer to a group of one');
  return answer;
}
