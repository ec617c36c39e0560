import { hostname } from 'node:os';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { resetClock } from '../ledger/sqlite/reset-clock.ts';

interface LedgerOptions {
  readonly reset?: boolean;
  readonly json?: boolean;
}

/** `verify` reads the whole ledger; `clock` sets the ledger's time back to this machine's clock. Refused while a process pays from the ledger. */
export async function ledger(
  config: Config,
  [action]: readonly string[],
  { reset = false, json = false }: LedgerOptions,
): Promise<ExitCode> {
  if (action === 'verify' && !reset) return (await import('./verify-ledger.ts')).verifyLedger(config, json);
  if (action !== 'clock' || !reset)
    throw new CommandError(exitCodes.usage, 'expected: disburse ledger verify, or disburse ledger clock --reset');
  if (config.servers !== null) {
    throw new CommandError(
      exitCodes.usage,
      'ledger clock --reset belongs to the stand-alone profile: in the distributed profile every instance holds the time of the ledger, and it cannot be set back under them.',
    );
  }
  const backMs = Math.round(resetClock(config.dataDir, { clock: systemClock, host: hostname() }));
  const text = `The time of the ledger is the clock of this machine again; it went back by ${backMs} ms. No send made so far is ever sent again: evidence or a person ends what is open.`;
  process.stdout.write(json ? `${JSON.stringify({ reset: true, back_ms: backMs })}\n` : `${text}\n`);
  return exitCodes.ok;
}
