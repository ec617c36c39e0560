/** Where one file of `processing/` and what belongs to it are while it is handled, and how all of it moves on. */
import { lstat, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Look } from '../../batches/pipeline/drop-folder/arrival-rules.ts';
import { share, type FolderAccess } from './access.ts';
import { processingIn, recentNote, type Destination } from './folders.ts';
import { unlinkIfThere } from './leases.ts';
import { exists, freeName, moveBeside, moveToInbox, orUndefined, sync, writeWhole } from './moves.ts';
import { returnManifest } from './manifests.ts';
import { manifestOf, readyMarker, siblings, type Sibling } from './names.ts';

/** Where one file and what belongs to it lie while it is handled. */
export interface WorkDir {
  readonly path: string;
  pathOf(sibling: Sibling): string;
  /** The whole text appears under `pathOf(sibling)` at once, readable as answers are, and outlives a power cut. */
  write(sibling: Sibling, content: string): Promise<void>;
  /** Moves the file and what is beside it. Can be interrupted at any point: `finishMove` of the next work folder continues. */
  moveTo(ending: Destination, taken: Look): Promise<void>;
  /** Moves the file back to the drop folder, under another name if its own is taken there, and removes what is beside it. */
  returnToInbox(): Promise<{ readonly name: string }>;
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
  readonly access: FolderAccess;
}

const isAck = (sibling: Sibling): boolean => sibling === 'ack.json' || sibling === 'ack.txt';

export async function openWorkDir({ dir, name, token, heirOf, access }: WorkDirOptions): Promise<WorkDir> {
  const processing = processingIn(dir);
  const path = join(processing, name);
  const work = `.work-${token}`;
  const note = noteOf(dir, name);
  await mkdir(join(processing, work), { mode: 0o700 });

  const placeOf = (sibling: Sibling, workOf: string): string =>
    isAck(sibling) ? `${path}.${sibling}` : join(processing, workOf, `${name}.${sibling}`);
  const write = (to: string, content: string): Promise<void> =>
    writeWhole({ path: to, workFolder: join(processing, work), content, access });

  const move = async ({ ending, work: from, base }: Leaving): Promise<void> => {
    const folder = join(dir, ending);
    for (const sibling of siblings) {
      const source = placeOf(sibling, from);
      if (await exists(source)) await share(source, access);
      await moveBeside(source, folder, base, `.${sibling}`);
    }
    await moveBeside(readyMarker(path), folder, base, '.ready');
    await moveBeside(manifestOf(path), folder, base, '.manifest.json');
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
    async moveTo(ending, taken) {
      const { size, mtimeMs } = await lstat(path);
      const leaving: Leaving = { ending, work, base: await freeName(join(dir, ending), name), size, mtimeMs };
      await write(note, `${JSON.stringify(leaving)}\n`);
      await write(recentNote(dir, ending, leaving.base), `${JSON.stringify({ name, ...taken })}\n`);
      await move(leaving);
    },
    async returnToInbox() {
      for (const sibling of siblings) await unlinkIfThere(placeOf(sibling, work));
      await unlinkIfThere(readyMarker(path));
      const back = await moveToInbox(path, dir, name);
      await returnManifest(path, dir, back);
      await sync(processing);
      return { name: back };
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
