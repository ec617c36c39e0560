/**
 * Balances that run out. Each project starts with the same amounts; a payout that fails or is returned gives its money
 * back at that moment.
 *
 * `refuse`: an init call reserves its amount, and one beyond the balance is refused.
 * `hold`: a payout draws when it is confirmed (under automatic confirmation: when it is recorded). Beyond the balance it
 * stays in progress until there is enough money; payouts of one currency are served in the order in which they came.
 */
import { createAccounts } from './accounts.ts';
import type { Account } from './accounts.ts';
import type { Clock } from './clock.ts';
import type { Amounts } from './currencies.ts';
import { createDueHeap } from './due-heap.ts';
import { moneyOf } from './lifecycle.ts';
import type { Session } from './sessions.ts';
import type { Wallet } from './wallets.ts';

export type UnderfundedPolicy = 'refuse' | 'hold';

interface FundsDeps {
  readonly clock: Clock;
  readonly initial: Amounts;
  readonly policy: UnderfundedPolicy;
  readonly settleMs: number;
  /** A payout that waited has its money. */
  readonly funded: (session: Session) => void;
}

export interface Funds {
  /** Books what is due by then. To be called before all other methods. */
  settle(nowMs: number): void;
  /** False when an init call is refused for lack of money. */
  admits(payout: { readonly project: string; readonly currency: string; readonly amountMinor: number }): boolean;
  /** Payouts only, as `decided`. */
  recorded(session: Session): void;
  decided(session: Session): void;
  /** Adds to the balances of every project. */
  topUp(amounts: Amounts, nowMs: number): void;
  wallets(project: string): readonly Wallet[];
  close(): void;
}

const walletOf = ([currency, { available }]: readonly [string, Account]): Wallet => ({
  id: `wl_${currency}`,
  amount_details: { amount: Number(available), currency },
});

export function createFunds({ clock, initial, policy, settleMs, funded }: FundsDeps): Funds {
  const accounts = createAccounts(initial);
  const drawn = new Set<Session>();
  const givenBack = createDueHeap<{ readonly dueAtMs: number; readonly session: Session }>();
  let waiting = 0;
  let cancelAlarm = (): void => {};

  /** While payouts wait, money that comes back is booked at its moment; otherwise the next call is early enough. */
  function arm(): void {
    cancelAlarm();
    const nextMs = givenBack.nextDueAtMs();
    if (waiting === 0 || nextMs === undefined) return;
    cancelAlarm = clock.setAlarm(Math.max(0, nextMs - clock.nowMs()), () => {
      settle(clock.nowMs());
      arm();
    });
  }

  function watch(session: Session): void {
    const { givenBackAtMs } = moneyOf(session, settleMs);
    if (givenBackAtMs !== undefined) givenBack.push({ dueAtMs: givenBackAtMs, session });
  }

  function draw(account: Account, session: Session): void {
    account.available -= BigInt(session.amountMinor);
    drawn.add(session);
    watch(session);
  }

  function drawOrHold(session: Session): void {
    const account = accounts.of(session.project, session.currency);
    if (account.held.length === 0 && account.available >= BigInt(session.amountMinor)) return draw(account, session);
    session.fundedAtMs = Infinity;
    account.held.push(session);
    waiting += 1;
  }

  function add(account: Account, minor: bigint, atMs: number): void {
    account.available += minor;
    for (let next = account.held[0]; next !== undefined && account.available >= BigInt(next.amountMinor); next = account.held[0]) {
      account.held.shift();
      waiting -= 1;
      next.fundedAtMs = atMs;
      draw(account, next);
      funded(next);
    }
  }

  function settle(nowMs: number): void {
    for (let next = givenBack.nextDueAtMs(); next !== undefined && next <= nowMs; next = givenBack.nextDueAtMs()) {
      const due = givenBack.pop();
      // A decision may have moved the moment meanwhile: the later entry of the heap counts then.
      if (due === undefined || moneyOf(due.session, settleMs).givenBackAtMs !== due.dueAtMs || !drawn.delete(due.session)) continue;
      add(accounts.of(due.session.project, due.session.currency), BigInt(due.session.amountMinor), due.dueAtMs);
    }
  }

  return {
    settle,
    admits: ({ project, currency, amountMinor }) => policy === 'hold' || accounts.of(project, currency).available >= BigInt(amountMinor),
    recorded(session) {
      if (policy === 'refuse') draw(accounts.of(session.project, session.currency), session);
      else if (session.asks.length === 0) drawOrHold(session);
      arm();
    },
    decided(session) {
      if (policy === 'refuse') watch(session);
      else if (session.decisions.at(-1)?.kind === 'confirmed') drawOrHold(session);
      arm();
    },
    topUp(amounts, nowMs) {
      accounts.topUp(amounts, (account, minor) => add(account, minor, nowMs));
      arm();
    },
    wallets: (project) => [...accounts.all(project)].map(walletOf),
    close: () => cancelAlarm(),
  };
}
