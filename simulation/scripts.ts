/** Parts of `npm run proof` that run in a process of their own, since they read what no schedule does: files, servers, clocks. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const scripts = {
  '--fuzz': 'test/fuzz/fuzz.script.ts',
  '--crashes': 'test/crashes/crashes.script.ts',
  '--differential': 'test/fuzz/differential.script.ts',
  '--load': 'bench/load/load.ts',
} as const;

// kafkajs on Node.js 24, harmless: src/kafka/client.ts keeps it from users too.
const flags = ['--disable-warning=TimeoutNegativeWarning'];

/** @returns the script that these arguments ask for */
export function scriptOf(args: readonly string[]): string | undefined {
  const found = Object.entries(scripts).find(([flag]) => args.some((arg) => arg === flag || arg.startsWith(`${flag}=`)));
  return found?.[1];
}

/** @returns the exit code */
export const runScript = (script: string, args: readonly string[]): number =>
  spawnSync(process.execPath, [...flags, join(import.meta.dirname, '..', script), ...args], { stdio: 'inherit' }).status ?? 1;
