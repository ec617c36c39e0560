/** Creates batches and changes what is kept of them. */
import type { EnqueueProgress, SharedLedger } from '../../../batches/ports/ledger.ts';
import type { Batch } from '../../../batches/record/batch.ts';
import { batchOf, type MemoryStore, type StoredBatch } from './store.ts';

type Parameter<Name extends keyof SharedLedger> = Parameters<SharedLedger[Name]>[0];

/** A batch that events or a rebuild created takes the pins of the first file that names it. */
export function openBatch(store: MemoryStore, manifest: Parameter<'openBatch'>): Batch {
  const { at, ...pins } = manifest;
  const policy = pins.policy ?? 'skip';
  const known = store.batches.get(pins.batchId);
  if (known === undefined) {
    const phase = policy === 'skip' ? 'released' : 'admitting';
    const times = { startedAt: at, finishedAt: null, firstSentAt: null, lastSentAt: null };
    const batch: Batch = { ...pins, policy, state: 'running', phase, sent: 0, ...times };
    store.batches.set(pins.batchId, newBatch(batch));
    return { ...batch };
  }
  const isPinned = known.batch.bytes !== 0 || known.batch.blockDigests.length > 0;
  if (!isPinned && (pins.bytes !== 0 || pins.blockDigests.length > 0)) Object.assign(known.batch, pins, { policy });
  return { ...known.batch };
}

const newBatch = (batch: Batch): StoredBatch => ({
  batch: { ...batch },
  progress: { line: 0, rows: null },
  tallies: new Map(),
  records: new Map(),
  duplicates: [],
});

export function updateBatch(store: MemoryStore, { batchId, state, phase, at }: Parameter<'updateBatch'>): void {
  const { batch } = batchOf(store, batchId);
  batch.state = state ?? batch.state;
  batch.phase = phase ?? batch.phase;
  // A batch has finished once: the first time stays.
  if (state === 'finished') batch.finishedAt ??= at;
}

export function saveEnqueueProgress(store: MemoryStore, { batchId, line, rows }: Parameter<'saveEnqueueProgress'>): void {
  const { progress } = batchOf(store, batchId);
  progress.line = Math.max(progress.line, line);
  progress.rows = rows ?? progress.rows;
}

export function enqueueProgress(store: MemoryStore, batchId: string): EnqueueProgress {
  return { ...(store.batches.get(batchId)?.progress ?? { line: 0, rows: null }) };
}

/** @returns whether it changed anything */
export function setPause({ pauses }: MemoryStore, { batchId, pause }: Parameter<'setPause'>): boolean {
  const name = batchId ?? '';
  const known = pauses.get(name);
  if (known?.code === 'cancelled') return false;
  if (pause === null) return pauses.delete(name);
  if (known !== undefined && pause.code !== 'cancelled') return false;
  pauses.set(name, { ...pause, batchId });
  return true;
}

const fileBatch = /^[0-9a-f]{64}$/;

export function unfinishedFiles(store: MemoryStore): readonly string[] {
  const unfinished = [...store.batches.values()].filter(({ batch: { state } }) => state === 'running' || state === 'waiting');
  return unfinished.map(({ batch }) => batch.batchId).filter((batchId) => fileBatch.test(batchId));
}
