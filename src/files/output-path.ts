/** Whether an output file can be written to its path: checked before the work, not after it. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CommandError, exitCodes } from '../exit.ts';

/** @throws {CommandError} exit 1 when the folder is missing or not writable, or the path is a folder, or the input itself */
export async function assertWritable(flag: string, path: string, input: string): Promise<void> {
  const fail = (why: string, cause?: unknown): never => {
    throw new CommandError(exitCodes.usage, `cannot write ${flag} ${path}: ${why}`, { cause });
  };
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory() === true) fail('it is a folder. Give the path of a file.');
  const read = await stat(input, { bigint: true }).catch(() => undefined);
  const written = await stat(path, { bigint: true }).catch(() => undefined);
  // By device and inode, so that another spelling or a link of the same file is recognised.
  if (read !== undefined && written !== undefined && read.dev === written.dev && read.ino === written.ino)
    fail('it is the input itself, which would be lost. Give another path.');
  try {
    await access(dirname(path), constants.W_OK | constants.X_OK);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    fail(missing ? 'there is no such folder. Create it, or give another path.' : `its folder: ${(cause as Error).message}.`, cause);
  }
}
