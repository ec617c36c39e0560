/** Pauses a batch whose instruction the gateway refused for lack of money, so that no more of it is sent to be refused. */
import { readBalance, type BalanceReading } from '../gateway/balance.ts';
import type { Clock } from '../ports/clock.ts';
import type { Gateway } from '../ports/gateway.ts';
import type { Ledger } from '../ports/ledger.ts';
import { balanceOf, neededOf, shortageText } from '../record/funds.ts';
import { pauseOf, type SetPause } from '../record/pause.ts';

export interface FundsGuard {
  /**
   * Resolves when no intent of the batch can be written any more.
   *
   * @returns what pauses it
   */
  pause(batchId: string): Promise<SetPause>;
}

export interface FundsGuardDeps {
  readonly ledger: Pick<Ledger, 'pauses' | 'setPause' | 'tallies'>;
  readonly gateway: Pick<Gateway, 'balance'>;
  readonly clock: Clock;
}

/** The record that was refused waits for this, and its lease goes on. */
const balanceWithinMs = 3_000;

export function createFundsGuard(deps: FundsGuardDeps): FundsGuard {
  const underWay = new Map<string, Promise<SetPause>>();
  return {
    pause(batchId) {
      const known = underWay.get(batchId);
      if (known !== undefined) return known;
      const pausing = pauseNow(deps, batchId).finally(() => underWay.delete(batchId));
      underWay.set(batchId, pausing);
      return pausing;
    },
  };
}

async function pauseNow(deps: FundsGuardDeps, batchId: string): Promise<SetPause> {
  const { ledger, clock } = deps;
  const known = pauseOf(await ledger.pauses(), batchId);
  if (known !== undefined) return known;
  const pause = { code: 'underfunded', by: 'disburse', reason: await reasonOf(deps), at: clock.now() } as const;
  await ledger.setPause({ batchId, pause });
  return pauseOf(await ledger.pauses(), batchId) ?? { batchId, ...pause };
}

async function reasonOf({ ledger, gateway, clock }: FundsGuardDeps): Promise<string> {
  const read = await balanceWithin({ gateway, clock }, balanceWithinMs);
  if (read.type === 'none') return `how much is missing is not known: the gateway did not show its balance, ${read.why}`;
  return shortageText(neededOf(await ledger.tallies()), balanceOf(read.wallets)) ?? 'the gateway refused a payout for lack of money';
}

export async function balanceWithin({ gateway, clock }: Pick<FundsGuardDeps, 'gateway' | 'clock'>, ms: number): Promise<BalanceReading> {
  const answered = new AbortController();
  const late = clock.sleep(ms, answered.signal).then(
    () => null,
    () => null,
  );
  const response = await Promise.race([gateway.balance(), late]);
  answered.abort();
  return response === null ? { type: 'none', why: `no answer within ${ms / 1000} s` } : readBalance(response);
}
