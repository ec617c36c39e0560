/**
 * The manifests beside files. One goes to `processing/` before its file does, and comes back after it: so a file in `processing/` never
 * lacks the manifest that it was dropped with.
 */
import { lstat, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { steadyLook, type ManifestSign, type SteadyLook } from '../../batches/pipeline/drop-folder/arrival-rules.ts';
import { isCompleteJson, parseManifest } from '../../batches/pipeline/drop-folder/manifest.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import { processingIn } from './folders.ts';
import { isCode, unlinkIfThere } from './leases.ts';
import { exists, moveToFree, sync } from './moves.ts';
import { manifestOf, manifestsNote } from './names.ts';

const maxBytes = 1024 ** 2;

/** Null when there is none; text that is too long is no manifest, and is cut. */
export async function readManifest(path: string): Promise<string | null> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    if (!isCode(cause, 'ENOENT')) throw cause;
    return null;
  });
  return text === null ? null : text.slice(0, maxBytes);
}

export interface ManifestSigns {
  /** Null when there is none beside the file. */
  of(name: string): Promise<ManifestSign | null>;
  /** Forgets what is beside other files. */
  keep(names: readonly string[]): void;
}

/** Remembers what manifests looked like: one that is not whole may still be being written. */
export function createManifestSigns({
  dir,
  clock,
  restMs,
}: {
  readonly dir: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly restMs: number;
}): ManifestSigns {
  const looks = new Map<string, SteadyLook>();
  const pathOf = async (name: string): Promise<string> => {
    const moved = join(processingIn(dir), manifestOf(name));
    // An instance was stopped after it had moved the manifest, and before it moved the file.
    const isMoved = !(await exists(join(dir, manifestOf(name)))) && !(await exists(join(processingIn(dir), name)));
    return isMoved ? moved : join(dir, manifestOf(name));
  };
  return {
    async of(name) {
      const path = await pathOf(name);
      const found = await lstat(path).catch(() => undefined);
      const text = found?.isFile() === true ? await readManifest(path) : null;
      if (found === undefined || text === null) return null;
      const look = steadyLook(looks.get(name), found, clock.now());
      looks.set(name, look);
      const isWhole = isCompleteJson(text) || clock.now() - look.since >= restMs;
      const read = parseManifest(text);
      return { writtenAt: look.mtimeMs, isWhole, bytes: (read.ok ? read.manifest.bytes : undefined) ?? null };
    },
    keep(names) {
      const kept = new Set(names);
      for (const name of looks.keys()) if (!kept.has(name)) looks.delete(name);
    },
  };
}

/** Whether a file of this folder ever had a manifest. */
export const hadManifest = (dir: string): Promise<boolean> => exists(join(dir, manifestsNote));

/** Before the file itself is moved to `processing/`. */
export async function bringManifest(dir: string, name: string): Promise<void> {
  const from = join(dir, manifestOf(name));
  if (!(await exists(from))) return;
  await (await open(join(dir, manifestsNote), 'a', 0o600)).close();
  await sync(dir);
  await rename(from, join(processingIn(dir), manifestOf(name)));
  await sync(processingIn(dir));
}

/** After its file has gone back to the drop folder under the name `back`; one that is there already is newer, and stays. */
export async function returnManifest(file: string, dir: string, back: string): Promise<void> {
  const from = manifestOf(file);
  if (!(await exists(from))) return;
  if (!(await moveToFree(from, join(dir, manifestOf(back))))) await unlinkIfThere(from);
}
