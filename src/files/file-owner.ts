/** Who owns a file, as the submitter of what is dropped into a folder. */
import { readFile, stat } from 'node:fs/promises';

/** The name that /etc/passwd has for the owner, else `uid N`: no name of a person. */
export async function ownerOf(path: string): Promise<string> {
  const { uid } = await stat(path);
  const names = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const name = names
    .split('\n')
    .map((line) => line.split(':'))
    .find(([, , id]) => id === String(uid))?.[0];
  return name ?? `uid ${uid}`;
}
