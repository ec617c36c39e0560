/** The example programs of other languages, with what each needs fetched into the user's cache once. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached, kafkaJars } from './server-downloads.ts';

const run = promisify(execFile);
const examples = join(import.meta.dirname, '..', '..', 'examples', 'clients');
const within = { timeout: 180_000, maxBuffer: 16 * 1024 * 1024 };

/** A command line to which a program's own arguments are added. */
export interface ClientProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const succeeds = async (command: string, args: readonly string[]): Promise<boolean> =>
  run(command, [...args], within).then(
    () => true,
    () => false,
  );

const hashOf = (...paths: readonly string[]): string => {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(readFileSync(path));
  return hash.digest('hex').slice(0, 12);
};

/** Java is what the tests need anyway, and Kafka's jars have all that the program needs. */
export async function javaClient(): Promise<ClientProgram> {
  return { command: 'java', args: ['-cp', join(await kafkaJars(), '*'), join(examples, 'java', 'Payout.java')] };
}

export const hasPython = (): Promise<boolean> => succeeds('python3', ['-m', 'pip', '--version']);

export async function pythonClient(): Promise<ClientProgram> {
  const requirements = join(examples, 'python', 'requirements.txt');
  const folder = await cached(`python-${hashOf(requirements)}`, async (target) => {
    await run('python3', ['-m', 'pip', 'install', '-q', '--no-input', '-r', requirements, '--target', join(target, 'libs')], within);
  });
  return { command: 'python3', args: [join(examples, 'python', 'payout.py')], env: { PYTHONPATH: join(folder, 'libs') } };
}

export const hasGo = (): Promise<boolean> => succeeds('go', ['version']);

export async function goClient(): Promise<ClientProgram> {
  const source = join(examples, 'go');
  const folder = await cached(`go-${hashOf(join(source, 'main.go'), join(source, 'go.sum'))}`, async (target) => {
    await run('go', ['build', '-o', join(target, 'payout'), '.'], { ...within, cwd: source });
  });
  return { command: join(folder, 'payout'), args: [] };
}
