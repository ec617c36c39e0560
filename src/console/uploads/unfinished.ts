/**
 * Folders of uploads that a process was killed in before it wrote their note: no list has them, and they are never paid. Each is
 * given another name before it is removed, so that a note that is written meanwhile is found, and its upload kept.
 */
import type { Dirent } from 'node:fs';
import { access, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../batches/pipeline/notice.ts';
import type { Logger } from '../../logger.ts';
import { noteName, uploadsFolder } from './store.ts';

interface UnfinishedParams {
  readonly dataDir: string;
  readonly now: number;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
}

/** Another console may be receiving or checking a file. */
const oldMs = 3_600_000;
const ownName = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(\.removed)?$/;

/** A folder that cannot be removed is logged, and is looked at again by the next start. */
export async function removeUnfinished({ dataDir, now, logger }: UnfinishedParams): Promise<void> {
  const folder = uploadsFolder(dataDir);
  for (const name of await readdir(folder).catch(() => [])) {
    const [, id, removed] = ownName.exec(name) ?? [];
    if (id === undefined) continue;
    try {
      const isGone = removed === undefined ? await removeOld(join(folder, name), now) : await removeRenamed(join(folder, id));
      if (isGone) logger.info({ upload: id }, 'removed an upload that was never received or checked to its end');
    } catch (cause) {
      logger.warn({ upload: id }, `an upload that was never received to its end cannot be removed: ${messageOf(cause)}`);
    }
  }
}

async function removeOld(path: string, now: number): Promise<boolean> {
  if ((await hasNote(path)) || now - (await lastChange(path)) < oldMs) return false;
  await rename(path, `${path}.removed`);
  return removeRenamed(path);
}

/** @param path as it was before it had another name */
async function removeRenamed(path: string): Promise<boolean> {
  if (await hasNote(`${path}.removed`)) {
    await rename(`${path}.removed`, path);
    return false;
  }
  await rm(`${path}.removed`, { recursive: true });
  return true;
}

/** Also one that cannot be read. */
const hasNote = (path: string): Promise<boolean> =>
  access(join(path, noteName)).then(
    () => true,
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return false;
      throw cause;
    },
  );

/** Of the folder and everything in it. */
async function lastChange(path: string): Promise<number> {
  const entries: readonly Dirent[] = await readdir(path, { recursive: true, withFileTypes: true });
  const paths = [path, ...entries.map(({ parentPath, name }) => join(parentPath, name))];
  const changes = await Promise.all(paths.map(async (one) => (await stat(one)).mtimeMs));
  return changes.reduce((latest, change) => Math.max(latest, change), 0);
}
