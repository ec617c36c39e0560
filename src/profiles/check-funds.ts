/** Before a file is sent: does the balance cover it, beside what is queued and in flight already? */
import type { BalanceReading } from '../../batches/gateway/balance.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import { addFunds, balanceOf, neededOf, shortageText, type Funds } from '../../batches/record/funds.ts';
import type { Batch } from '../../batches/record/batch.ts';
import type { Config } from '../config/config.ts';
import { formatDuration } from '../duration.ts';
import type { Inspection } from '../files/payout-file.ts';
import type { Logger } from '../logger.ts';
import { printable } from '../terminal/format.ts';
import { withBalance, type AskBalance } from './balance.ts';

export interface FundsCheck {
  readonly config: Config;
  readonly ledger: Pick<Ledger, 'tallies' | 'setPause'>;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'warn'>;
  readonly batch: Batch;
  readonly inspection: Inspection;
  /** How long to wait for the balance where it is required; null: without end. */
  readonly waitMs: number | null;
  readonly signal: AbortSignal;
}

/** A balance that is not required holds up nothing for longer. */
const patienceMs = 3_000;
const askAgainMs = 5_000;

/**
 * A shortage is a warning; where funds are required, it pauses the batch.
 *
 * @returns why the file may not be sent, as a clause for people; null: it may
 */
export async function checkFunds(check: FundsCheck): Promise<string | null> {
  const { config, ledger, clock, logger, batch, inspection } = check;
  if (batch.state === 'finished' || batch.state === 'cancelled') return null;
  const needed = addFunds(neededOf(await ledger.tallies()), await unadmitted(check));
  if (needed.size === 0) return null;
  const isRequired = config.settings.REQUIRE_FUNDS;
  const read = await withBalance(config, (ask) => (isRequired ? untilShown(check, ask) : soon(check, ask)));
  const name = printable(inspection.file);
  if (read.type === 'none') {
    if (!isRequired) logger.warn({ batch_id: batch.batchId }, `the gateway does not show its balance, so it is not compared: ${read.why}`);
    return isRequired ? `the gateway does not show its balance (${read.why}), and funds are required` : null;
  }
  if (read.wallets.length === 0 && !isRequired) return null;
  const shortage = shortageText(needed, balanceOf(read.wallets));
  if (shortage === null) return null;
  logger.warn({ batch_id: batch.batchId }, `the balance does not cover ${name} and what is queued and in flight: ${shortage}`);
  if (isRequired)
    await ledger.setPause({
      batchId: batch.batchId,
      pause: { code: 'underfunded', by: 'disburse', reason: shortage, at: clock.now() },
    });
  return null;
}

/** Rows of the file that the ledger does not have yet. */
async function unadmitted({ ledger, batch, inspection }: FundsCheck): Promise<Funds> {
  const left = new Map([...inspection.preflight.totals].map(([currency, { amountMinor }]) => [currency, amountMinor]));
  for (const { status, currency, amountMinor } of await ledger.tallies(batch.batchId))
    if (status !== 'received' && status !== 'rejected') left.set(currency, (left.get(currency) ?? 0n) - amountMinor);
  return new Map([...left].filter(([, amount]) => amount > 0n));
}

async function soon({ clock }: FundsCheck, ask: AskBalance): Promise<BalanceReading> {
  const answered = new AbortController();
  const late = clock.sleep(patienceMs, answered.signal).then(
    () => undefined,
    () => undefined,
  );
  const read = await Promise.race([ask(), late]);
  answered.abort();
  return read ?? { type: 'none', why: `no answer within ${formatDuration(patienceMs)}` };
}

async function untilShown({ clock, logger, waitMs, signal }: FundsCheck, ask: AskBalance): Promise<BalanceReading> {
  const startedAt = clock.now();
  for (let tries = 1; ; tries += 1) {
    const read = await ask();
    if (read.type === 'balance' || signal.aborted || (waitMs !== null && clock.now() - startedAt >= waitMs)) return read;
    if (tries === 1) logger.warn(`nothing is sent before the gateway shows its balance: ${read.why}`);
    const rest = waitMs === null ? askAgainMs : startedAt + waitMs - clock.now();
    await clock.sleep(Math.min(askAgainMs, Math.max(1, rest)), signal).catch(() => undefined);
  }
}
