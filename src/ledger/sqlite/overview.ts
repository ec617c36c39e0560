/** What is so now in the whole ledger, read from the batches that have open records. */
import type { DatabaseSync } from 'node:sqlite';
import type { LedgerOverview } from '../../../batches/ports/ledger.ts';
import { openStatuses, type OpenStatus } from '../../../batches/record/status.ts';
import { isBalanced, isOpenTally, sumTallies, type TallyRow } from '../../../batches/record/tally.ts';
import { countedOf, statusCode } from '../codes.ts';
import { deadLettersMoved } from './move-state.ts';
import { readMeta } from './schema.ts';

interface CellRow {
  readonly currency: string;
  readonly status: number;
  readonly count: number;
  readonly amount: string;
}

interface FirstRow {
  readonly admitted_at?: number | null;
  readonly first_sent_at: number | null;
  readonly started_at: number;
}

export function createOverview(db: DatabaseSync): () => LedgerOverview {
  // In the words of the partial index `record_open`, which is used for them then.
  const nextBatch = db.prepare(`SELECT min(batch) AS batch FROM record WHERE status <= ${statusCode.unknown} AND batch > ?`);
  // All columns, because a ledger of an older version has no time of admission.
  const selectFirst = db.prepare(
    `SELECT record.*, batch.started_at FROM record JOIN batch ON batch.id = record.batch
     WHERE record.batch = ? AND record.status = ? AND record.status <= ${statusCode.unknown} ORDER BY record.id LIMIT 1`,
  );
  const selectTallies = db.prepare('SELECT currency, status, count, amount FROM tally WHERE batch = ?');
  const countUnpublished = db.prepare('SELECT count(*) AS count FROM outbox');

  return () => {
    const perBatch: TallyRow[][] = [];
    const oldest = new Map<OpenStatus, number>();
    for (let after = 0; ;) {
      const { batch } = nextBatch.get(after) as { readonly batch: number | null };
      if (batch === null) break;
      perBatch.push((selectTallies.all(batch) as unknown as CellRow[]).map(toTally));
      for (const status of openStatuses) {
        const first = selectFirst.get(batch, statusCode[status]) as FirstRow | undefined;
        if (first === undefined) continue;
        const since = first.admitted_at ?? first.first_sent_at ?? first.started_at;
        oldest.set(status, Math.min(oldest.get(status) ?? Infinity, since));
      }
      after = batch;
    }
    return {
      open: sumTallies(perBatch.flat().filter(isOpenTally)),
      oldestOpenAt: Object.fromEntries(
        openStatuses.map((status) => [status, oldest.get(status) ?? null]),
      ) as LedgerOverview['oldestOpenAt'],
      isBalanced: perBatch.every(isBalanced),
      unpublished: (countUnpublished.get() as { readonly count: number }).count,
      deadLetters: Number(readMeta(db, deadLettersMoved) ?? 0),
    };
  };
}

const toTally = ({ currency, status, count, amount }: CellRow): TallyRow => ({
  status: countedOf(status),
  currency,
  count,
  amountMinor: BigInt(amount),
});
