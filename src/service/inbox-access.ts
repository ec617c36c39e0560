/** Who can read the answers in the drop folder, from the settings. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { FolderAccess } from '../../consumers/drop-folder/access.ts';
import type { Settings } from '../config/variables.ts';
import { CommandError, exitCodes } from '../exit.ts';

/** @throws {CommandError} exit 1 for a group that this machine does not know */
export function inboxAccess({ INBOX_GROUP, INBOX_MODE }: Pick<Settings, 'INBOX_GROUP' | 'INBOX_MODE'>): FolderAccess {
  if (INBOX_GROUP === undefined) return { mode: INBOX_MODE, gid: null };
  const gid = /^\d+$/.test(INBOX_GROUP) ? Number(INBOX_GROUP) : groupId(INBOX_GROUP);
  if (gid === undefined)
    throw new CommandError(
      exitCodes.usage,
      `INBOX_GROUP is ${INBOX_GROUP}, and this machine has no group of that name. Create it, or name another one.`,
    );
  return { mode: INBOX_MODE, gid };
}

/** Node has no call for it. Groups of a directory service are known to `getent` only. */
function groupId(name: string): number | undefined {
  return idIn(readText('/etc/group'), name) ?? idIn(getent(name), name);
}

const idIn = (entries: string, name: string): number | undefined => {
  const [, , id] =
    entries
      .split('\n')
      .map((line) => line.split(':'))
      .find(([first]) => first === name) ?? [];
  return id === undefined ? undefined : Number(id);
};

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function getent(name: string): string {
  try {
    return execFileSync('getent', ['group', name], { encoding: 'utf8', timeout: 5_000, stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    // It is not there, or knows no such group.
    return '';
  }
}
