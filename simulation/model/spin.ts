/** Finds Spin, the model checker: on the PATH, in the cache folder of the user, or in Debian's package. */
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const fetchWithinMs = 120_000;

const cacheFolder = (): string => {
  const home = process.env['XDG_CACHE_HOME'];
  return join(home === undefined || home === '' ? join(homedir(), '.cache') : home, 'disburse-test');
};

/** @returns the path of Spin 6, or its name when it is on the PATH */
export async function findSpin(): Promise<string> {
  if (await isSpin('spin')) return 'spin';
  const folder = join(cacheFolder(), 'spin');
  const program = join(folder, 'usr', 'bin', 'spin');
  if (await isSpin(program)) return program;
  await mkdir(cacheFolder(), { recursive: true });
  const work = await mkdtemp(`${folder}.part-`);
  try {
    await fetchInto(work);
    await rename(join(work, 'unpacked'), folder).catch(async (cause: unknown) => {
      // Another run was faster; its folder is as good.
      if (!(await isSpin(program))) throw cause;
    });
  } catch (cause) {
    throw new Error('Spin 6, the model checker, is not on the PATH, and apt-get could not fetch its package: install spin.', { cause });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return program;
}

/** Another program of the same name has another version line. */
const isSpin = (program: string): Promise<boolean> =>
  run(program, ['-V'], { timeout: 10_000 }).then(
    ({ stdout }) => stdout.startsWith('Spin Version 6'),
    () => false,
  );

/** Downloads the package and unpacks it, without installing it. */
async function fetchInto(folder: string): Promise<void> {
  const download = (): Promise<unknown> => run('apt-get', ['download', 'spin'], { cwd: folder, timeout: fetchWithinMs });
  await download().catch(async () => {
    // A machine that is new has no lists of packages.
    await run('apt-get', ['update'], { timeout: fetchWithinMs });
    await download();
  });
  const name = (await readdir(folder)).find((each) => each.endsWith('.deb'));
  if (name === undefined) throw new Error('apt-get downloaded no package');
  await run('dpkg-deb', ['-x', name, 'unpacked'], { cwd: folder, timeout: fetchWithinMs });
  await access(join(folder, 'unpacked', 'usr', 'bin', 'spin'));
}
