/** What an import must count in the end. */
import { isBalanced, type TallyRow } from '../../batches/record/tally.ts';
import { LedgerIncompleteError } from './errors.ts';

/**
 * @param counted from the records and occurrences that were imported
 * @param said by the file
 * @throws LedgerIncompleteError
 */
export function assertSameTallies(ledger: string, counted: readonly TallyRow[], said: readonly TallyRow[]): void {
  const text = (rows: readonly TallyRow[]): string =>
    rows
      .filter(({ count, amountMinor }) => count !== 0 || amountMinor !== 0n)
      .map(({ status, currency, count, amountMinor }) => `${status} ${currency} ${count} ${amountMinor}`)
      .sort()
      .join('\n');
  if (text(counted) === text(said) && isBalanced(said)) return;
  throw new LedgerIncompleteError(
    `${ledger} does not count what the file says: the ledger that was exported does not balance. Nothing is paid from it.`,
  );
}
