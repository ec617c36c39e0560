/**
 * The rate of init calls as the gateway sees it: never above what is agreed in any second, and hardly below. The
 * gateway lives in this process. A busy machine holds up this process, so that calls are seen late and together, and
 * the one that pays, so that permits come late; so how long it does is measured all the while.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { describe, expect, it } from 'vitest';
import { callsSeen, mostInASecond, watchTurns, type Call } from '../support/seen-calls.ts';
import { csvOf, payouts } from '../support/builders.ts';
import { inWorld } from './world.ts';

/** A call may be sent so much later than it was permitted that one more falls into a second. */
const jitter = 1;

describe.each([
  { rate: 50, burst: 1 },
  { rate: 100, burst: 1 },
])('DISPATCH_RATE=$rate', ({ rate, burst }) => {
  it('holds in every window of a second, and is used fully', async () => {
    let lacking = 1;
    for (let tries = 0; tries < 3 && lacking > 0; tries += 1) {
      const { calls, heldUp } = await paid(rate);
      expect(calls).toHaveLength(rate * 3);
      expect(mostInASecond(calls)).toBeLessThanOrEqual(rate + burst + jitter);
      // Without a burst every permit that comes late is lost for good.
      lacking = Math.min(lacking, Math.min(0.95, 1 - heldUp) - shareUsed(calls, rate));
    }
    expect(lacking).toBeLessThanOrEqual(0);
  });
});

const now = (): number => performance.timeOrigin + performance.now();

/** The init calls, and the share of the time between the first and the last that the machine held us up, 0 to 1. */
async function paid(rate: number): Promise<{ readonly calls: readonly Call[]; readonly heldUp: number }> {
  let calls: readonly Call[] = [];
  let heldUp = 0;
  await inWorld({ confirm: 'auto' }, async (world) => {
    const args = ['run', world.write('may.csv', csvOf(payouts(rate * 3))), '--json', '--no-wait'];
    const running = world.begin(args, { DISPATCH_RATE: String(rate) });
    const { ticks, stop } = watchTurns();
    const waits: { readonly at: number; readonly ms: number }[] = [];
    const watching = setInterval(() => {
      const ms = waitedForCore(running.child.pid);
      if (ms !== undefined) waits.push({ at: now(), ms });
    }, 20);
    const ended = await running.ended;
    stop();
    clearInterval(watching);
    expect(ended.code, ended.stderr).toBe(0);
    const at = world.sandbox.calls().flatMap((call) => (call.method.startsWith('session/init/') ? [call.at] : []));
    calls = callsSeen(
      at.toSorted((a, b) => a - b),
      ticks,
    );
    const [from, to] = [calls[0]?.seen ?? 0, calls.at(-1)?.seen ?? 0];
    const sending = waits.filter((wait) => wait.at >= from && wait.at <= to);
    const waited = (sending.at(-1)?.ms ?? 0) - (sending[0]?.ms ?? 0);
    heldUp = (waited + stalled(ticks.filter((tick) => tick >= from && tick <= to))) / (to - from);
    // Where the system does not tell, only a calm machine shows the rate.
    if (waits.length === 0 && (loadavg()[0] ?? 0) > availableParallelism()) heldUp = Math.max(heldUp, 0.3);
  });
  return { calls, heldUp };
}

/** Milliseconds that the main thread of a process was ready to run and had no core; undefined where it is not known. */
function waitedForCore(pid: number | undefined): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return undefined;
  }
}

/** Milliseconds in which this process could not do what was due. */
function stalled(ticks: readonly number[]): number {
  const gaps = ticks.slice(1).map((tick, index) => tick - (ticks[index] ?? 0));
  return gaps.filter((gap) => gap > 5).reduce((sum, gap) => sum + gap, 0);
}

const shareUsed = (calls: readonly Call[], rate: number): number =>
  ((calls.length - 1) * 1000) / ((calls.at(-1)?.seen ?? 0) - (calls[0]?.seen ?? 0)) / rate;
