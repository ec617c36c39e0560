/** The rate of init calls as the gateway sees it: never above what is agreed in any second, and hardly below. */
import { describe, expect, it } from 'vitest';
import { csvOf, payouts } from './files.ts';
import { inWorld } from './world.ts';

/** A call may be seen so much later than it was sent that one more falls into a second. */
const jitter = 1;

describe.each([
  { rate: 50, burst: 1 },
  { rate: 100, burst: 1 },
  { rate: 400, burst: 4 },
])('DISPATCH_RATE=$rate', ({ rate, burst }) => {
  it('holds in every window of a second, and is used', async () => {
    await inWorld({ confirm: 'auto' }, async (world) => {
      const count = rate * 3;
      const ran = await world.run(world.write('may.csv', csvOf(payouts(count))), ['--no-wait'], { DISPATCH_RATE: String(rate) });
      expect(ran.code).toBe(0);
      const at = world.sandbox
        .calls()
        .filter(({ method }) => method.startsWith('session/init/'))
        .map((call) => call.at)
        .sort((a, b) => a - b);
      expect(at).toHaveLength(count);
      let most = 0;
      for (let from = 0, to = 0; from < at.length; from += 1) {
        while (to < at.length && (at[to] ?? 0) < (at[from] ?? 0) + 1000) to += 1;
        most = Math.max(most, to - from);
      }
      expect(most).toBeLessThanOrEqual(rate + burst + jitter);
      const spanS = ((at.at(-1) ?? 0) - (at[0] ?? 0)) / 1000;
      expect((count - 1) / spanS).toBeGreaterThanOrEqual(rate * 0.95);
    });
  });
});
