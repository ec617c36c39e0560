/**
 * An older copy of the ledger is put back while its results are newer, as a restored backup is. What a process asks before it pays
 * is the program's own: the results file against the ledger.
 */
import { rmSync, writeFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readResultEvent } from '../batches/record/result-event.ts';
import { restoreMemoryStore, type MemoryStore } from '../src/ledger/memory/ledger.ts';
import { whyNotNewest } from '../src/ledger/may-pay.ts';
import { findUnknownResults } from '../src/profiles/standalone/unknown-results.ts';
import type { World } from './world.ts';

const name = { text: 'the ledger', setting: 'DATA_DIR' } as const;

/** The copies of a ledger that a person has. */
export interface Copies {
  take(): void;
  /** Puts one back that lacks a result that was published since; false when there is none. */
  putOlderBack(): boolean;
  putNewestBack(): void;
}

export function createCopies({ store, results, dice, story }: World): Copies {
  const taken: MemoryStore[] = [];
  let newest: MemoryStore | undefined;
  const isBehind = (copy: MemoryStore): boolean => {
    const sequenceOf = (recordId: string): number =>
      Math.max(copy.records.get(recordId)?.record.sequence ?? 0, copy.unboundSequences.get(recordId) ?? 0);
    return results.some((line) => {
      const event = readResultEvent(line);
      if (event === undefined) return false;
      if (event.record_id === undefined) return !copy.batches.has(event.batch_id);
      return event.sequence > sequenceOf(event.record_id);
    });
  };
  return {
    take: () => void taken.push(structuredClone(store)),
    putOlderBack() {
      const older = taken.filter(isBehind);
      const copy = older[dice.between(0, Math.max(0, older.length - 1))];
      if (copy === undefined) return false;
      newest = structuredClone(store);
      restoreMemoryStore(store, copy);
      story.tell('operator', 'puts an older copy of the ledger back');
      return true;
    },
    putNewestBack() {
      if (newest === undefined) return;
      restoreMemoryStore(store, newest);
      newest = undefined;
      story.tell('operator', 'puts the newest ledger back');
    },
  };
}

/** @returns why nothing may be paid from the ledger as it is; null when it may */
export async function whyNotPaid({ store, results }: Pick<World, 'store' | 'results'>): Promise<string | null> {
  const folder = mkdtempSync(join(tmpdir(), 'disburse-simulated-'));
  try {
    const path = join(folder, 'results.jsonl');
    writeFileSync(path, results.map((line) => `${line}\n`).join(''));
    const outbox = new Set([...store.outbox.values()].map(({ eventId }) => eventId));
    const unknown = await findUnknownResults({
      path,
      isQuiet: true,
      published: {
        mark: store.publishedMark,
        isUnpublished: (eventId) => outbox.has(eventId),
        isKnown: ({ batch_id: batchId, record_id: recordId, sequence }) =>
          recordId === undefined
            ? store.batches.has(batchId)
            : Math.max(store.records.get(recordId)?.record.sequence ?? 0, store.unboundSequences.get(recordId) ?? 0) >= sequence,
      },
    });
    return whyNotNewest(name, 'data', unknown)?.message ?? null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
