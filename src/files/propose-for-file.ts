/** The mapping that a file seems to need, by its header and its first rows. */
import type { Mapping } from '../../batches/csv-row/mapping.ts';
import { proposeMapping } from '../../batches/csv-row/propose-mapping.ts';
import { systemClock } from '../clock.ts';
import { openRows, type ReadingWays } from './open-rows.ts';

const rowsLookedAt = 1_000;

export interface ProposedMapping {
  readonly mapping: Mapping & { readonly version: 1 };
  /** What a person must decide, one sentence each. */
  readonly notes: readonly string[];
  /** Whether it has all that each row needs. */
  readonly isWhole: boolean;
  /** As the file spells it. */
  readonly header: readonly string[];
}

/** @throws StructuralError */
export async function proposeForFile(path: string, ways: ReadingWays): Promise<ProposedMapping> {
  const { header, rows, delimiter } = await firstRows(path, ways);
  const { mapping, notes, isWhole } = proposeMapping(header, rows);
  const { columns, constants, decimal } = mapping;
  return {
    header,
    notes,
    isWhole,
    mapping: {
      version: 1,
      columns,
      constants,
      ...(decimal === undefined ? {} : { decimal }),
      ...(delimiter === undefined ? {} : { delimiter }),
      date: new Date(systemClock.now()).toISOString().slice(0, 10),
    },
  };
}

async function firstRows(path: string, ways: ReadingWays) {
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
}
