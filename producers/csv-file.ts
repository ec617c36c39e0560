/** A CSV file that appears whole under its name, or not at all. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { stringify } from 'csv-stringify';

/** What spreadsheets take for the beginning of a formula, in half and full width, and the blanks that hide one. */
const formulaPattern = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** The cell as text that no spreadsheet runs: an apostrophe before what looks like a formula. */
export const escapeFormula = (cell: string): string => (formulaPattern.test(cell) ? `'${cell}` : cell);

export interface CsvFile {
  /** Resolves when there is room for more. */
  write(cells: readonly string[]): Promise<void>;
  /** Makes the file appear: synced, then renamed. */
  finish(): Promise<void>;
  /** Leaves nothing behind. Idempotent, and harmless after `finish`. */
  abandon(): Promise<void>;
}

/**
 * Writes beside `path` under a name of its own, mode 0600.
 *
 * @throws Error of the file system; from `write` and `finish` too, after which nothing is left behind
 */
export async function createCsvFile({ path, delimiter = ',' }: { readonly path: string; readonly delimiter?: string }): Promise<CsvFile> {
  // Renaming would find this out only after everything was written.
  if ((await stat(path).catch(() => undefined))?.isDirectory() === true)
    throw new Error(`${path} is a folder; a file of that name is to be written.`);
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  const handle = await open(temporary, 'wx', 0o600);
  const csv = stringify({ delimiter, record_delimiter: '\n' });
  let failure: Error | undefined;
  let over = false;
  const written = pipeline(csv, handle.createWriteStream({ autoClose: false })).catch((cause: Error) => {
    failure = cause;
  });

  const abandon = async (): Promise<void> => {
    if (over) return;
    over = true;
    csv.destroy();
    await written;
    await handle.close();
    await rm(temporary, { force: true });
  };
  const check = async (): Promise<void> => {
    if (failure === undefined) return;
    const cause = failure;
    await abandon();
    throw cause;
  };

  return {
    async write(cells) {
      await check();
      // A failure of the file ends the wait too: `written` never rejects, and resolves then.
      if (!csv.write(cells)) await Promise.race([once(csv, 'drain').catch(() => undefined), written]);
      await check();
    },
    async finish() {
      csv.end();
      await written;
      await check();
      try {
        await handle.sync();
        await rename(temporary, path);
      } catch (cause) {
        await abandon();
        throw cause;
      }
      over = true;
      await handle.close();
      const folder = await open(dirname(path), constants.O_RDONLY);
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    },
    abandon,
  };
}
