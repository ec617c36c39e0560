import type { Mapping } from '../../batches/csv-row/mapping.ts';
import { proposeMapping } from '../../batches/csv-row/propose-mapping.ts';
import { StructuralError } from '../../consumers/csv/structural-error.ts';
import { systemClock } from '../clock.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { openRows, type ReadingWays } from '../files/open-rows.ts';
import { printable } from '../terminal/format.ts';
import { columnsOf, wrapText } from '../terminal/width.ts';

const rowsLookedAt = 1_000;

/** Prints the mapping that a file seems to need; what a person must decide goes to stderr. */
export async function map(path: string, ways: Omit<ReadingWays, 'signal'>): Promise<ExitCode> {
  const { header, rows, delimiter } = await firstRows(path, ways);
  const { mapping, notes, isWhole } = proposeMapping(header, rows);
  const { columns, constants, decimal } = mapping;
  const proposed: Mapping & { readonly version: 1 } = {
    version: 1,
    columns,
    constants,
    ...(decimal === undefined ? {} : { decimal }),
    ...(delimiter === undefined ? {} : { delimiter }),
    date: new Date(systemClock.now()).toISOString().slice(0, 10),
  };
  process.stdout.write(`${JSON.stringify(proposed, null, 2)}\n`);
  for (const note of notes) process.stderr.write(`${wrapText(printable(note), columnsOf(process.stderr))}\n`);
  return isWhole ? exitCodes.ok : exitCodes.needsAttention;
}

async function firstRows(path: string, ways: Omit<ReadingWays, 'signal'>) {
  try {
    const file = await openRows(path, ways);
    try {
      const rows: (readonly string[])[] = [];
      for await (const block of file.blocks) {
        rows.push(...block.map(({ cells }) => cells));
        if (rows.length >= rowsLookedAt) break;
      }
      return { header: file.header, rows: rows.slice(0, rowsLookedAt), delimiter: file.sheet === undefined ? file.delimiter : undefined };
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof StructuralError) throw new CommandError(exitCodes.usage, `${printable(path)}, ${cause.message}`, { cause });
    throw cause;
  }
}
