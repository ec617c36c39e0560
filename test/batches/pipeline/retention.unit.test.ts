import { describe, expect, it } from 'vitest';
import type { Logger } from '../../../src/logger.ts';
import { purgeAfterRun, startRetention } from '../../../batches/pipeline/retention.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const retentionMs = 400 * 86_400_000;

/** A ledger with so many stories to drop, and what it was asked for. */
function ledgerWith(due: number, onDrop: () => void = () => undefined) {
  const limits: number[] = [];
  return {
    limits,
    due: () => due,
    add: (more: number) => void (due += more),
    async purgeDetails({ olderThanMs, limit }: { olderThanMs: number; limit: number }) {
      expect(olderThanMs).toBe(retentionMs);
      limits.push(limit);
      onDrop();
      const dropped = Math.min(due, limit);
      due -= dropped;
      return dropped;
    },
  };
}

function logged() {
  const lines: (readonly [level: string, message: string])[] = [];
  const logger = {
    info: (message: string) => void lines.push(['info', message]),
    warn: (_bindings: unknown, message: string) => void lines.push(['warn', message]),
  } as unknown as Logger;
  return { lines, logger };
}

describe('after a file', () => {
  const after = async (
    rows: number,
    ledger: ReturnType<typeof ledgerWith>,
    patch: { signal?: AbortSignal; clock?: { now(): number } } = {},
  ) => {
    const { lines, logger } = logged();
    const clock = { ...createVirtualClock(), ...patch.clock };
    await purgeAfterRun(rows, { ledger, clock, retentionMs, signal: patch.signal ?? new AbortController().signal, logger });
    return lines;
  };

  it('asks once when nothing is due', async () => {
    const ledger = ledgerWith(0);
    expect(await after(1_000_000, ledger)).toEqual([]);
    expect(ledger.limits).toHaveLength(1);
  });

  it('drops all that is due, in small steps', async () => {
    const ledger = ledgerWith(1_000);
    expect(await after(10, ledger)).toEqual([]);
    expect(ledger.due()).toBe(0);
    expect(Math.max(...ledger.limits)).toBeLessThanOrEqual(512);
  });

  it.each([
    [1, 20_000],
    [100_000, 200_000],
  ])('of %d rows, drops at most %d', async (rows, most) => {
    const ledger = ledgerWith(1_000_000);
    await after(rows, ledger);
    expect(1_000_000 - ledger.due()).toBe(most);
  });

  it('does nothing when it was stopped, and stops when it is', async () => {
    const untouched = ledgerWith(1_000);
    await after(10, untouched, { signal: AbortSignal.abort() });
    expect(untouched.limits).toEqual([]);
    const stop = new AbortController();
    const ledger = ledgerWith(10_000, () => stop.abort());
    await after(10, ledger, { signal: stop.signal });
    expect(ledger.limits).toHaveLength(1);
  });

  it('says once what takes so long', async () => {
    let now = 0;
    const ledger = ledgerWith(5_000, () => (now += 400));
    const lines = await after(10, ledger, { clock: { now: () => now } });
    expect(lines).toEqual([['info', expect.stringContaining('LEDGER_RETENTION')]]);
  });

  it('tells a failure, and fails nothing', async () => {
    const ledger = ledgerWith(10, () => {
      throw new Error('the disk is full');
    });
    expect(await after(10, ledger)).toEqual([['warn', expect.stringContaining('the disk is full')]]);
  });
});

describe('meanwhile', () => {
  const begin = (ledger: ReturnType<typeof ledgerWith>) => {
    const clock = createVirtualClock();
    const why: string[] = [];
    const stories = startRetention({
      ledger,
      clock,
      retentionMs,
      signal: new AbortController().signal,
      stop: (reason) => void why.push(reason),
    });
    return { clock, why, stories };
  };

  it('drops what is due step by step with pauses, then looks now and then', async () => {
    const ledger = ledgerWith(1_000);
    const { clock, stories, why } = begin(ledger);
    await clock.pass(0);
    expect(ledger.limits).toHaveLength(1);
    await clock.pass(1_000);
    expect(ledger.due()).toBe(0);
    const looks = ledger.limits.length;
    await clock.pass(30_000);
    expect(ledger.limits).toHaveLength(looks);
    ledger.add(5);
    await clock.pass(60_000);
    expect(ledger.due()).toBe(0);
    await stories.stop();
    expect(clock.sleepers()).toBe(0);
    expect(why).toEqual([]);
  });

  it('stops the service when it fails', async () => {
    const { clock, stories, why } = begin(
      ledgerWith(10, () => {
        throw new Error('the disk is full');
      }),
    );
    await clock.pass(0);
    expect(why).toEqual(['the disk is full']);
    await stories.stop();
  });
});
