/**
 * The drop folder and the three in it: `processing/`, `done/`, `refused/`. Files go from one to the next by renaming,
 * and nothing is ever overwritten.
 *
 * While a file is in `processing/`, its acknowledgement is beside it; results and errors are gathered in a hidden
 * folder of the claim's own (`.work-<token>`), because `may.csv.errors.csv` is also what a corrected fix-file may be
 * called when it is dropped, and because an instance that lost its claim must not overwrite what the next holder writes.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, mkdir, open, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isCode, unlinkIfThere } from './leases.ts';
import { siblings, type Sibling } from './names.ts';

/** How a file ended, and the folder it goes to. */
export type Destination = 'done' | 'refused';

export const processingIn = (dir: string): string => join(dir, 'processing');

/**
 * Makes the three folders (mode 0700) where they are missing and tries whether everything can be written.
 *
 * @throws Error for people: what is wrong with which folder, and what to do
 */
export async function prepareDropFolder(dir: string): Promise<void> {
  const found = await stat(dir).catch((cause: unknown) => {
    if (isCode(cause, 'ENOENT')) throw new Error(`The drop folder ${dir} does not exist. Create it, or set INBOX_DIR to one that exists.`);
    throw new Error(`The drop folder ${dir} cannot be accessed (${text(cause)}). Check INBOX_DIR and its permissions.`);
  });
  if (!found.isDirectory()) throw new Error(`The drop folder ${dir} is not a folder. Set INBOX_DIR to a folder.`);
  await tryWriting(dir);
  for (const name of ['processing', 'done', 'refused']) {
    const folder = join(dir, name);
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new Error(`${folder} cannot be created (${text(cause)}). The drop folder needs it.`, { cause });
    }
    await tryWriting(folder);
    if ((await stat(folder)).dev !== found.dev)
      throw new Error(
        `${folder} is on another file system than ${dir}, so files cannot be renamed into it. Put both on the same file system.`,
      );
  }
}

async function tryWriting(folder: string): Promise<void> {
  const probe = join(folder, `.probe-${randomBytes(8).toString('hex')}`);
  try {
    await (await open(probe, 'wx', 0o600)).close();
    await unlink(probe);
  } catch (cause) {
    throw new Error(`${folder} is not writable (${text(cause)}). disburse renames files there: give its user write permission.`, {
      cause,
    });
  }
}

/** Where one file and what belongs to it lie while it is handled. */
export interface WorkDir {
  readonly path: string;
  pathOf(sibling: Sibling): string;
  /** The whole text appears under `pathOf(sibling)` at once, mode 0600, and outlives a power cut. */
  write(sibling: Sibling, content: string): Promise<void>;
  /** Moves the file and what is beside it. Can be interrupted at any point: `finishMove` of the next work folder continues. */
  moveTo(ending: Destination): Promise<void>;
  /** Ends a move that somebody else began. Answers whether there was one. */
  finishMove(): Promise<boolean>;
  /** Takes away what is only ours, and what the former holders left. */
  clear(): Promise<void>;
}

/**
 * Written before a move, so that a crash in the middle of it does not part the set. Size and time tell whether it
 * is about the file that is there: a note that outlived its file must never send another one to `done/` unpaid.
 */
interface Leaving {
  readonly ending: Destination;
  readonly work: string;
  readonly base: string;
  readonly size: number;
  readonly mtimeMs: number;
}

export interface WorkDirOptions {
  readonly dir: string;
  readonly name: string;
  readonly token: string;
  readonly heirOf: readonly string[];
}

export async function openWorkDir({ dir, name, token, heirOf }: WorkDirOptions): Promise<WorkDir> {
  const processing = processingIn(dir);
  const path = join(processing, name);
  const work = `.work-${token}`;
  const note = noteOf(dir, name);
  await mkdir(join(processing, work), { mode: 0o700 });

  const placeOf = (sibling: Sibling, workOf: string): string =>
    sibling === 'ack.json' ? `${path}.${sibling}` : join(processing, workOf, `${name}.${sibling}`);
  const write = (to: string, content: string): Promise<void> => writeWhole({ path: to, workFolder: join(processing, work), content });

  const move = async ({ ending, work: from, base }: Leaving): Promise<void> => {
    const folder = join(dir, ending);
    for (const sibling of siblings) await moveBeside(placeOf(sibling, from), folder, base, `.${sibling}`);
    // The file itself last: who sees it there finds everything else there too.
    await moveBeside(path, folder, base, '');
    await sync(folder);
    await rm(join(processing, from), { recursive: true, force: true });
    await unlinkIfThere(note);
    await sync(processing);
  };

  return {
    path,
    pathOf: (sibling) => placeOf(sibling, work),
    write: (sibling, content) => write(placeOf(sibling, work), content),
    async moveTo(ending) {
      const { size, mtimeMs } = await lstat(path);
      const leaving: Leaving = { ending, work, base: await freeName(join(dir, ending), name), size, mtimeMs };
      await write(note, `${JSON.stringify(leaving)}\n`);
      await move(leaving);
    },
    async finishMove() {
      const leaving = await readLeaving(dir, name);
      const { size, mtimeMs } = await lstat(path);
      if (leaving?.size === size && leaving.mtimeMs === mtimeMs) {
        await move(leaving);
        return true;
      }
      await deleteMarker(dir, name);
      return false;
    },
    async clear() {
      // What a broken-off move has yet to fetch stays.
      const kept = (await readLeaving(dir, name))?.work;
      for (const one of [token, ...heirOf].map((of) => `.work-${of}`)) {
        if (one !== kept) await rm(join(processing, one), { recursive: true, force: true });
      }
    },
  };
}

const noteOf = (dir: string, name: string): string => join(processingIn(dir), `.${name}.leaving`);

/** Undefined when there is none, and for what we did not write: it becomes part of paths. */
async function readLeaving(dir: string, name: string): Promise<Leaving | undefined> {
  const content = await readFile(noteOf(dir, name), 'utf8').catch(orUndefined('ENOENT'));
  if (content === undefined) return undefined;
  let leaving: Partial<Leaving>;
  try {
    leaving = JSON.parse(content) as Partial<Leaving>;
  } catch {
    return undefined;
  }
  const { ending, work, base, size, mtimeMs } = leaving;
  if (ending !== 'done' && ending !== 'refused') return undefined;
  if (typeof work !== 'string' || !/^\.work-[0-9a-f]{16}$/.test(work)) return undefined;
  if (typeof base !== 'string' || !base.startsWith(name) || !/^(\.\d+)?$/.test(base.slice(name.length))) return undefined;
  if (size === undefined || mtimeMs === undefined) return undefined;
  return { ending, work, base, size, mtimeMs };
}

/** Before a file comes to its place in `processing/`: what speaks of a former one of its name is over. */
export async function deleteMarker(dir: string, name: string): Promise<void> {
  const leaving = await readLeaving(dir, name);
  await unlinkIfThere(noteOf(dir, name));
  if (leaving !== undefined) await rm(join(processingIn(dir), leaving.work), { recursive: true, force: true });
}

const suffix = (n: number): string => (n === 0 ? '' : `.${n}`);

/** The name, or with `.1`, `.2`… behind it, so that it and everything beside it are free in the folder. */
async function freeName(folder: string, name: string): Promise<string> {
  for (let n = 0; ; n += 1) {
    const base = `${name}${suffix(n)}`;
    const taken = await Promise.all(['', ...siblings.map((sibling) => `.${sibling}`)].map((end) => exists(join(folder, `${base}${end}`))));
    if (!taken.includes(true)) return base;
  }
}

/** Nothing when there is no such file. Should the name have been taken in the last moment, it gets a number more. */
async function moveBeside(from: string, folder: string, base: string, end: string): Promise<void> {
  for (let n = 0; !(await moveToFree(from, join(folder, `${base}${suffix(n)}${end}`))); n += 1);
}

/** False when the name is taken. A hard link never overwrites, as a rename would; where there are none, a look must do. */
async function moveToFree(from: string, to: string): Promise<boolean> {
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
const noLinks = ['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL'];

async function writeWhole({ path, workFolder, content }: { path: string; workFolder: string; content: string }): Promise<void> {
  const temporary = join(workFolder, `${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await sync(dirname(path));
}

/** Makes the names in a folder outlive a power cut. */
async function sync(folder: string): Promise<void> {
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

const orUndefined =
  (code: string) =>
  (cause: unknown): undefined => {
    if (!isCode(cause, code)) throw cause;
  };

const text = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
