/** Compares the totals of a batch with its records, counted again. */
import { formatMinor } from '../../batches/fields/money.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { TallyRow } from '../../batches/record/tally.ts';

/** A process that pays changes both while they are read. */
const mostCounts = 20;

/** One text for each total that differs; null when the totals changed during every count. */
export async function recountDifferences(ledger: Pick<Ledger, 'tallies' | 'recount'>, batchId: string): Promise<readonly string[] | null> {
  for (let count = 1; count <= mostCounts; count += 1) {
    const before = byName(await ledger.tallies(batchId));
    const counted = byName(await ledger.recount(batchId));
    const after = byName(await ledger.tallies(batchId));
    if (isSame(before, counted)) return [];
    if (isSame(before, after)) return differencesOf(before, counted);
  }
  return null;
}

type Totals = ReadonlyMap<string, TallyRow>;

const byName = (rows: readonly TallyRow[]): Totals =>
  new Map(rows.filter(({ count, amountMinor }) => count !== 0 || amountMinor !== 0n).map((row) => [`${row.status} ${row.currency}`, row]));

const differingNames = (one: Totals, other: Totals): string[] =>
  [...new Set([...one.keys(), ...other.keys()])].filter(
    (name) => one.get(name)?.count !== other.get(name)?.count || one.get(name)?.amountMinor !== other.get(name)?.amountMinor,
  );

const isSame = (one: Totals, other: Totals): boolean => differingNames(one, other).length === 0;

function differencesOf(totals: Totals, counted: Totals): string[] {
  return differingNames(totals, counted)
    .sort()
    .map((name) => `${name.trim()}: the total says ${totalText(totals.get(name))}, its records are ${totalText(counted.get(name))}`);
}

const totalText = (row: TallyRow | undefined): string =>
  row === undefined ? '0' : `${row.count}${row.currency === '' ? '' : ` (${row.currency} ${formatMinor(row.amountMinor, row.currency)})`}`;
