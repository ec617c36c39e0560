/** The limit of what a file may total. */
import { formatMinor } from '../../batches/fields/money.ts';
import type { Totals } from '../../batches/preflight/control-totals.ts';

export const batchTotalCode = 'batch_total_exceeded';

/** One sentence for each currency whose total is above its limit. */
export function totalsAbove(totals: Totals, limitOf: (currency: string) => bigint | undefined): readonly string[] {
  return [...totals].flatMap(([currency, { amountMinor }]) => {
    const limit = limitOf(currency);
    if (limit === undefined || amountMinor <= limit) return [];
    const [found, most] = [formatMinor(amountMinor, currency), formatMinor(limit, currency)];
    return [`${currency}: the valid rows of the file total ${found}, and a file may total at most ${most} (MAX_BATCH_TOTAL).`];
  });
}
