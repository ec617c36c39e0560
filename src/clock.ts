import { openSync, readSync } from 'node:fs';
import { uptime } from 'node:os';
import type { Clock } from '../batches/ports/clock.ts';

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const stop = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', stop);
        resolve();
      }, ms);
      signal?.addEventListener('abort', stop, { once: true });
    }),
};

const monotonicNow = (): number => performance.timeOrigin + performance.now();

/** Never set back or forward, and with fractions of a millisecond: for rates. */
export const monotonicClock: Clock = { now: monotonicNow, sleep: systemClock.sleep };

/** How late a timer may come; the last of a precise wait is spent turning in the event loop. */
const timerSlackMs = 1.5;

/**
 * The same, with sleeps that end on time. At rates without a burst every late permit is lost for good: plain
 * timers, a millisecond late, would cost a tenth of 100 a second. Costs up to `timerSlackMs` of a core each sleep.
 */
export const preciseClock: Clock = {
  now: monotonicNow,
  async sleep(ms, signal) {
    signal?.throwIfAborted();
    const until = monotonicNow() + ms;
    if (ms > timerSlackMs) await systemClock.sleep(Math.floor(ms - timerSlackMs), signal);
    while (monotonicNow() < until) {
      signal?.throwIfAborted();
      await new Promise((resolve) => setImmediate(resolve));
    }
  },
};

const space = 0x20;

/**
 * Reads how long the machine has been up, suspended time included. Linux has it in a file, and each reading asks the
 * kernel. The file stays open: to open and close it for each of the readings of a payout costs several times as much.
 */
export function createUptime(path = '/proc/uptime'): () => number {
  const text = Buffer.alloc(64);
  let file: number | undefined;
  let isReadable = true;
  const readFile = (): number | undefined => {
    try {
      file ??= openSync(path, 'r');
      const length = readSync(file, text, 0, text.length, 0);
      const end = text.indexOf(space);
      const ms = Math.round(Number(text.toString('latin1', 0, end)) * 1000);
      return end > 0 && end < length && ms > 0 ? ms : undefined;
    } catch {
      return undefined;
    }
  };
  return () => {
    const read = isReadable ? readFile() : undefined;
    isReadable = read !== undefined;
    return read ?? uptime() * 1000;
  };
}

const uptimeMs = createUptime();

/** The wall clock, and the time since the machine started, which counts suspended time as the monotonic clock does not. */
export const machineClocks = (): { readonly wallAt: number; readonly uptimeMs: number } => ({ wallAt: Date.now(), uptimeMs: uptimeMs() });

/** The wall clock alone: where several machines send, the start of one says nothing of the others. */
export const wallClock = (): { readonly wallAt: number; readonly uptimeMs: null } => ({ wallAt: Date.now(), uptimeMs: null });
