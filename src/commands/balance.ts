/** The gateway's balance beside what the ledger has to pay. */
import { addFunds, amountText, balanceOf, missingOf, neededOf, type Funds } from '../../batches/record/funds.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { openLedgerReader } from '../profiles/open-profile.ts';
import { withBalance } from '../profiles/balance.ts';
import { grouped, printable, table } from '../terminal/format.ts';

export async function balance(config: Config, { json }: { readonly json: boolean }): Promise<ExitCode> {
  const needed = await neededIn(config);
  const read = await withBalance(config, (ask) => ask());
  if (read.type === 'none') throw new CommandError(exitCodes.stopped, `the gateway does not show its balance: ${read.why}`);
  const has = balanceOf(read.wallets);
  const missing = missingOf(needed, has);
  if (json) {
    const wallets = read.wallets.map(({ id, currency, amountMinor }) => ({ id, currency, amount: amountText(amountMinor, currency) }));
    process.stdout.write(`${JSON.stringify({ wallets, needed: texts(needed), missing: texts(missing) })}\n`);
    return exitCodes.ok;
  }
  const currencies = [...addFunds(has, needed).keys()].sort();
  const rows = currencies.map((currency) => {
    const cell = (funds: Funds): string => (funds.has(currency) ? grouped(amountText(funds.get(currency) ?? 0n, currency)) : '');
    return [printable(currency), cell(has), cell(needed), cell(missing)];
  });
  process.stdout.write(`${table([['', 'balance', 'to be paid', 'missing'], ...rows], new Set([1, 2, 3]))}\n`);
  return exitCodes.ok;
}

const texts = (funds: Funds): Record<string, string> =>
  Object.fromEntries([...funds].sort(([a], [b]) => (a < b ? -1 : 1)).map(([currency, amount]) => [currency, amountText(amount, currency)]));

/** Nothing, before the first file. */
async function neededIn(config: Config): Promise<Funds> {
  try {
    const { ledger, close } = await openLedgerReader(config, (message) => void process.stderr.write(`disburse: ${message}\n`));
    try {
      return neededOf(await ledger.tallies());
    } finally {
      await close();
    }
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'LedgerMissingError') return new Map();
    throw cause;
  }
}
