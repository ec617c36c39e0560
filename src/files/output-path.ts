/** Whether an output file can be written to its path: checked before the work, not after it. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CommandError, exitCodes } from '../exit.ts';

/** A file that must not be written over, and what it is for people. */
export type OwnFile = readonly [what: string, path: string];

/** Of what is there: by device and inode, so that another spelling or a link of the same file is recognised. */
async function isSameFile(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([one, other].map((path) => stat(path, { bigint: true }).catch(() => undefined)));
  return first !== undefined && second !== undefined && first.dev === second.dev && first.ino === second.ino;
}

/**
 * @throws {CommandError} exit 1 when the folder is missing or not writable, or the path is a folder, the input itself, or
 *   a file that this program needs
 */
export async function assertWritable(flag: string, path: string, input: string, own: readonly OwnFile[]): Promise<void> {
  const fail = (why: string, cause?: unknown): never => {
    throw new CommandError(exitCodes.usage, `cannot write ${flag} ${path}: ${why}`, { cause });
  };
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory() === true) fail('it is a folder. Give the path of a file.');
  if (await isSameFile(input, path)) fail('it is the input itself, which would be lost. Give another path.');
  for (const [what, file] of own)
    if (resolve(path) === resolve(file) || (await isSameFile(path, file))) fail(`it is ${what}, which would be lost. Give another path.`);
  try {
    await access(dirname(path), constants.W_OK | constants.X_OK);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    fail(missing ? 'there is no such folder. Create it, or give another path.' : `its folder: ${(cause as Error).message}.`, cause);
  }
}
