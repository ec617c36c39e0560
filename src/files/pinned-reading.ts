/**
 * How a file is read, as the ledger keeps it with the batch: another reading of the same bytes would be another batch under the same
 * id. The text begins with the delimiter; what has its default adds nothing to it.
 */
import type { RowReadingOptions } from '../../batches/csv-row/amount.ts';

export interface PinnedReading {
  readonly delimiter: string;
  readonly decimal: 'point' | 'comma';
  /** Null for a CSV file. */
  readonly sheet: string | null;
}

const pinned = /^(.)( decimal comma)?(?: sheet ("(?:[^"\\]|\\.)*"))?$/s;

export const readingOf = ({ delimiter, sheet, reading }: ReadFile): PinnedReading => ({
  delimiter,
  decimal: reading.decimal ?? 'point',
  sheet: sheet ?? null,
});

interface ReadFile {
  readonly delimiter: string;
  readonly sheet?: string;
  readonly reading: Pick<RowReadingOptions, 'decimal'>;
}

export const pinReading = ({ delimiter, decimal, sheet }: PinnedReading): string =>
  `${delimiter}${decimal === 'comma' ? ' decimal comma' : ''}${sheet === null ? '' : ` sheet ${JSON.stringify(sheet)}`}`;

/** What `pinReading` wrote. */
export function unpinReading(text: string): PinnedReading {
  const [, delimiter = text, comma, sheet] = pinned.exec(text) ?? [];
  return { delimiter, decimal: comma === undefined ? 'point' : 'comma', sheet: sheet === undefined ? null : String(JSON.parse(sheet)) };
}
