import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { printable } from '../terminal/format.ts';

/** Moves the results file of the stand-alone profile away while no process pays. */
export async function rotateResults({ servers, dataDir }: Config, { json }: { readonly json: boolean }): Promise<ExitCode> {
  if (servers !== null)
    throw new CommandError(
      exitCodes.usage,
      'results rotate belongs to the stand-alone profile: in the distributed profile results are on the results topic, and there is no file.',
    );
  const { rotateFile } = await import('../profiles/standalone/rotate-results.ts');
  const rotated = await rotateFile(dataDir, (message) => void process.stderr.write(`disburse: warning: ${message}\n`));
  const text = rotated === null ? 'There are no results to move away.' : `The results were moved to ${printable(rotated)}.`;
  process.stdout.write(json ? `${JSON.stringify({ rotated })}\n` : `${text}\n`);
  return exitCodes.ok;
}
