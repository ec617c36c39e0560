/** Who can read what is written into the drop folder. */
import { chmod, chown, stat } from 'node:fs/promises';
import { isCode } from './leases.ts';

/**
 * Who can read what disburse writes.
 *
 * @property mode of answers, such as 0o640; folders get the matching one
 * @property gid the group of answers and folders; null: that of the process
 */
export interface FolderAccess {
  readonly mode: number;
  readonly gid: number | null;
}

/** Who may read a file of the folder may enter it, and files made there get its group. */
const folderMode = ({ mode }: FolderAccess): number => {
  const write = (mode & 0o040) === 0 ? 0 : 0o070;
  const others = (mode & 0o004) === 0 ? 0 : 0o005;
  return 0o2700 | write | others;
};

export async function share(path: string, { mode, gid }: FolderAccess): Promise<void> {
  if (gid !== null) await chown(path, -1, gid);
  await chmod(path, mode);
}

/** @throws Error for people: the folder cannot be given to the group */
export async function shareFolder(folder: string, access: FolderAccess): Promise<void> {
  const { mode, gid } = await stat(folder);
  const wanted = folderMode(access);
  const hasGroup = access.gid === null || gid === access.gid;
  if ((mode & 0o7777) === wanted && hasGroup) return;
  try {
    await share(folder, { mode: wanted, gid: access.gid });
  } catch (cause) {
    // The folder of another user keeps the rights that this user gave it.
    if (hasGroup && isCode(cause, 'EPERM')) return;
    throw new Error(
      `${folder} cannot be given to the group of INBOX_GROUP (${(cause as Error).message}). Make the user of disburse a member of that group.`,
      { cause },
    );
  }
}
