import { afterEach, describe, expect, it } from 'vitest';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { startDueWorker, type DueWorker, type DueWorkerParams } from '../../../batches/pipeline/due-worker.ts';
import type { PipelineDeps } from '../../../batches/pipeline/process-instruction.ts';
import { fakeWorld, ok, type FakeWorld } from './fakes.ts';
import { at, sentRecord } from '../record/record-samples.ts';

/** As many as are moved at once. */
const window = 128;

const openRecords = (count: number): LedgerRecord[] =>
  Array.from({ length: count }, (_, n) => sentRecord({ recordId: `inv-${n}`, status: 'in_progress', sessionId: `ps_${n}`, dueAt: at }));

describe('the follower', () => {
  let end: () => Promise<void> = () => Promise.resolve();
  afterEach(() => end());

  /** @param look what a look at a session waits for */
  const start = (
    params: Pick<DueWorkerParams, 'due' | 'claims'>,
    look: (id: string) => Promise<void>,
  ): FakeWorld & { turns: () => number } => {
    const world = fakeWorld({ record: sentRecord(), status: [ok()] });
    let turns = 0;
    const clock = {
      now: world.clock.now,
      sleep(ms: number, signal?: AbortSignal) {
        turns += 1;
        return world.clock.sleep(ms, signal);
      },
    };
    const gateway = { ...world.deps.gateway, status: (id: string) => look(id).then(() => world.deps.gateway.status(id)) };
    const deps = {
      ...world.deps,
      clock,
      gateway,
      publisher: { notify: () => undefined },
      stop: () => undefined,
      unreachableSince: () => null,
      closedSince: () => null,
    };
    const follower: DueWorker = startDueWorker(deps as unknown as PipelineDeps, { waitMs: null, ...params });
    end = async () => {
      world.stop();
      const stopping = follower.stop();
      await world.clock.pass(1_000);
      await stopping;
    };
    return { ...world, turns: () => turns };
  };

  it.each([
    { name: 'all its hands full of what it has claimed', claims: true, due: window },
    { name: 'all that is due in its hands', claims: false, due: 100 },
    { name: 'all its hands full and more due', claims: false, due: 3 * window },
  ])('with $name looks ten times a second, and no more', async ({ claims, due }) => {
    const records = openRecords(due);
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    let looks = 0;
    let claimed = 0;
    const listed = async (limit: number) => {
      looks += 1;
      if (!claims) return { records: records.slice(0, limit), nextAt: null };
      const found = records.slice(claimed, claimed + limit);
      claimed += found.length;
      return { records: found, nextAt: null };
    };
    const follower = start({ due: listed, claims }, () => answered);
    await follower.clock.pass(1_000);
    const turns = follower.turns();
    answer();
    expect(looks).toBeGreaterThan(0);
    expect(looks).toBeLessThan(15);
    expect(turns).toBeLessThan(15);
  });

  it.each([true, false])('does not wait for its next look while more is due than it asked for (claims: %s)', async (claims) => {
    const waiting = new Set(openRecords(5 * window));
    const due = async (limit: number) => {
      const found = [...waiting].slice(0, limit);
      if (claims) for (const record of found) waiting.delete(record);
      return { records: found, nextAt: null };
    };
    const seen = new Set<string>();
    const follower = start({ due, claims }, async (id) => {
      seen.add(id);
      for (const record of waiting) if (record.sessionId === id) waiting.delete(record);
    });
    await follower.clock.pass(90);
    expect(seen.size).toBe(5 * window);
  });
});
