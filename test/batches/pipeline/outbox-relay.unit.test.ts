import { describe, expect, it } from 'vitest';
import { createOutboxRelay } from '../../../batches/pipeline/outbox-relay.ts';
import { startWorkers } from '../../../batches/pipeline/worker.ts';
import type { OutboxEntry } from '../../../batches/ports/result-sink.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const entry = (number: number): OutboxEntry => ({ number, eventId: `event-${number}`, json: '{}' });

function setUp(options: { readonly publish?: () => Promise<void> } = {}) {
  let outbox: OutboxEntry[] = [];
  const groups: number[][] = [];
  const marks: (string | null)[] = [];
  const ledger = {
    outbox: ({ limit }: { limit: number }) => Promise.resolve(outbox.slice(0, limit)),
    published({ numbers, mark }: { numbers: readonly number[]; mark: string | null }) {
      outbox = outbox.filter(({ number }) => !numbers.includes(number));
      marks.push(mark);
      return Promise.resolve();
    },
  };
  const sink = {
    async publish(entries: readonly OutboxEntry[]) {
      await options.publish?.();
      groups.push(entries.map(({ number }) => number));
      return { mark: `mark-${entries.at(-1)?.number}` };
    },
  };
  const clock = createVirtualClock();
  const relay = createOutboxRelay({ ledger, sink });
  const failures: unknown[] = [];
  const start = () =>
    startWorkers([relay], { clock, signal: new AbortController().signal, onFailure: (cause) => void failures.push(cause) });
  return { relay, clock, groups, marks, failures, start, add: (...numbers: number[]) => void outbox.push(...numbers.map(entry)) };
}

describe('the outbox relay', () => {
  it('publishes what a former process left, after a short wait', async () => {
    const { clock, groups, marks, start, add } = setUp();
    add(1, 2);
    const running = start();
    await clock.pass(24);
    expect(groups).toEqual([]);
    await clock.pass(1);
    expect(groups).toEqual([[1, 2]]);
    expect(marks).toEqual(['mark-2']);
    await running.stop();
  });

  it('publishes events that are decided within the batch delay in one group', async () => {
    const { relay, clock, groups, start, add } = setUp();
    const running = start();
    await clock.pass(100);
    add(1);
    relay.notify();
    await clock.pass(20);
    add(2);
    relay.notify();
    await clock.pass(5);
    expect(groups).toEqual([[1, 2]]);
    await running.stop();
  });

  it('publishes large outboxes in groups of 512, in their order', async () => {
    const { clock, groups, start, add } = setUp();
    add(...Array.from({ length: 1_000 }, (_, n) => n));
    const running = start();
    await clock.pass(25);
    expect(groups.map((group) => group.length)).toEqual([512, 488]);
    expect(groups.flat()).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
    await running.stop();
  });

  it('resolves published() only after a flush that started later', async () => {
    const gates: PromiseWithResolvers<void>[] = [];
    const { relay, clock, start, add } = setUp({
      publish() {
        const gate = Promise.withResolvers<void>();
        gates.push(gate);
        return gate.promise;
      },
    });
    add(1);
    const running = start();
    await clock.pass(25);
    expect(gates).toHaveLength(1);
    add(2);
    let isPublished = false;
    const published = relay.published().then(() => (isPublished = true));
    gates[0]?.resolve();
    await clock.pass(24);
    expect(isPublished).toBe(false);
    await clock.pass(1);
    gates[1]?.resolve();
    await published;
    await running.stop();
  });

  it('publishes the remaining events when it is stopped', async () => {
    const { clock, groups, start, add } = setUp();
    const running = start();
    await clock.pass(100);
    add(1);
    await running.stop();
    expect(groups).toEqual([[1]]);
  });

  it('fails once when publishing fails: it reports the failure, rejects waiting callers and its stop, and publishes no more', async () => {
    const { relay, clock, groups, failures, start, add } = setUp({ publish: () => Promise.reject(new Error('disk full')) });
    add(1);
    const running = start();
    const waiting = expect(relay.published()).rejects.toThrow('disk full');
    await clock.pass(25);
    await waiting;
    await expect(relay.published()).rejects.toThrow('disk full');
    await expect(running.stop()).rejects.toThrow('disk full');
    expect(failures).toEqual([new Error('disk full')]);
    expect(groups).toEqual([]);
  });
});
