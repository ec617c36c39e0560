/** Why a payment waits for its payer. */
import { createHash } from 'node:crypto';
import type { CustomerAction } from '../gateway/customer-action.ts';
import type { Reason } from './record.ts';

/**
 * What the payer has to do is in the result only. Of another action the description is another one, so that a result of
 * its own shows it.
 */
export function actionRequired(action: CustomerAction | null): Reason {
  const code = 'action_required';
  if (action === null) return { code, description: 'The payer must act before the payment goes on. The gateway does not show how.' };
  const name = createHash('sha256').update(JSON.stringify(action)).digest('hex').slice(0, 8);
  return { code, description: `The payer must act before the payment goes on, as next_action of this result shows (action ${name}).` };
}
