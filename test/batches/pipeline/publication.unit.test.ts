import { describe, expect, it } from 'vitest';
import { createOutboxRelay } from '../../../batches/pipeline/outbox-relay.ts';
import { createPublication, PublishedSessions } from '../../../batches/pipeline/publication.ts';
import { startWorkers } from '../../../batches/pipeline/worker.ts';
import type { OutboxEntry } from '../../../batches/ports/result-sink.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const world = (publish: () => Promise<void> = async () => undefined) => {
  const clock = createVirtualClock(0);
  let outbox: OutboxEntry[] = [];
  const published: string[] = [];
  const sessions = new PublishedSessions();
  const relay = createOutboxRelay({
    ledger: {
      outbox: async () => outbox,
      published: async ({ numbers }) => void (outbox = outbox.filter((entry) => !numbers.includes(entry.number))),
    },
    sink: sessions.notedBy({
      async publish(entries) {
        await publish();
        published.push(...entries.map(({ eventId }) => eventId));
        return { mark: null };
      },
    }),
  });
  const workers = startWorkers([relay], { clock, signal: new AbortController().signal, onFailure: () => undefined });
  const publication = createPublication({ publisher: relay, sessions, clock });
  const decide = (number: number, event: object = {}): void => {
    outbox.push({ number, eventId: `e${number}`, json: JSON.stringify(event) });
    relay.notify();
  };
  return { clock, published, workers, publication, decide };
};
const { signal } = new AbortController();

describe('the publication of a session', () => {
  it('needs no wait once its result was published, whatever else is on its way', async () => {
    const { clock, publication, decide } = world();
    await clock.pass(30);
    decide(1, { status: 'in_progress', final: false, session_id: 'ps_1', metadata: { session_id: 'ps_9' } });
    decide(2, { status: 'unknown', final: false, metadata: { session_id: 'ps_2' } });
    await clock.pass(60);
    decide(3);
    expect(await publication.showsSession('ps_1', signal)).toBe(true);
    expect(publication.waits()).toBe(0);
    // Metadata of the caller shows no session.
    for (const [index, other] of ['ps_2', 'ps_9'].entries()) {
      const waiting = publication.showsSession(other, signal);
      expect(publication.waits()).toBe(index + 1);
      await clock.pass(60);
      expect(await waiting).toBe(true);
      decide(4 + index);
    }
  });

  it('is complete at once while there is nothing to publish', async () => {
    const { clock, publication } = world();
    await clock.pass(30);
    expect(await publication.showsSession('ps_1', signal)).toBe(true);
    expect(publication.waits()).toBe(0);
  });

  it('is waited for while a result is on its way, also one that is being written', async () => {
    const gate = Promise.withResolvers<void>();
    const { clock, publication, decide, published } = world(() => gate.promise);
    await clock.pass(30);
    decide(1);
    await clock.pass(30);
    let done: boolean | undefined;
    void publication.showsSession('ps_1', signal).then((answer) => (done = answer));
    await clock.pass(60);
    expect(done).toBeUndefined();
    gate.resolve();
    await clock.pass(60);
    expect(done).toBe(true);
    expect(published).toEqual(['e1']);
    expect(publication.waits()).toBe(1);
  });

  it('is not complete after 5 seconds; others do not wait until it gets through', async () => {
    let gate = Promise.withResolvers<void>();
    const { clock, publication, decide } = world(() => gate.promise);
    await clock.pass(30);
    decide(1);
    const first = publication.showsSession('ps_1', signal);
    await clock.pass(5_000);
    expect(await first).toBe(false);
    expect(await publication.showsSession('ps_1', signal)).toBe(false);
    expect(publication.waits()).toBe(1);
    gate.resolve();
    gate = Promise.withResolvers();
    await clock.pass(60);
    expect(await publication.showsSession('ps_1', signal)).toBe(true);
  });

  it('is not complete when the run stops, or when publishing fails', async () => {
    const stopping = new AbortController();
    const held = world(() => new Promise(() => undefined));
    await held.clock.pass(30);
    held.decide(1);
    const stopped = held.publication.showsSession('ps_1', stopping.signal);
    stopping.abort(new Error('stopped'));
    expect(await stopped).toBe(false);

    const broken = world(() => Promise.reject(new Error('disk full')));
    await broken.clock.pass(30);
    broken.decide(1);
    const failed = broken.publication.showsSession('ps_1', signal);
    await broken.clock.pass(60);
    expect(await failed).toBe(false);
    expect(await broken.publication.showsSession('ps_1', signal)).toBe(false);
  });
});
