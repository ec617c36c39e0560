/** Creates batches and changes what is kept of them. */
import type { SharedLedger } from '../../../batches/ports/ledger.ts';
import { batchNeverOpened } from '../../../batches/record/check-change.ts';
import { createBatchReads, type BatchReads } from './batch-reads.ts';
import type { LedgerContext } from './context.ts';
import { scripts } from './scripts.ts';

export interface BatchStore extends BatchReads, Pick<SharedLedger, 'openBatch' | 'updateBatch' | 'saveEnqueueProgress'> {
  /** @throws TypeError when it was never opened */
  requireBatch(batchId: string): Promise<void>;
}

/** Batches known to exist; a batch is never removed. */
const knownLimit = 10_000;

export function createBatchStore({ calls, names, nextToken }: Pick<LedgerContext, 'calls' | 'names' | 'nextToken'>): BatchStore {
  const reads = createBatchReads(calls, names);
  const known = new Set<string>();

  const remember = (batchId: string): void => {
    if (known.size >= knownLimit) known.clear();
    known.add(batchId);
  };

  /** Sets these fields whatever their values are; once, however often the call has to be made. */
  const change = async (batchId: string, line: string, fields: readonly string[]): Promise<void> => {
    const shard = names.shardOf(batchId);
    const token = nextToken();
    for (let version = String((await calls.read(shard, 'hget', names.batch(batchId), 'version')) ?? '0'); ;) {
      const { answer, values } = await calls.run(
        shard,
        scripts.changeBatch,
        [names.batch(batchId), names.unfinished(shard)],
        [version, token, line, batchId, ...fields],
      );
      if (answer === 'missing') throw batchNeverOpened(batchId);
      if (answer !== 'moved') return;
      version = values[0] ?? '0';
    }
  };

  return {
    ...reads,
    async requireBatch(batchId) {
      if (known.has(batchId)) return;
      if (!(await reads.exists(batchId))) throw batchNeverOpened(batchId);
      remember(batchId);
    },
    async openBatch({ batchId, file, policy, encoding, delimiter, bytes, blockDigests, at }) {
      const pinned = policy ?? 'skip';
      const fields: Record<string, string> = {
        file,
        policy: pinned,
        encoding,
        delimiter,
        state: 'running',
        phase: pinned === 'skip' ? 'released' : 'admitting',
        started_at: String(at),
      };
      const shard = names.shardOf(batchId);
      await calls.run(
        shard,
        scripts.openBatch,
        [names.batch(batchId), names.batches(shard), names.unfinished(shard)],
        [batchId, String(bytes), JSON.stringify(blockDigests), ...Object.entries(fields).flat()],
      );
      remember(batchId);
      const batch = await reads.batch(batchId);
      if (batch === undefined) throw batchNeverOpened(batchId);
      return batch;
    },
    async updateBatch({ batchId, state, phase, at }) {
      await change(batchId, '', [
        ...(state === undefined ? [] : ['state', state]),
        ...(phase === undefined ? [] : ['phase', phase]),
        ...(state === 'finished' ? ['finished_at', String(at)] : []),
      ]);
    },
    async saveEnqueueProgress({ batchId, line, rows }) {
      await change(batchId, String(line), rows === null ? [] : ['rows', String(rows)]);
    },
  };
}
