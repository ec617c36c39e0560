/**
 * The tallies of each batch: what was received, what became of it, in count and exact amount, and how much was sent.
 * The one process that writes keeps them in memory as BigInt, and writes them once a group, in the same transaction as
 * what moved them.
 */
import type { DatabaseSync } from 'node:sqlite';
import { batchNeverOpened } from '../../../batches/record/check-change.ts';
import { statusCode } from '../codes.ts';

interface TallyCell {
  readonly currency: string;
  readonly status: number;
  count: number;
  amountMinor: bigint;
  changed: boolean;
}

export interface BatchTally {
  readonly id: number;
  readonly batchId: string;
  readonly cells: Map<string, (TallyCell | undefined)[]>;
  sent: number;
  firstSentAt: number | null;
  lastSentAt: number | null;
  /** Its sends so far were counted by an earlier process: what passed since the newest of them was no sending. */
  isResumed: boolean;
}

export interface Tallies {
  /** @throws TypeError when the batch was never opened */
  ofBatch(batchId: string): BatchTally;
  /** Counts an occurrence as received and under its status. An empty currency carries no amount. */
  addReceived(tally: BatchTally, currency: string, amountMinor: bigint, status: number): void;
  /** Moves a record from one status to another. */
  transfer(tally: BatchTally, currency: string, amountMinor: bigint, from: number, to: number): void;
  /** Counts a first send, made at `at`; null takes one back that surely was not sent. */
  countSend(tally: BatchTally, at: number | null): void;
  /** Writes what changed; part of a transaction. */
  write(): void;
  /** Forgets everything that is not on disk. */
  forget(): void;
}

/** Batches kept in memory; the others are read again when they are needed. */
const keptLimit = 256;

/** Where a batch is read from and written to. */
function createTallyStatements(db: DatabaseSync) {
  const selectBatch = db.prepare('SELECT id, sent, first_sent_at, last_sent_at FROM batch WHERE batch_id = ?');
  const selectCells = db.prepare('SELECT currency, status, count, amount FROM tally WHERE batch = ?');
  const writeCell = db.prepare(
    'INSERT INTO tally (batch, currency, status, count, amount) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = excluded.count, amount = excluded.amount',
  );
  const writeSent = db.prepare('UPDATE batch SET sent = ?, first_sent_at = ?, last_sent_at = ? WHERE id = ?');
  return {
    load(batchId: string): BatchTally {
      const row = selectBatch.get(batchId) as BatchColumns | undefined;
      if (row === undefined) throw batchNeverOpened(batchId);
      const { id, sent, first_sent_at: firstSentAt, last_sent_at: lastSentAt } = row;
      const tally: BatchTally = { id, batchId, cells: new Map(), sent, firstSentAt, lastSentAt, isResumed: sent > 0 };
      for (const { currency, status, count, amount } of selectCells.all(id) as unknown as CellColumns[]) {
        const cell = cellOf(tally, currency, status);
        cell.count = count;
        cell.amountMinor = BigInt(amount);
      }
      return tally;
    },
    writeCell: ({ id }: BatchTally, { currency, status, count, amountMinor }: TallyCell): unknown =>
      writeCell.run(id, currency, status, count, String(amountMinor)),
    writeSends: ({ id, sent, firstSentAt, lastSentAt }: BatchTally): unknown => writeSent.run(sent, firstSentAt, lastSentAt, id),
  };
}

interface BatchColumns {
  readonly id: number;
  readonly sent: number;
  readonly first_sent_at: number | null;
  readonly last_sent_at: number | null;
}

interface CellColumns {
  readonly currency: string;
  readonly status: number;
  readonly count: number;
  readonly amount: string;
}

function cellOf({ cells }: BatchTally, currency: string, status: number): TallyCell {
  let byStatus = cells.get(currency);
  if (byStatus === undefined) {
    byStatus = [];
    cells.set(currency, byStatus);
  }
  return (byStatus[status] ??= { currency, status, count: 0, amountMinor: 0n, changed: false });
}

/** The first send is moved forward by each pause between processes, so that both times span what was spent on sending. */
function countSend(tally: BatchTally, at: number | null): void {
  if (at !== null && tally.isResumed) {
    if (tally.firstSentAt !== null && tally.lastSentAt !== null) tally.firstSentAt += Math.max(0, at - tally.lastSentAt);
    tally.isResumed = false;
  }
  tally.sent += at === null ? -1 : 1;
  if (tally.sent === 0) {
    tally.firstSentAt = null;
    tally.lastSentAt = null;
  } else if (at !== null) {
    tally.firstSentAt = tally.firstSentAt === null ? at : Math.min(tally.firstSentAt, at);
    tally.lastSentAt = tally.lastSentAt === null ? at : Math.max(tally.lastSentAt, at);
  }
}

export function createTallies(db: DatabaseSync): Tallies {
  const statements = createTallyStatements(db);
  const known = new Map<string, BatchTally>();
  let changed: (readonly [BatchTally, TallyCell])[] = [];
  const changedSends = new Set<BatchTally>();

  const add = (tally: BatchTally, currency: string, status: number, count: 1 | -1, amountMinor: bigint): void => {
    const cell = cellOf(tally, currency, status);
    cell.count += count;
    cell.amountMinor += amountMinor;
    if (cell.changed) return;
    cell.changed = true;
    changed.push([tally, cell]);
  };

  return {
    ofBatch(batchId) {
      let tally = known.get(batchId);
      if (tally === undefined) {
        tally = statements.load(batchId);
        known.set(batchId, tally);
      }
      return tally;
    },
    addReceived(tally, currency, amountMinor, status) {
      add(tally, currency, statusCode.received, 1, amountMinor);
      add(tally, currency, status, 1, amountMinor);
    },
    transfer(tally, currency, amountMinor, from, to) {
      if (from === to) return;
      add(tally, currency, from, -1, -amountMinor);
      add(tally, currency, to, 1, amountMinor);
    },
    countSend(tally, at) {
      countSend(tally, at);
      changedSends.add(tally);
    },
    write() {
      for (const [tally, cell] of changed) {
        statements.writeCell(tally, cell);
        cell.changed = false;
      }
      changed = [];
      for (const tally of changedSends) statements.writeSends(tally);
      changedSends.clear();
      // Everything is in this transaction now: what is cleared is read again.
      if (known.size > keptLimit) known.clear();
    },
    forget() {
      known.clear();
      changedSends.clear();
      changed = [];
    },
  };
}
