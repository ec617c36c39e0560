/** Redis loses everything, and a person rebuilds the ledger from the topics, as `disburse rebuild` does. */
import { readMessage } from '../../batches/event/read-message.ts';
import { rebuild } from '../../batches/pipeline/rebuild-ledger.ts';
import { readResultEvent } from '../../batches/record/result-event.ts';
import { createMemoryStore, openMemoryLedger } from '../../src/ledger/memory/ledger.ts';
import type { SharedWorld } from './instance.ts';
import { createMapIndex } from './map-index.ts';
import { window } from './reader.ts';
import { topicName } from './topic.ts';

const open = (): never => {
  throw new Error('no message of a simulation has a card');
};

/** All instances have ended before. Everything is paused afterwards, until a person resumes it. @param keyLifetimeMs as it is set for the rebuild */
export async function rebuildLedger(world: SharedWorld, keyLifetimeMs: number | null): Promise<void> {
  const { topic, keys, audit, fingerprints, dice, machine, story } = world;
  const { pauses } = world.store;
  const store = createMemoryStore();
  for (const [name, pause] of pauses) store.pauses.set(name, pause);
  const clock = { now: machine.wall, sleep: async () => undefined };
  const ledger = openMemoryLedger({ store, rules: { keys, audit }, clock, owner: 'rebuild' });
  const messages = topic.partitions.flat();
  const report = await rebuild({
    ledger,
    index: createMapIndex(),
    settings: {
      keys,
      random: () => dice.next(),
      followIntervalMs: 500,
      keyLifetimeMs,
      idempotencyHeader: 'X-PARTNER-IDEMPOTENCY-KEY',
      timeoutMs: 30_000,
      audit,
    },
    fingerprints,
    clock,
    read: (message) => readMessage(message, { now: message.timestamp, open }),
    isWithinLimits: () => true,
    backlog: {
      topic: topicName,
      committed: new Map(topic.committed.flatMap((next, partition) => (next === 0 ? [] : [[partition, BigInt(next)]]))),
      window,
    },
    async *results() {
      for (const line of world.results) {
        const event = readResultEvent(line);
        if (event !== undefined) yield event;
      }
    },
    async *instructions() {
      yield* messages;
    },
    async *deadLetters() {
      for (const place of world.deadLetters) {
        const [partition = '', offset = ''] = place.split(':');
        yield { stream: `topic:${topicName}:${partition}`, position: Number(offset) };
      }
    },
    onProgress: () => undefined,
  });
  await ledger.setPause({ batchId: null, pause: { code: 'moved', by: 'disburse rebuild', reason: null, at: machine.wall() } });
  world.store = store;
  story.tell('rebuild', `restores ${JSON.stringify(report.records)}, without result ${report.without_result}, unread ${report.unread}`);
}
