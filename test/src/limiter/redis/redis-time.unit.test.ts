import { array, assert, double, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createServerTime } from '../../../../src/limiter/redis/redis-time.ts';

describe('createServerTime', () => {
  const way = double({ min: 0.01, max: 40, noNaN: true });

  it('a slot is never used before it begins nor after it is over, while the way is short enough to know', () => {
    const answers = array(record({ there: way, back: way, after: double({ min: 0, max: 500, noNaN: true }) }), { minLength: 1 });
    // Clocks as bad as 0.1 ms a second.
    const drift = double({ min: -0.0001, max: 0.0001, noNaN: true });
    const distance = double({ min: -1e6, max: 1e6, noNaN: true });
    assert(
      property(answers, drift, distance, (all, drifting, apart) => {
        const time = createServerTime();
        const server = (local: number): number => apart + local * (1 + drifting);
        let now = 0;
        for (const { there, back, after } of all) {
          const sentAt = now;
          now += there;
          // As Redis does, cut off to microseconds.
          const serverMs = Math.floor(server(now) * 1000) / 1000;
          now += back;
          expect(time.note({ sentAt, receivedAt: now, serverMs })).toBe(true);
          // Longer than twice any way, and the widening over the pauses.
          const slot = { beginsMs: server(now), lifeMs: 400 };
          const { from, to } = time.within(slot, now);
          expect(server(from)).toBeGreaterThanOrEqual(slot.beginsMs - 0.1);
          expect(server(to)).toBeLessThanOrEqual(slot.beginsMs + 400 + 0.1);
          expect(to - from).toBeGreaterThanOrEqual(200 - 1e-6);
          now += after;
        }
      }),
    );
  });

  it('keeps the narrowest bounds: one slow answer takes nothing away', () => {
    const time = createServerTime();
    time.note({ sentAt: 0, receivedAt: 0.2, serverMs: 1_000.1 });
    time.note({ sentAt: 1, receivedAt: 90, serverMs: 1_001.1 });
    const { from, to } = time.within({ beginsMs: 1_100, lifeMs: 5 }, 90);
    expect(from).toBeCloseTo(100.1, 0);
    expect(to).toBeCloseTo(104.9, 0);
  });

  it('assumes the middle of a round trip that is too long', () => {
    const time = createServerTime();
    time.note({ sentAt: 0, receivedAt: 20, serverMs: 1_010 });
    const { from, to } = time.within({ beginsMs: 1_100, lifeMs: 4 }, 20);
    expect(from).toBeCloseTo(101, 1);
    expect(to).toBeCloseTo(103, 1);
  });

  it('notices that a clock was set, and believes the newest answer', () => {
    const time = createServerTime();
    time.note({ sentAt: 0, receivedAt: 1, serverMs: 1_000 });
    expect(time.note({ sentAt: 10, receivedAt: 11, serverMs: 61_010 })).toBe(false);
    expect(time.within({ beginsMs: 61_020, lifeMs: 10 }, 11).from).toBeCloseTo(21, 0);
    expect(time.note({ sentAt: 20, receivedAt: 21, serverMs: 1_020 })).toBe(false);
  });
});
