/** The reader of the rows of a payout file, of whatever form. */
import type { RowReadingOptions } from './amount.ts';
import { createMappedReader } from './mapped-row.ts';
import { createTypedReader, type RowReaderResult } from './typed-row.ts';

/** As `createRowParser`, for rows of CSV files and of workbooks, under our names or those of a mapping. */
export function createRowReader(header: readonly string[], options: RowReadingOptions): RowReaderResult {
  const read = (ours: readonly string[]): RowReaderResult => createTypedReader(ours, options);
  return options.mapping === undefined ? read(header) : createMappedReader(header, options.mapping, read);
}
