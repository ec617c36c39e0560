/** Balances by project and currency, and the payouts that wait for them. */
import type { Amounts } from './currencies.ts';
import type { Session } from './sessions.ts';

/** @property held payouts without money, in the order in which they came */
export interface Account {
  available: bigint;
  readonly held: Session[];
}

export interface Accounts {
  of(project: string, currency: string): Account;
  /** Currency in lower case -> account. */
  all(project: string): ReadonlyMap<string, Account>;
  /** Raises what new projects start with, and hands over the accounts that exist already. */
  topUp(amounts: Amounts, add: (account: Account, minor: bigint) => void): void;
}

/** @param initial what each project starts with */
export function createAccounts(initial: Amounts): Accounts {
  const start = new Map(initial);
  const projects = new Map<string, Map<string, Account>>();

  function all(project: string): Map<string, Account> {
    let accounts = projects.get(project);
    if (accounts === undefined) projects.set(project, (accounts = new Map<string, Account>()));
    for (const [currency, available] of start) if (!accounts.has(currency)) accounts.set(currency, { available, held: [] });
    return accounts;
  }

  return {
    all,
    of(project, currency) {
      const accounts = all(project);
      const name = currency.toLowerCase();
      let account = accounts.get(name);
      if (account === undefined) accounts.set(name, (account = { available: 0n, held: [] }));
      return account;
    },
    topUp(amounts, add) {
      for (const accounts of projects.values())
        for (const [currency, minor] of amounts) {
          const account = accounts.get(currency);
          if (account !== undefined) add(account, minor);
        }
      for (const [currency, minor] of amounts) start.set(currency, (start.get(currency) ?? 0n) + minor);
    },
  };
}
