import { hostname } from 'node:os';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { resetClock } from '../ledger/sqlite/reset-clock.ts';

interface LedgerOptions {
  readonly reset?: boolean;
  readonly newLedger?: boolean;
  readonly allowUnsafeRedis?: boolean;
  readonly by?: string | undefined;
  readonly json?: boolean;
}

/**
 * `verify` reads the whole ledger; `export` and `import` move it; `clock` sets the ledger's time back to this machine's clock.
 * All but `verify` are refused while a process pays from the ledger.
 */
export async function ledger(config: Config, [action, file]: readonly string[], options: LedgerOptions): Promise<ExitCode> {
  const { reset = false, json = false } = options;
  if ((action === 'export' || action === 'import') && !reset)
    return (await import('./ledger-move.ts')).moveLedger(config, action, file, options);
  if (action === 'verify' && !reset && file === undefined) return (await import('./verify-ledger.ts')).verifyLedger(config, json);
  if (action !== 'clock' || !reset || file !== undefined)
    throw new CommandError(
      exitCodes.usage,
      'expected: disburse ledger verify, disburse ledger export FILE, disburse ledger import FILE, or disburse ledger clock --reset',
    );
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
