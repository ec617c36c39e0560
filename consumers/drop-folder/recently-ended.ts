/** Files that ended lately. A writer may still have one open: what grows in `done/` or `refused/` was only a part. */
import { lstat, opendir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSameLook, watchAfterEndMs, type Look } from '../../batches/pipeline/drop-folder/arrival-rules.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import { recentIn } from './folders.ts';
import { isCode, unlinkIfThere } from './leases.ts';
import { returnManifest } from './manifests.ts';
import { moveToInbox } from './moves.ts';

interface Ended {
  readonly note: string;
  /** Its name in the drop folder. */
  readonly name: string;
  /** What it looked like when it was read. */
  readonly look: Look;
  readonly until: number;
}

/** @param file where it was, and its name in the drop folder now */
export type OnReturned = (file: { readonly path: string; readonly name: string }) => Promise<void>;

export interface RecentlyEnded {
  /** Puts back what has changed. Looks no more often than every few seconds. */
  check(onReturned: OnReturned): Promise<void>;
  /** Whether a file of this name ended lately. */
  has(name: string): Promise<boolean>;
}

const maxRemembered = 1_000;
const checkEveryMs = 5_000;

/** Reads the notes beside files that ended, so that a restarted or another instance continues where the last one stopped. */
export function createRecentlyEnded({ dir, clock }: { readonly dir: string; readonly clock: Pick<Clock, 'now'> }): RecentlyEnded {
  const files = new Map<string, Ended>();
  let nextAt = -Infinity;

  const learn = async (): Promise<void> => {
    for await (const { name: entry } of await opendir(recentIn(dir))) {
      const [, ending, base] = /^(done|refused)\.(.+)$/.exec(entry) ?? [];
      if (ending === undefined || base === undefined) continue;
      const path = join(dir, ending, base);
      const note = join(recentIn(dir), entry);
      if (files.has(path) || files.size >= maxRemembered) continue;
      const known = await readNote(note);
      if (known === undefined) await unlinkIfThere(note);
      else files.set(path, { note, ...known, until: clock.now() + watchAfterEndMs });
    }
  };
  const forget = async (path: string, { note }: Ended): Promise<void> => {
    files.delete(path);
    await unlinkIfThere(note);
  };

  return {
    async check(onReturned) {
      if (clock.now() < nextAt) return;
      nextAt = clock.now() + checkEveryMs;
      await learn();
      for (const [path, one] of files) {
        const found = await lookAt(path);
        if (found !== undefined && isSameLook(one.look, found) && one.until > clock.now()) continue;
        const isBack = found !== undefined && !isSameLook(one.look, found);
        const name = isBack ? await moveToInbox(path, dir, one.name) : undefined;
        if (name !== undefined) await returnManifest(path, dir, name);
        await forget(path, one);
        if (name !== undefined) await onReturned({ path, name });
      }
    },
    async has(name) {
      await learn();
      return [...files.values()].some((file) => file.name === name);
    },
  };
}

/** Undefined when it is gone. */
const lookAt = (path: string): Promise<Look | undefined> =>
  lstat(path).catch((cause: unknown) => {
    if (isCode(cause, 'ENOENT')) return undefined;
    throw cause;
  });

/** Undefined for what we did not write: its name becomes part of a path. */
async function readNote(path: string): Promise<{ readonly name: string; readonly look: Look } | undefined> {
  try {
    const { name, size, mtimeMs } = JSON.parse(await readFile(path, 'utf8')) as Partial<Look & { readonly name: string }>;
    const isOurs = typeof name === 'string' && !name.includes('/') && typeof size === 'number' && typeof mtimeMs === 'number';
    return isOurs ? { name, look: { size, mtimeMs } } : undefined;
  } catch {
    return undefined;
  }
}
