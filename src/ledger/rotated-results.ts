/** Results files that `results rotate` moved away: they are beside the results file, named by the time of the move in UTC. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const pattern = /^results-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z\.jsonl$/;

/** Their paths, oldest first; none where the folder is missing. */
export function rotatedResults(dir: string): readonly string[] {
  try {
    return readdirSync(dir)
      .filter((name) => pattern.test(name))
      .sort()
      .map((name) => join(dir, name));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return [];
    throw cause;
  }
}

/** A path that no file has. @param at milliseconds since the epoch */
export function rotatedPath(dir: string, at: number): string {
  const path = join(dir, `results-${new Date(at).toISOString().replaceAll(':', '-')}.jsonl`);
  return existsSync(path) ? rotatedPath(dir, at + 1) : path;
}
