import { StructuralError } from '../../consumers/csv/structural-error.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import type { ReadingWays } from '../files/open-rows.ts';
import { proposeForFile } from '../files/propose-for-file.ts';
import { printable } from '../terminal/format.ts';
import { columnsOf, wrapText } from '../terminal/width.ts';

/** Prints the mapping that a file seems to need; what a person must decide goes to stderr. */
export async function map(path: string, ways: Omit<ReadingWays, 'signal'>): Promise<ExitCode> {
  const { mapping, notes, isWhole } = await proposeForFile(path, ways).catch((cause: unknown) => {
    if (cause instanceof StructuralError) throw new CommandError(exitCodes.usage, `${printable(path)}, ${cause.message}`, { cause });
    throw cause;
  });
  process.stdout.write(`${JSON.stringify(mapping, null, 2)}\n`);
  for (const note of notes) process.stderr.write(`${wrapText(printable(note), columnsOf(process.stderr))}\n`);
  return isWhole ? exitCodes.ok : exitCodes.needsAttention;
}
