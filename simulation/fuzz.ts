/** `npm run proof -- --fuzz`: in a process of its own, since it reads what no schedule does. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** @returns the exit code */
export function runFuzz(args: readonly string[]): number {
  const script = join(import.meta.dirname, '..', 'test', 'fuzz', 'fuzz.script.ts');
  return spawnSync(process.execPath, [script, ...args], { stdio: 'inherit' }).status ?? 1;
}
