/** The bad rows of a file as they were, with what is wrong in one more column, to be corrected and dropped again. */
import { errorColumn, escapeFormula, isFixFile, protectCell } from '../batches/csv-row/fix-file.ts';
import { createCsvFile, type CsvFile } from './csv-file.ts';

export interface FixFile {
  /**
   * @param cells as they stood in the file, card numbers and security codes already masked
   * @param error what is wrong and what to do
   */
  write(cells: readonly string[], error: string): Promise<void>;
  /** Makes the file appear under its name. */
  finish(): Promise<void>;
  /** Leaves nothing behind. Idempotent. */
  abandon(): Promise<void>;
}

/**
 * UTF-8 with a byte order mark, mode 0600, the input's own delimiter. A cell that a spreadsheet would run as a formula gets
 * an apostrophe, which is removed when the fix-file is read. A last column `error` of the input, from an earlier fix-file, is
 * replaced. A row with too few or too many cells gets the error as its last cell and stays so: were it filled up, it
 * would pass unmended.
 *
 * @throws Error of the file system
 */
export async function createFixFile({
  path,
  header,
  delimiter,
  file: given,
}: {
  readonly path: string;
  readonly header: readonly string[];
  readonly delimiter: string;
  /** What takes the rows, if it is no CSV file. */
  readonly file?: CsvFile;
}): Promise<FixFile> {
  const replaces = isFixFile(header);
  const columns = replaces ? header.slice(0, -1) : header;
  const file = given ?? (await createCsvFile({ path, delimiter }));
  await file.write([...columns, errorColumn]);
  return {
    write: (cells, error) =>
      file.write([...(replaces && cells.length === header.length ? cells.slice(0, -1) : cells).map(protectCell), escapeFormula(error)]),
    finish: file.finish,
    abandon: file.abandon,
  };
}
