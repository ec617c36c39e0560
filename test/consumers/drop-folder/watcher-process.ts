/** Starts `watcher.script.ts` and reads what it prints. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface WatcherProcess {
  /** Names in the order they were handled. */
  readonly handled: () => readonly string[];
  readonly warnings: () => readonly string[];
  end(signal: NodeJS.Signals): Promise<void>;
}

export async function startWatcher(dir: string, owner: string, handleMs: number, takeOverMs = 30_000): Promise<WatcherProcess> {
  const script = join(import.meta.dirname, 'watcher.script.ts');
  const child = spawn(process.execPath, [script, dir, owner, String(handleMs), String(takeOverMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const told: string[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => told.push(line));
  await once(lines, 'line');
  const saying = (what: string): readonly string[] => told.filter((line) => line.startsWith(what)).map((line) => line.slice(what.length));
  return {
    handled: () => saying('handling '),
    warnings: () => saying('warning '),
    async end(signal) {
      child.kill(signal);
      await ended;
    },
  };
}
