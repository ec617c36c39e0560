import { describe, expect, it } from 'vitest';
import { createRetention, purgeAfterRun } from '../../../batches/pipeline/retention.ts';
import type { Notice } from '../../../batches/pipeline/notice.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const retentionMs = 400 * 86_400_000;

/** A ledger with details of so many records to purge, and the limits that it was asked for. */
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

describe('purgeAfterRun', () => {
  const after = async (
    rows: number,
    ledger: ReturnType<typeof ledgerWith>,
    patch: { signal?: AbortSignal; clock?: { now(): number } } = {},
  ) => {
    const notices: Notice[] = [];
    const clock = { ...createVirtualClock(), ...patch.clock };
    const signal = patch.signal ?? new AbortController().signal;
    await purgeAfterRun(rows, { ledger, clock, retentionMs, signal, onNotice: (notice) => void notices.push(notice) });
    return notices.map(({ level, message }) => [level, message]);
  };

  it('asks the ledger once when nothing is due', async () => {
    const ledger = ledgerWith(0);
    expect(await after(1_000_000, ledger)).toEqual([]);
    expect(ledger.limits).toHaveLength(1);
  });

  it('purges all that is due in small groups', async () => {
    const ledger = ledgerWith(1_000);
    expect(await after(10, ledger)).toEqual([]);
    expect(ledger.due()).toBe(0);
    expect(Math.max(...ledger.limits)).toBeLessThanOrEqual(512);
  });

  it.each([
    [1, 20_000],
    [100_000, 200_000],
  ])('after a file of %d rows purges at most %d records', async (rows, most) => {
    const ledger = ledgerWith(1_000_000);
    await after(rows, ledger);
    expect(1_000_000 - ledger.due()).toBe(most);
  });

  it('purges nothing when the run is stopping, and no more after it stops', async () => {
    const untouched = ledgerWith(1_000);
    await after(10, untouched, { signal: AbortSignal.abort() });
    expect(untouched.limits).toEqual([]);
    const stop = new AbortController();
    const ledger = ledgerWith(10_000, () => stop.abort());
    await after(10, ledger, { signal: stop.signal });
    expect(ledger.limits).toHaveLength(1);
  });

  it('reports a purge that takes longer than a second, once', async () => {
    let now = 0;
    const ledger = ledgerWith(5_000, () => (now += 400));
    const lines = await after(10, ledger, { clock: { now: () => now } });
    expect(lines).toEqual([['info', expect.stringContaining('LEDGER_RETENTION')]]);
  });

  it('reports a failure of the ledger and does not reject', async () => {
    const ledger = ledgerWith(10, () => {
      throw new Error('the disk is full');
    });
    expect(await after(10, ledger)).toEqual([['warn', expect.stringContaining('the disk is full')]]);
  });
});

describe('the retention worker', () => {
  const worker = (ledger: ReturnType<typeof ledgerWith>) => createRetention({ ledger, retentionMs });

  it('purges what is due group by group with short pauses, then looks once a minute', async () => {
    const ledger = ledgerWith(600);
    const retention = worker(ledger);
    expect([await retention.tick(), await retention.tick(), await retention.tick()]).toEqual([50, 50, 20_000]);
    expect(ledger.due()).toBe(0);
    ledger.add(5);
    expect(await retention.tick()).toBe(20_000);
    expect(ledger.due()).toBe(0);
  });

  it('purges a group of another size after a longer pause where that is set', async () => {
    const ledger = ledgerWith(600);
    const retention = createRetention({ ledger, retentionMs, groupSize: 512, betweenGroupsMs: 60_000 });
    expect(await retention.tick()).toBe(60_000);
    expect(ledger.limits).toEqual([512]);
  });

  it('fails when the ledger fails', async () => {
    const retention = worker(
      ledgerWith(10, () => {
        throw new Error('the disk is full');
      }),
    );
    await expect(retention.tick()).rejects.toThrow('the disk is full');
  });
});
