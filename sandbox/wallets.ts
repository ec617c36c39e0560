/** The prefunded wallets of payouts, with so much money that no payout fails for lack of funds. */
import type { State } from './lifecycle.ts';
import type { Session } from './sessions.ts';

const prefundedMinor = BigInt(Number.MAX_SAFE_INTEGER);
const initialCurrencies = ['eur', 'gbp', 'usd'];

/** @property amount_details minor units; the currency in lower case */
export interface Wallet {
  readonly id: string;
  readonly amount_details: { readonly amount: number; readonly currency: string };
}

/** Computed from the sessions on each request. A failed, cancelled or returned payout gives its amount back. */
export function walletsOf(project: string, sessions: readonly Session[], state: (session: Session) => State): readonly Wallet[] {
  const spent = new Map<string, bigint>(initialCurrencies.map((currency) => [currency, 0n]));
  for (const session of sessions) {
    if (session.project !== project || session.kind !== 'payout') continue;
    const { entry, isReversed } = state(session);
    if (entry === 'failed' || isReversed === true) continue;
    const currency = session.currency.toLowerCase();
    spent.set(currency, (spent.get(currency) ?? 0n) + BigInt(session.amountMinor));
  }
  return [...spent].map(([currency, amount]) => ({
    id: `wl_${currency}`,
    amount_details: { amount: amount < prefundedMinor ? Number(prefundedMinor - amount) : 0, currency },
  }));
}
