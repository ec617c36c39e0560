/** A CSV file that appears whole under its name, or not at all. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { stringify } from 'csv-stringify';

/** Makes a file, or the names in a folder, outlive a power cut. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export interface CsvFile {
  /** Resolves when there is room for more. */
  write(cells: readonly string[]): Promise<void>;
  /** Makes the file appear: synced, then renamed. */
  finish(): Promise<void>;
  /** Leaves nothing behind. Idempotent, and harmless after `finish`. */
  abandon(): Promise<void>;
}

/**
 * Writes beside `path` under a name of its own, mode 0600: UTF-8 with a byte order mark, since people open it in a spreadsheet.
 *
 * @throws Error of the file system; from `write` and `finish` too, after which nothing is left behind
 */
export async function createCsvFile({ path, delimiter = ',' }: { readonly path: string; readonly delimiter?: string }): Promise<CsvFile> {
  // Renaming would find this out only after everything was written.
  if ((await stat(path).catch(() => undefined))?.isDirectory() === true)
    throw new Error(`${path} is a folder, but a file of that name must be written.`);
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  const out = createWriteStream(temporary, { flags: 'wx', mode: 0o600 });
  await once(out, 'open');
  // Excel reads a file without it as windows-1252, and names come back garbled.
  out.write('\uFEFF');
  const csv = stringify({ delimiter, record_delimiter: '\n' });
  let failure: Error | undefined;
  let over = false;
  /** Settles when there is room again, for everybody who waits for it. */
  let room: PromiseWithResolvers<void> | undefined;
  const letGo = (): void => {
    room?.resolve();
    room = undefined;
  };
  csv.on('drain', letGo);
  const written = pipeline(csv, out)
    .catch((cause: Error) => {
      failure = cause;
    })
    // Who waits for room is let go when there will never be any.
    .finally(letGo);

  const abandon = async (): Promise<void> => {
    if (over) return;
    over = true;
    csv.destroy();
    await written;
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
      if (!csv.write(cells) && failure === undefined) {
        room ??= Promise.withResolvers<void>();
        await room.promise;
      }
      await check();
    },
    async finish() {
      csv.end();
      await written;
      await check();
      try {
        await sync(temporary);
        await rename(temporary, path);
      } catch (cause) {
        await abandon();
        throw cause;
      }
      over = true;
      await sync(dirname(path));
    },
    abandon,
  };
}
