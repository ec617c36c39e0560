/**
 * Publishes what the ledger decided: reads its outbox in order, writes to the sink, and only then removes the
 * entries. What a crash leaves in the outbox is published after the next start.
 */
import type { Ledger } from '../ports/ledger.ts';
import type { ResultSink } from '../ports/result-sink.ts';
import type { Worker } from './worker.ts';

const groupSize = 512;
/** A short wait lets decisions gather, so that one sync serves many. */
const defaultBatchDelayMs = 25;

export interface OutboxRelayDeps {
  readonly ledger: Pick<Ledger, 'outbox' | 'published'>;
  readonly sink: Pick<ResultSink, 'publish'>;
  /** Kafka calls it linger. */
  readonly batchDelayMs?: number;
}

/** Draining it publishes what is left. */
export interface OutboxRelay extends Worker {
  /** There may be something new. Cheap; may be called at any rate. */
  notify(): void;
  /** Nothing waits to be published, as far as this process was notified. */
  isIdle(): boolean;
  /** Publishes what is there now and everything that comes until the outbox is found empty. */
  flush(): Promise<void>;
  /** Resolves when everything decided before this call is durably published; rejects when publishing failed. */
  published(): Promise<void>;
}

export function createOutboxRelay({ ledger, sink, batchDelayMs = defaultBatchDelayMs }: OutboxRelayDeps): OutboxRelay {
  const flush = createFlush(ledger, sink);
  let waiting: PromiseWithResolvers<void>[] = [];
  let failure: { readonly cause: unknown } | undefined;
  let wake = (): void => undefined;
  let state: 'idle' | 'notified' | 'gathering' = 'notified';
  let isFlushing = false;

  /** Its end is valid only for those who waited before it started. */
  const flushForWaiting = async (): Promise<void> => {
    if (failure !== undefined) throw failure.cause;
    const served = waiting;
    waiting = [];
    isFlushing = true;
    try {
      await flush();
      for (const one of served) one.resolve();
    } catch (cause) {
      failure = { cause };
      for (const one of [...served, ...waiting]) one.reject(cause);
      waiting = [];
      throw cause;
    } finally {
      isFlushing = false;
    }
  };
  const notify = (): void => {
    if (state !== 'idle') return;
    state = 'notified';
    wake();
  };

  return {
    name: 'outbox relay',
    started: (wakes) => void (wake = wakes),
    async tick() {
      if (state === 'notified') {
        state = 'gathering';
        return batchDelayMs;
      }
      if (state === 'gathering') {
        state = 'idle';
        await flushForWaiting();
      }
      return Number.POSITIVE_INFINITY;
    },
    drain: flushForWaiting,
    notify,
    isIdle: () => state === 'idle' && !isFlushing && failure === undefined,
    flush,
    published() {
      if (failure !== undefined) return Promise.reject(failure.cause as Error);
      notify();
      const one = Promise.withResolvers<void>();
      waiting.push(one);
      return one.promise;
    },
  };
}

/** One flush at a time: two readers of the outbox would publish the same events twice. */
function createFlush(ledger: OutboxRelayDeps['ledger'], sink: OutboxRelayDeps['sink']): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  const publishGroup = async (): Promise<number> => {
    const entries = await ledger.outbox({ limit: groupSize });
    if (entries.length === 0) return 0;
    const { mark } = await sink.publish(entries);
    await ledger.published({ numbers: entries.map((entry) => entry.number), mark });
    return entries.length;
  };
  const publishAll = async (before: Promise<void>): Promise<void> => {
    await before;
    while ((await publishGroup()) === groupSize);
  };
  return () => {
    const mine = publishAll(last);
    last = mine.catch(() => undefined);
    return mine;
  };
}
