import { afterEach, describe, expect, it } from 'vitest';
import { createDueWorker, type DueWorkerDeps, type DueWorkerParams } from '../../../batches/pipeline/due-worker.ts';
import type { HeldUp } from '../../../batches/pipeline/send-monitor.ts';
import { startWorkers, type Worker } from '../../../batches/pipeline/worker.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { fakeWorld, ok } from './fakes.ts';
import { at, sentRecord } from '../../support/builders.ts';

/** As many as are moved at once. */
const window = 128;

/** Waits until it is aborted. */
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));

const openRecords = (count: number): LedgerRecord[] =>
  Array.from({ length: count }, (_, n) => sentRecord({ recordId: `inv-${n}`, status: 'in_progress', sessionId: `ps_${n}`, dueAt: at }));

describe('the due worker', () => {
  let end: () => Promise<void> = () => Promise.resolve();
  afterEach(() => end());

  /** @param look what a status check waits for */
  const start = (params: Pick<DueWorkerParams, 'due' | 'claims'>, look: (id: string) => Promise<void>) => {
    const world = fakeWorld({ record: sentRecord(), status: [ok()] });
    const failures: unknown[] = [];
    let ticks = 0;
    const deps: DueWorkerDeps = {
      ...world.deps,
      gateway: { ...world.deps.gateway, status: (id: string) => look(id).then(() => world.deps.gateway.status(id)) },
      publisher: { notify: () => undefined },
      stop: () => undefined,
      heldUp: () => null,
    };
    const worker = createDueWorker(deps, { waitMs: null, ...params });
    const counted: Worker = { ...worker, tick: () => worker.tick().finally(() => (ticks += 1)) };
    const { clock, signal } = deps;
    const running = startWorkers([counted], { clock, signal, onFailure: (cause) => void failures.push(cause) });
    end = async () => {
      world.stop();
      const stopping = running.stop().catch(() => undefined);
      await world.clock.pass(1_000);
      await stopping;
    };
    return { ...world, ticks: () => ticks, failures, running };
  };

  it.each([
    { name: 'with a full window of claimed records', claims: true, due: window },
    { name: 'with every due record under way', claims: false, due: 100 },
    { name: 'with a full window and more due', claims: false, due: 3 * window },
  ])('$name ticks ten times a second and no more often', async ({ claims, due }) => {
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
    const ticks = follower.ticks();
    answer();
    expect(looks).toBeGreaterThan(0);
    expect(looks).toBeLessThan(15);
    expect(ticks).toBeLessThan(15);
  });

  it('with nothing due looks as seldom as it may, and sooner when the next one falls due sooner', async () => {
    const world = fakeWorld({ record: sentRecord() });
    let nextAt: number | null = null;
    const worker = createDueWorker(
      { ...world.deps, publisher: { notify: () => undefined }, stop: () => undefined, heldUp: () => null },
      { due: () => Promise.resolve({ records: [], nextAt }), claims: true, idleMs: 1_000, waitMs: null },
    );
    const pauses: number[] = [];
    for (const next of [null, at + 5_000, at + 300, at - 5]) {
      nextAt = next;
      pauses.push(await worker.tick());
    }
    expect(pauses).toEqual([1_000, 1_000, 300, 100]);
  });

  it.each([true, false])('asks again at once while more is due than it asked for (claims: %s)', async (claims) => {
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

  it('fails at once when a step fails, and rejects its stop with the failure', async () => {
    const due = () => Promise.resolve({ records: openRecords(1), nextAt: null });
    const { clock, failures, running } = start({ due }, () => Promise.reject(new Error('no ledger')));
    await clock.pass(1);
    expect(failures).toEqual([new Error('no ledger')]);
    await expect(running.stop()).rejects.toThrow('no ledger');
  });

  it('waits for steps under way when it is stopped', async () => {
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const due = () => Promise.resolve({ records: openRecords(1), nextAt: null });
    const { clock, running, log } = start({ due }, () => answered);
    await clock.pass(1);
    const stopped = running.stop();
    answer();
    await stopped;
    expect(log).toContain('status ps_0');
  });

  it.each([
    { name: 'an open breaker', deps: { breaker: { waitUntilClosed: aborted, isOpen: () => true } }, sessionId: null },
    { name: 'a place in the send queue', deps: { sendQueue: { acquire: aborted } }, sessionId: null },
    { name: 'a permit for a status check', deps: { followLimiter: { acquire: aborted, pushBack: () => undefined } }, sessionId: 'ps_1' },
  ])('ends a step that waits for $name when it is stopped, and leaves the record as it was', async ({ deps, sessionId }) => {
    const record = sentRecord({
      status: 'unknown',
      sessionId,
      isSessionProven: sessionId !== null,
      leaseOwner: null,
      leaseUntil: null,
      dueAt: at,
    });
    const world = fakeWorld({ record, body: Buffer.from('{}') });
    const worker = createDueWorker(
      { ...world.deps, publisher: { notify: () => undefined }, stop: () => undefined, heldUp: () => null, ...deps },
      { due: () => Promise.resolve({ records: [record], nextAt: null }), waitMs: null },
    );
    const running = startWorkers([worker], { clock: world.clock, signal: world.deps.signal, onFailure: () => undefined });
    await world.clock.pass(1);
    await running.stop();
    expect(world.ledger.current()).toEqual(record);
  });

  it.each([
    [{ type: 'unreachable' }, 'the gateway cannot be reached'],
    [{ type: 'server_trouble' }, 'the gateway answers only with errors of its own'],
    [{ type: 'alike', kind: 'quota_of_the_moon' }, 'the gateway gives every instruction the same answer (quota_of_the_moon)'],
    [{ type: 'asked_to_wait' }, 'the gateway asks for a pause (HTTP 429 or Retry-After)'],
  ] as const)('stops the run when everything is held up for longer than it waits: %j', async (held, why) => {
    const world = fakeWorld({ record: sentRecord() });
    const stops: string[] = [];
    const heldUp = (): HeldUp => ({ ...held, since: at });
    const worker = createDueWorker(
      { ...world.deps, publisher: { notify: () => undefined }, stop: (reason) => void stops.push(reason), heldUp },
      { due: () => Promise.resolve({ records: [], nextAt: null }), waitMs: 5_000 },
    );
    await world.clock.pass(5_000);
    await worker.tick();
    expect(stops).toEqual([]);
    await world.clock.pass(1);
    await worker.tick();
    expect(stops).toEqual([why]);
  });
});
