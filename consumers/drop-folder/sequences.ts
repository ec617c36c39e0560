/**
 * The numbers that senders give to their files: a small file for each number that was used, made by the first instance that needs it, so that any
 * number of instances agree. It holds the hash of the file that has the number.
 */
import { createHash } from 'node:crypto';
import { link, mkdir, mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../batches/ports/clock.ts';
import { isCode, unlinkIfThere } from './leases.ts';
import { noLinks, sync } from './moves.ts';

/**
 * `gap`: neither the number before it nor the one after it is used; `reused`: another file has it.
 *
 * @property first the lowest number that is used
 * @property last the highest
 */
export type SequenceClaim =
  | { readonly is: 'ours'; /** For a file that is refused after all. */ release(): Promise<void> }
  | { readonly is: 'gap'; readonly first: number; readonly last: number }
  | { readonly is: 'reused'; readonly last: number };

/** @property replaces hash of a part of this file that may have the number: the file was read before it was whole */
export interface SequenceRequest {
  readonly source: string;
  readonly number: number;
  readonly sha256: string;
  readonly replaces?: string | undefined;
  readonly signal: AbortSignal;
}

export interface Sequences {
  /**
   * A number that no file has is taken where it continues the numbers that are used, at either end or in between: files that
   * are dropped together are handled in any order. Waits a while for a number beside it, because they are handled side by side.
   */
  claim(request: SequenceRequest): Promise<SequenceClaim>;
}

const lookEveryMs = 500;

export function createSequences({
  dir,
  clock,
  patienceMs,
}: {
  readonly dir: string;
  readonly clock: Clock;
  readonly patienceMs: number;
}): Sequences {
  const root = join(dir, '.sequences');
  return {
    async claim({ source, number, signal, ...file }) {
      const folder = join(root, createHash('sha256').update(source).digest('hex').slice(0, 32));
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const deadline = clock.now() + patienceMs;
      for (;;) {
        const used = await numbersIn(folder);
        const [first, last] = [used[0] ?? number, used.at(-1) ?? number];
        if (used.length === 0 || [number - 1, number, number + 1].some((one) => used.includes(one)))
          return take({ folder, number, last, ...file });
        if (clock.now() >= deadline) return { is: 'gap', first, last };
        await clock.sleep(lookEveryMs, signal);
      }
    },
  };
}

async function numbersIn(folder: string): Promise<readonly number[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => /^\d{1,16}$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

interface Taking extends Pick<SequenceRequest, 'number' | 'sha256' | 'replaces'> {
  readonly folder: string;
  readonly last: number;
}

/** The note appears whole under the number or not at all, and never in the place of another. */
async function take(request: Taking): Promise<SequenceClaim> {
  const { folder, number, last, sha256, replaces } = request;
  const path = join(folder, String(number));
  const temporary = await mkdtemp(join(folder, '.new-'));
  await writeNote(join(temporary, 'note'), sha256);
  try {
    await link(join(temporary, 'note'), path).catch(async (cause: unknown) => {
      if (!isCode(cause, ...noLinks)) throw cause;
      await writeNote(path, sha256);
    });
    await sync(folder);
    return { is: 'ours', release: () => unlinkIfThere(path) };
  } catch (cause) {
    if (!isCode(cause, 'EEXIST')) throw cause;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  const holder = await readFile(path, 'utf8');
  if (replaces !== undefined && holder === replaces && replaces !== sha256) {
    await unlinkIfThere(path);
    return take({ ...request, replaces: undefined });
  }
  return holder === sha256 ? { is: 'ours', release: async () => undefined } : { is: 'reused', last };
}

async function writeNote(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
