/** A rebuild from topics that are lists. */
import { randomBytes } from 'node:crypto';
import { createFingerprints } from '../../../batches/record/fingerprint.ts';
import type { SharedLedger } from '../../../batches/ports/ledger.ts';
import { noTerms } from '../../../batches/record/gates.ts';
import { recordEvent, type ResultEvent } from '../../../batches/record/result-event.ts';
import type { Admission, LedgerRecord } from '../../../batches/record/record.ts';
import { readMessage, type InstructionMessage } from '../../../batches/event/read-message.ts';
import { rebuild, type RebuildDeps } from '../../../batches/pipeline/rebuild-ledger.ts';
import { queuedRecord, transitionSettings } from '../../support/builders.ts';
import { createMapIndex } from '../../../simulation/distributed/map-index.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

export const now = Date.parse('2026-11-21T08:00:00.000Z');
export const fingerprints = createFingerprints(randomBytes(32));
export const topic = 'pay.instructions';

interface MessageParts {
  readonly timestamp?: number;
  readonly isBrokerTime?: boolean;
  readonly partition?: number;
}
export const message = (offset: number, value: unknown, parts: MessageParts = {}): InstructionMessage => ({
  topic,
  partition: 0,
  offset: BigInt(offset),
  timestamp: now - 60_000,
  isBrokerTime: true,
  key: null,
  value: Buffer.from(JSON.stringify(value)),
  headers: {},
  ...parts,
});
export const place = (offset: number) => ({
  stream: `topic:${topic}:0`,
  position: offset,
  source: { topic, partition: 0, offset: String(offset) },
});
export const terms = { keyLifetimeMs: transitionSettings.keyLifetimeMs, idempotencyHeader: transitionSettings.idempotencyHeader };

/** What a record published when it was so. */
export const published = (offset: number, patch: Partial<LedgerRecord>): ResultEvent =>
  recordEvent(transitionSettings.keys, { ...queuedRecord({ batchId: 'may', occurrence: place(offset), ...patch }) }, now - 30_000);

async function* each<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items;
}

export interface Topics {
  readonly results?: readonly ResultEvent[];
  readonly instructions?: readonly InstructionMessage[];
  readonly deadLetters?: readonly { readonly stream: string; readonly position: number }[];
  /** Of partition 0. */
  readonly committed?: bigint;
  readonly window?: number;
  readonly limit?: bigint;
  /** Keeps what is written; absent: only the calls are noted. */
  readonly ledger?: RebuildDeps['ledger'];
}

export async function rebuilt({ results = [], instructions = [], deadLetters = [], committed, window = 10, limit, ledger }: Topics) {
  const restored: Parameters<SharedLedger['restore']>[0][] = [];
  const settled: Parameters<SharedLedger['restoreSettled']>[0][] = [];
  const admitted: Admission[] = [];
  const phases: unknown[] = [];
  const approved: string[] = [];
  const open = (): never => {
    throw new Error('nothing is sealed here');
  };
  const report = await rebuild({
    ledger: ledger ?? {
      openBatch: () => Promise.resolve(),
      updateBatch: (change) => Promise.resolve(void phases.push(change)),
      restore: (one) => Promise.resolve(void restored.push(one)),
      restoreSettled: (one) => Promise.resolve(void settled.push(one)),
      admit(admissions) {
        admitted.push(...admissions);
        return Promise.resolve(admissions.map(() => ({ type: 'settled', status: 'rejected', fresh: true }) as const));
      },
      countDeadLetter: () => Promise.resolve(),
      terms: () => Promise.resolve(noTerms),
      setTerms({ batchId, terms: { approval } }) {
        if (approval !== null) approved.push(batchId);
        return Promise.resolve(true);
      },
    },
    index: createMapIndex(),
    settings: transitionSettings,
    fingerprints,
    clock: createVirtualClock(now),
    read: (one) => readMessage(one, { now: one.timestamp, open }),
    isWithinLimits(one) {
      const found = readMessage(one, { now, open, ...(limit === undefined ? {} : { maxAmount: new Map([['EUR', limit]]) }) });
      return found.type === 'instruction' && found.reading.ok;
    },
    backlog: { topic, committed: new Map(committed === undefined ? [] : [[0, committed]]), window },
    results: () => each(results),
    instructions: () => each(instructions),
    deadLetters: () => each(deadLetters),
    onProgress: () => undefined,
  });
  return { report, restored, settled, admitted, phases, approved };
}
