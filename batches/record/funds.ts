/** What is to be paid per currency against what the wallets hold. Amounts are in minor units, by currency in upper case. */
import { currencyDecimals } from '../fields/currencies.ts';
import { formatMinor } from '../fields/money.ts';
import type { Wallet } from '../gateway/balance.ts';
import type { Status } from './status.ts';
import type { TallyRow } from './tally.ts';

export type Funds = ReadonlyMap<string, bigint>;

/** To be sent, and in flight. An unknown outcome may be paid already, so it is left out. */
const drawing: ReadonlySet<Status | 'received'> = new Set(['queued', 'submitting', 'in_progress']);

function sum(rows: Iterable<readonly [string, bigint]>): Funds {
  const sums = new Map<string, bigint>();
  for (const [currency, amount] of rows) if (currency !== '') sums.set(currency, (sums.get(currency) ?? 0n) + amount);
  return sums;
}

export const neededOf = (tallies: readonly TallyRow[]): Funds =>
  sum(tallies.filter(({ status, amountMinor }) => drawing.has(status) && amountMinor > 0n).map((row) => [row.currency, row.amountMinor]));

export const balanceOf = (wallets: readonly Wallet[]): Funds => sum(wallets.map(({ currency, amountMinor }) => [currency, amountMinor]));

export const addFunds = (one: Funds, other: Funds): Funds => sum([...one, ...other]);

/** Only currencies that lack something. */
export const missingOf = (needed: Funds, balance: Funds): Funds =>
  new Map(
    [...needed]
      .map(([currency, amount]) => [currency, amount - (balance.get(currency) ?? 0n)] as const)
      .filter(([, amount]) => amount > 0n),
  );

/** As a clause for people; null when nothing is missing. */
export function shortageText(needed: Funds, balance: Funds): string | null {
  const missing = [...missingOf(needed, balance)].sort(([a], [b]) => (a < b ? -1 : 1));
  if (missing.length === 0) return null;
  return missing
    .map(([currency, amount]) => {
      const has = amountText(balance.get(currency) ?? 0n, currency);
      return `${currency} ${amountText(amount, currency)} is missing: ${amountText(needed.get(currency) ?? 0n, currency)} is to be paid, and the balance is ${has}`;
    })
    .join('; ');
}

/** In major units; the gateway may have wallets in currencies that we do not know. */
export const amountText = (amountMinor: bigint, currency: string): string =>
  currencyDecimals(currency) === undefined ? `${amountMinor} minor units` : formatMinor(amountMinor, currency);
