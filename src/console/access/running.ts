/** Where the console of a data folder listens, for `disburse console login`. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const running = z.object({ url: z.string(), id: z.string(), pid: z.int() });
export type RunningConsole = z.infer<typeof running>;

const fileIn = (dataDir: string): string => join(dataDir, 'console.json');

export function noteRunning(dataDir: string, console: RunningConsole): void {
  const file = fileIn(dataDir);
  writeFileSync(`${file}.new`, `${JSON.stringify(console)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** Leaves the note of another console alone. */
export function forgetRunning(dataDir: string, id: string): void {
  if (read(dataDir)?.id === id) rmSync(fileIn(dataDir), { force: true });
}

/** Undefined where no console runs on this machine. */
export function findRunning(dataDir: string): RunningConsole | undefined {
  const found = read(dataDir);
  return found !== undefined && isAlive(found.pid) ? found : undefined;
}

function read(dataDir: string): RunningConsole | undefined {
  try {
    return running.parse(JSON.parse(readFileSync(fileIn(dataDir), 'utf8')));
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM';
  }
}
