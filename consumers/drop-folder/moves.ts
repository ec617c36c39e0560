/** Moves and writes files whole: nothing is overwritten, and what was written outlives a power cut. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { returnName } from '../../batches/pipeline/drop-folder/arrival-rules.ts';
import { share, type FolderAccess } from './access.ts';
import { isCode } from './leases.ts';
import { siblings } from './names.ts';

const suffix = (n: number): string => (n === 0 ? '' : `.${n}`);

/** The name, or with `.1`, `.2`… behind it, so that it and everything beside it are free in the folder. */
export async function freeName(folder: string, name: string): Promise<string> {
  for (let n = 0; ; n += 1) {
    const base = `${name}${suffix(n)}`;
    const taken = await Promise.all(['', ...siblings.map((sibling) => `.${sibling}`)].map((end) => exists(join(folder, `${base}${end}`))));
    if (!taken.includes(true)) return base;
  }
}

/** @returns the name that it has there */
export async function moveToInbox(path: string, dir: string, name: string): Promise<string> {
  for (let tries = 0; ; tries += 1) {
    const back = returnName(name, tries);
    if (await moveToFree(path, join(dir, back))) {
      await sync(dir);
      return back;
    }
  }
}

/** An answer beside a file of the drop folder; an older one stays. */
export async function writeAnswer(path: string, content: string, access: FolderAccess): Promise<void> {
  if (await exists(path)) return;
  await writeWhole({ path, workFolder: dirname(path), content, access });
}

/** Nothing when there is no such file. Should the name have been taken in the last moment, it gets a number more. */
export async function moveBeside(from: string, folder: string, base: string, end: string): Promise<void> {
  for (let n = 0; !(await moveToFree(from, join(folder, `${base}${suffix(n)}${end}`))); n += 1);
}

/** False when the name is taken. A hard link never overwrites, as a rename would; where there are none, a look must do. */
export async function moveToFree(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) {
      if (await exists(from)) throw cause;
      return true;
    }
    if (isCode(cause, 'EEXIST')) {
      // Somebody was stopped between the two steps.
      const [one, other] = await Promise.all([lstat(from), lstat(to)]);
      if (one.ino !== other.ino || one.dev !== other.dev) return false;
    } else if (isCode(cause, ...noLinks)) {
      if (await exists(to)) return false;
      await rename(from, to);
      return true;
    } else throw cause;
  }
  await unlink(from);
  return true;
}

/** Systems without hard links, and those that forbid them for files of another user. */
export const noLinks = ['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL'];

export async function writeWhole({
  path,
  workFolder,
  content,
  access,
}: {
  readonly path: string;
  readonly workFolder: string;
  readonly content: string;
  readonly access: FolderAccess;
}): Promise<void> {
  const temporary = join(workFolder, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await share(temporary, access);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await sync(dirname(path));
}

/** Makes the names in a folder outlive a power cut. */
export async function sync(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(orUndefined('ENOENT'))) !== undefined;
}

export const orUndefined =
  (code: string) =>
  (cause: unknown): undefined => {
    if (!isCode(cause, code)) throw cause;
  };
