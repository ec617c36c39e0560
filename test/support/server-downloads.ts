/**
 * Server programs from Maven Central, fetched once into a cache folder of the user. Two runs may fetch at once:
 * each works in a folder of its own and renames it when it is whole.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, chmod, copyFile, mkdir, mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const kafkaPom = join(import.meta.dirname, 'kafka.pom.xml');
const redisArtifact = 'com.github.codemonstur:embedded-redis:1.4.4';
const fetchWithinMs = 300_000;

const cacheFolder = (): string => {
  const home = process.env['XDG_CACHE_HOME'];
  return join(home === undefined || home === '' ? join(homedir(), '.cache') : home, 'disburse-test');
};

/** The folder with Kafka's jars. */
export async function kafkaJars(): Promise<string> {
  const pom = await readFile(kafkaPom);
  const folder = await cached(`kafka-${createHash('sha256').update(pom).digest('hex').slice(0, 12)}`, async (target) => {
    await copyFile(kafkaPom, join(target, 'pom.xml'));
    const args = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${join(target, 'libs')}`];
    await maven(args, target, "Kafka's jars");
  });
  return join(folder, 'libs');
}

/** The path of a redis-server for this machine. */
export async function embeddedRedis(): Promise<string> {
  const system = process.platform === 'darwin' ? 'darwin' : 'linux';
  const ending = `${system}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const folder = await cached(`redis-${redisArtifact.split(':').at(-1)}-${ending}`, async (target) => {
    const args = ['dependency:unpack', `-Dartifact=${redisArtifact}`, `-DoutputDirectory=${join(target, 'bin')}`];
    await maven([...args, `-Dmdep.unpack.includes=redis-server-*${ending}`], target, 'a Redis binary');
    const names = await readdir(join(target, 'bin')).catch(() => []);
    const name = names.find((each) => each.endsWith(ending));
    if (name === undefined) throw new Error(`${redisArtifact} has no redis-server for ${ending}: install redis-server (6.2 or later).`);
    await chmod(join(target, 'bin', name), 0o755);
    await rename(join(target, 'bin', name), join(target, 'redis-server'));
  });
  return join(folder, 'redis-server');
}

/** A folder of the user's cache, filled once. */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder(), name);
  if (await exists(folder)) return folder;
  await mkdir(cacheFolder(), { recursive: true });
  const work = await mkdtemp(`${folder}.part-`);
  try {
    await fill(work);
    await rename(work, folder).catch(async (cause: unknown) => {
      // Another run was faster; its folder is as good.
      if (!(await exists(folder))) throw cause;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return folder;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function maven(args: readonly string[], cwd: string, what: string): Promise<void> {
  try {
    await run('mvn', ['-q', '-B', ...args], { cwd, timeout: fetchWithinMs, maxBuffer: 64 * 1024 * 1024 });
  } catch (cause) {
    const { code, stdout = '', stderr = '' } = cause as NodeJS.ErrnoException & { stdout?: string; stderr?: string };
    if (code === 'ENOENT') throw new Error(`mvn is not on the PATH and ${what} must be fetched: install Maven 3.6 or later.`, { cause });
    throw new Error(`mvn could not fetch ${what} from Maven Central:\n${(stdout + stderr).trim().slice(-1500)}`, { cause });
  }
}
