/**
 * The drop folder and the three in it: `processing/`, `done/`, `refused/`. Files go from one to the next by renaming,
 * and nothing is ever overwritten.
 *
 * While a file is in `processing/`, its acknowledgement is beside it; results and errors are gathered in a hidden
 * folder of the claim's own (`.work-<token>`), because `may.csv.errors.csv` is also what a corrected fix-file may be
 * called when it is dropped, and because an instance that lost its claim must not overwrite what the next holder writes.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { shareFolder, type FolderAccess } from './access.ts';
import { isCode, unlinkIfThere } from './leases.ts';

/** How a file ended, and the folder it goes to. */
export type Destination = 'done' | 'refused';

export const processingIn = (dir: string): string => join(dir, 'processing');

/** A hidden folder with a note about each file that ended lately: what it looked like when it was read. */
export const recentIn = (dir: string): string => join(dir, '.recent');
export const recentNote = (dir: string, ending: Destination, base: string): string => join(recentIn(dir), `${ending}.${base}`);

/**
 * Makes the three folders where they are missing and tries whether everything can be written.
 *
 * @throws Error for people: what is wrong with which folder, and what to do
 */
export async function prepareDropFolder(dir: string, access: FolderAccess): Promise<void> {
  const found = await stat(dir).catch((cause: unknown) => {
    if (isCode(cause, 'ENOENT')) throw new Error(`The drop folder ${dir} does not exist. Create it, or set INBOX_DIR to one that exists.`);
    throw new Error(`The drop folder ${dir} cannot be accessed (${text(cause)}). Check INBOX_DIR and its permissions.`);
  });
  if (!found.isDirectory()) throw new Error(`The drop folder ${dir} is not a folder. Set INBOX_DIR to a folder.`);
  await tryWriting(dir);
  await mkdir(recentIn(dir), { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw new Error(`${recentIn(dir)} cannot be created (${text(cause)}). The drop folder needs it.`, { cause });
  });
  for (const name of ['processing', 'done', 'refused']) {
    const folder = join(dir, name);
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new Error(`${folder} cannot be created (${text(cause)}). The drop folder needs it.`, { cause });
    }
    await shareFolder(folder, access);
    await removeProbes(folder);
    await tryWriting(folder);
    if ((await stat(folder)).dev !== found.dev)
      throw new Error(
        `${folder} is on another file system than ${dir}, so files cannot be renamed into it. Put both on the same file system.`,
      );
  }
}

/** What a process that was killed while it tried has left. */
async function removeProbes(folder: string): Promise<void> {
  for await (const { name } of await opendir(folder)) if (/^\.probe-[0-9a-f]{16}$/.test(name)) await unlinkIfThere(join(folder, name));
}

async function tryWriting(folder: string): Promise<void> {
  const probe = join(folder, `.probe-${randomBytes(8).toString('hex')}`);
  try {
    await (await open(probe, 'wx', 0o600)).close();
    // Another instance that starts now may have removed it.
    await unlinkIfThere(probe);
  } catch (cause) {
    throw new Error(`${folder} is not writable (${text(cause)}). disburse renames files there: give its user write permission.`, {
      cause,
    });
  }
}

const text = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
