/** Priorities of the threads of this process. */
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** By how much the thread pool is nicer than the main thread, as in nice(1). A much nicer one would starve beside other programs. */
export const poolNiceness = 5;
const mostNiceness = 19;
/** As libuv names them. */
const poolThread = 'libuv-worker';

/**
 * Lets the main thread go before the thread pool, which signs: the kernel would otherwise often give a signature the core
 * of the main thread, on which everything else waits. Only Linux has priorities of threads, and only threads that run
 * already are found. Where it is not possible, nothing changes.
 */
export function yieldToMainThread(tasks = '/proc/self/task'): void {
  if (process.platform !== 'linux') return;
  const niceness = Math.min(mostNiceness, getPriority() + poolNiceness);
  try {
    for (const thread of readdirSync(tasks))
      if (readFileSync(`${tasks}/${thread}/comm`, 'utf8').trim() === poolThread) setPriority(Number(thread), niceness);
  } catch {
    // A system without /proc, or one that forbids it: signatures then take their turn as before.
  }
}
