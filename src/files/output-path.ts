/** Whether a file that is asked for can be written at its place: found out before the work, not after it. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CommandError, exitCodes } from '../exit.ts';

/** @throws {CommandError} exit 1 when the folder is missing or closed to us, or the path is a folder itself */
export async function checkPlaceFor(flag: string, path: string): Promise<void> {
  const fail = (why: string, cause?: unknown): never => {
    throw new CommandError(exitCodes.usage, `${flag} ${path} cannot be written: ${why}`, { cause });
  };
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory() === true) fail('it is a folder. Name a file in it.');
  try {
    await access(dirname(path), constants.W_OK | constants.X_OK);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    fail(missing ? 'there is no such folder. Make it, or name another one.' : `its folder: ${(cause as Error).message}.`, cause);
  }
}
