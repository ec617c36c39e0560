/** Compiles and starts the receiver: a gateway whose arrival times are the kernel's (receiver.c says how). */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { startChild } from '../children.ts';
import { cpuOfServer } from '../measure.ts';

export interface Receiver {
  readonly url: string;
  cpuSeconds(): number;
  /** Ends it; the arrivals of all init calls, milliseconds since the epoch, in order. */
  stop(): Promise<readonly number[]>;
}

/** @throws {Error} saying what to install */
function compile(folder: string): string {
  const program = join(folder, 'receiver');
  const { status, stderr, error } = spawnSync('cc', ['-O2', '-o', program, join(import.meta.dirname, 'receiver.c')], { encoding: 'utf8' });
  if (error !== undefined)
    throw new Error('no C compiler: install cc (Debian and Ubuntu: apt-get install gcc libc6-dev)', { cause: error });
  if (status !== 0) throw new Error(`receiver.c was not compiled: ${stderr}`);
  return program;
}

export async function startReceiver({ folder, delayMs }: { readonly folder: string; readonly delayMs: number }): Promise<Receiver> {
  const child = startChild(compile(folder), [String(delayMs)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout as Readable });
  const ended = once(child, 'close');
  const [port] = (await Promise.race([
    once(lines, 'line'),
    ended.then(() => {
      throw new Error('the receiver did not start');
    }),
  ])) as [string];
  const arrivals: number[] = [];
  lines.on('line', (line) => arrivals.push(Number(line) / 1e6));
  return {
    url: `http://127.0.0.1:${port}`,
    cpuSeconds: () => cpuOfServer(child.pid ?? 0),
    async stop() {
      child.stdin?.end();
      await ended;
      return arrivals.toSorted((a, b) => a - b);
    },
  };
}
