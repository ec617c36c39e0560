/** What finance expects of a file: count and total per currency, to be held against what was read. */
import { currencyDecimals } from '../fields/currencies.ts';
import { formatMinor, readMajor } from '../fields/money.ts';

export interface Total {
  readonly count: number;
  readonly amountMinor: bigint;
}
export type Totals = ReadonlyMap<string, Total>;

/**
 * Reads `EUR=12.30/3,USD=5/1`: currency, total in major units, number of rows.
 *
 * @returns the totals, or a sentence saying what is wrong
 */
export function parseControlTotals(text: string): Totals | string {
  const totals = new Map<string, Total>();
  for (const part of text.split(',')) {
    const match = /^\s*([A-Za-z]{3})=(\d+(?:\.\d+)?)\/(\d{1,12})\s*$/.exec(part);
    const currency = match?.[1]?.toUpperCase();
    if (currency === undefined) return `${JSON.stringify(part)} does not have the form EUR=12.30/3 (total, then number of rows)`;
    const decimals = currencyDecimals(currency);
    if (decimals === undefined) return `${currency} is not a current currency of ISO 4217`;
    if (totals.has(currency)) return `${currency} is given twice`;
    const amountMinor = readTotal(match?.[2] ?? '', decimals);
    if (amountMinor === undefined) return `${JSON.stringify(part)} has more decimals than ${currency} has`;
    totals.set(currency, { count: Number(match?.[3]), amountMinor });
  }
  return totals;
}

/** A total may be zero, and larger than any single amount. */
function readTotal(text: string, decimals: number): bigint | undefined {
  const single = readMajor(text, decimals);
  if (single.ok) return single.amountMinor;
  if (single.fault === 'decimals') return undefined;
  const [whole = '0', fraction = ''] = text.split('.');
  return fraction.length > decimals ? undefined : BigInt(whole + fraction.padEnd(decimals, '0'));
}

/** One sentence for each currency that differs; none when all is as expected. */
export function compareTotals(expected: Totals, found: Totals): readonly string[] {
  const none: Total = { count: 0, amountMinor: 0n };
  const names = [...new Set([...expected.keys(), ...found.keys()])].sort();
  return names.flatMap((currency) => {
    const want = expected.get(currency) ?? none;
    const have = found.get(currency) ?? none;
    if (want.count === have.count && want.amountMinor === have.amountMinor) return [];
    const told = ({ count, amountMinor }: Total): string =>
      `${formatMinor(amountMinor, currency)} in ${count} ${count === 1 ? 'row' : 'rows'}`;
    return [`${currency}: expected ${told(want)}, but the file's valid rows have ${told(have)}.`];
  });
}

/** Whether they cannot be those of some of the rows that have the whole: more rows, a greater amount, or another amount in as many rows. */
export const isBeyond = (some: Totals, whole: Totals): boolean =>
  [...some].some(([currency, { count, amountMinor }]) => {
    const all = whole.get(currency) ?? { count: 0, amountMinor: 0n };
    return count > all.count || amountMinor > all.amountMinor || (count === all.count && amountMinor !== all.amountMinor);
  });
