/** Whether an output file can be written to its path: checked before the work, not after it. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { alertsPath, ledgerFile, resultsPath } from '../ledger/data-dir.ts';

/**
 * The files that this program lives on, by what they are for people: written over, they would be lost.
 *
 * @param config as the command has it
 */
const ownFiles = ({ settings, dataDir }: Config): readonly (readonly [what: string, path: string])[] => [
  ...given('GATEWAY_PRIVATE_KEY_FILE', settings.GATEWAY_PRIVATE_KEY_FILE),
  ...(settings.GATEWAY_PUBLIC_KEY_FILE ?? []).flatMap((path) => given('GATEWAY_PUBLIC_KEY_FILE', path)),
  ...given('LEDGER_KEY_FILE', settings.LEDGER_KEY_FILE),
  ...['', '-wal', '-shm'].map((end) => ['the ledger', `${ledgerFile(dataDir)}${end}`] as const),
  ['the key of the ledger', join(dataDir, 'ledger.key')],
  ['the results of the ledger', resultsPath(dataDir)],
  ['the alerts of the ledger', alertsPath(dataDir)],
  ['the configuration', '.env'],
];

const given = (what: string, path: string | undefined): readonly (readonly [string, string])[] =>
  path === undefined ? [] : [[what, path]];

/** Of what is there: by device and inode, so that another spelling or a link of the same file is recognised. */
async function isSameFile(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([one, other].map((path) => stat(path, { bigint: true }).catch(() => undefined)));
  return first !== undefined && second !== undefined && first.dev === second.dev && first.ino === second.ino;
}

/**
 * @throws {CommandError} exit 1 when the folder is missing or not writable, or the path is a folder, the input itself, or
 *   a file that this program needs
 */
export async function assertWritable(flag: string, path: string, input: string, config: Config): Promise<void> {
  const fail = (why: string, cause?: unknown): never => {
    throw new CommandError(exitCodes.usage, `cannot write ${flag} ${path}: ${why}`, { cause });
  };
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory() === true) fail('it is a folder. Give the path of a file.');
  if (await isSameFile(input, path)) fail('it is the input itself, which would be lost. Give another path.');
  for (const [what, own] of ownFiles(config))
    if (resolve(path) === resolve(own) || (await isSameFile(path, own))) fail(`it is ${what}, which would be lost. Give another path.`);
  try {
    await access(dirname(path), constants.W_OK | constants.X_OK);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    fail(missing ? 'there is no such folder. Create it, or give another path.' : `its folder: ${(cause as Error).message}.`, cause);
  }
}
