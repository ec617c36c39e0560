/** The ledger's group calls for a caller that has one admission or one change. */
import type { Admission, Verdict } from '../record/record.ts';
import type { Change } from '../record/change.ts';
import type { AdvanceResult, Ledger } from './ledger.ts';

export async function admitOne(ledger: Pick<Ledger, 'admit'>, admission: Admission): Promise<Verdict> {
  const [verdict] = await ledger.admit([admission]);
  return only(verdict);
}

export async function advanceOne(ledger: Pick<Ledger, 'advance'>, change: Change): Promise<AdvanceResult> {
  const [result] = await ledger.advance([change]);
  return only(result);
}

function only<T>(answer: T | undefined): T {
  if (answer === undefined) throw new TypeError('the ledger returned no answer to a group of one');
  return answer;
}
