/** The rows of batches. What was sent of them is kept by the accounts. */
import type { DatabaseSync } from 'node:sqlite';
import type { Batch } from '../../../batches/record/batch.ts';
import type { Ledger } from '../../../batches/ports/ledger.ts';
import { batchNeverOpened } from '../../../batches/record/check-change.ts';
import { toBatch, type BatchRow } from './rows.ts';

export interface BatchStore {
  open(params: Parameters<Ledger['openBatch']>[0]): Batch;
  update(params: Parameters<Ledger['updateBatch']>[0]): void;
}

export function createBatchStore(db: DatabaseSync): BatchStore {
  const insert = db.prepare(
    `INSERT INTO batch (batch_id, file, policy, encoding, delimiter, bytes, block_digests, state, phase, started_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, 'running', ?, ?) ON CONFLICT DO NOTHING`,
  );
  const select = db.prepare('SELECT * FROM batch WHERE batch_id = ?');
  const write = db.prepare('UPDATE batch SET state = ?, phase = ?, finished_at = ? WHERE batch_id = ?');

  const find = (batchId: string): Batch => {
    const row = select.get(batchId);
    if (row === undefined) throw batchNeverOpened(batchId);
    return toBatch(row as unknown as BatchRow);
  };

  return {
    open({ batchId, file, policy, encoding, delimiter, bytes, blockDigests, at }) {
      const pinned = policy ?? 'skip';
      const phase = pinned === 'skip' ? 'released' : 'admitting';
      insert.run(batchId, file, pinned, encoding, delimiter, bytes, JSON.stringify(blockDigests), phase, at);
      return find(batchId);
    },
    update({ batchId, state, phase, at }) {
      const batch = find(batchId);
      const finishedAt = batch.finishedAt ?? (state === 'finished' ? at : null);
      write.run(state ?? batch.state, phase ?? batch.phase, finishedAt, batchId);
    },
  };
}
