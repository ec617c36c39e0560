/**
 * How a file is read, as the ledger keeps it with the batch: another reading of the same bytes would be another batch under the same
 * id. The text begins with the delimiter; what has its default adds nothing to it.
 */
import type { RowReadingOptions } from '../../batches/csv-row/amount.ts';
import { mappingDigest } from '../../batches/csv-row/mapping.ts';

export interface PinnedReading {
  readonly delimiter: string;
  readonly decimal: 'point' | 'comma';
  /** Null for a CSV file. */
  readonly sheet: string | null;
  /** Digest of the mapping; null for a file with our own names. */
  readonly mapping: string | null;
}

const pinned = /^(.)( decimal comma)?(?: sheet ("(?:[^"\\]|\\.)*"))?(?: mapping ([0-9a-f]{64}))?$/s;

export const readingOf = ({ delimiter, sheet, reading }: ReadFile): PinnedReading => ({
  delimiter,
  decimal: reading.decimal ?? 'point',
  sheet: sheet ?? null,
  mapping: reading.mapping === undefined ? null : mappingDigest(reading.mapping),
});

interface ReadFile {
  readonly delimiter: string;
  readonly sheet?: string;
  readonly reading: Pick<RowReadingOptions, 'decimal' | 'mapping'>;
}

export const pinReading = ({ delimiter, decimal, sheet, mapping }: PinnedReading): string =>
  [
    delimiter,
    decimal === 'comma' ? ' decimal comma' : '',
    sheet === null ? '' : ` sheet ${JSON.stringify(sheet)}`,
    mapping === null ? '' : ` mapping ${mapping}`,
  ].join('');

/** What `pinReading` wrote. */
export function unpinReading(text: string): PinnedReading {
  const [, delimiter = text, comma, sheet, mapping = null] = pinned.exec(text) ?? [];
  return {
    delimiter,
    decimal: comma === undefined ? 'point' : 'comma',
    sheet: sheet === undefined ? null : String(JSON.parse(sheet)),
    mapping,
  };
}
