/**
 * The books of each batch: what was received, what became of it, in count and exact amount, and how much was
 * sent. Kept in memory as BigInt by the one process that writes, and written once a group in the same transaction
 * as what moved them.
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
}

export interface Tallies {
  /** @throws TypeError when the batch was never opened */
  ofBatch(batchId: string): BatchTally;
  /** An occurrence came, and has this status. An empty currency carries no amount. */
  addReceived(account: BatchTally, currency: string, amountMinor: bigint, status: number): void;
  /** What was counted there is now counted here. */
  transfer(account: BatchTally, currency: string, amountMinor: bigint, from: number, to: number): void;
  /** A record of the batch was sent for the first time, at `at`; null: it surely was not sent after all. */
  countSend(account: BatchTally, at: number | null): void;
  /** Writes what changed; part of a transaction. */
  write(): void;
  /** Forgets everything that is not on disk. */
  forget(): void;
}

/** Accounts kept in memory; the others are read again when they are needed. */
const accountLimit = 256;

export function createTallies(db: DatabaseSync): Tallies {
  const selectBatch = db.prepare('SELECT id, sent, first_sent_at, last_sent_at FROM batch WHERE batch_id = ?');
  const selectCells = db.prepare('SELECT currency, status, count, amount FROM tally WHERE batch = ?');
  const writeCell = db.prepare(
    'INSERT INTO tally (batch, currency, status, count, amount) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = excluded.count, amount = excluded.amount',
  );
  const writeSent = db.prepare('UPDATE batch SET sent = ?, first_sent_at = ?, last_sent_at = ? WHERE id = ?');

  const accounts = new Map<string, BatchTally>();
  let changed: (readonly [BatchTally, TallyCell])[] = [];
  const changedSends = new Set<BatchTally>();

  const load = (batchId: string): BatchTally => {
    const row = selectBatch.get(batchId) as
      { id: number; sent: number; first_sent_at: number | null; last_sent_at: number | null } | undefined;
    if (row === undefined) throw batchNeverOpened(batchId);
    const account: BatchTally = {
      id: row.id,
      batchId,
      cells: new Map(),
      sent: row.sent,
      firstSentAt: row.first_sent_at,
      lastSentAt: row.last_sent_at,
    };
    for (const { currency, status, count, amount } of selectCells.all(row.id) as {
      currency: string;
      status: number;
      count: number;
      amount: string;
    }[]) {
      const cell = cellOf(account, currency, status);
      cell.count = count;
      cell.amountMinor = BigInt(amount);
    }
    return account;
  };

  const cellOf = (account: BatchTally, currency: string, status: number): TallyCell => {
    let byStatus = account.cells.get(currency);
    if (byStatus === undefined) {
      byStatus = [];
      account.cells.set(currency, byStatus);
    }
    return (byStatus[status] ??= { currency, status, count: 0, amountMinor: 0n, changed: false });
  };

  const add = (account: BatchTally, currency: string, status: number, count: 1 | -1, amountMinor: bigint): void => {
    const cell = cellOf(account, currency, status);
    cell.count += count;
    cell.amountMinor += amountMinor;
    if (cell.changed) return;
    cell.changed = true;
    changed.push([account, cell]);
  };

  return {
    ofBatch(batchId) {
      let account = accounts.get(batchId);
      if (account === undefined) {
        account = load(batchId);
        accounts.set(batchId, account);
      }
      return account;
    },
    addReceived(account, currency, amountMinor, status) {
      add(account, currency, statusCode.received, 1, amountMinor);
      add(account, currency, status, 1, amountMinor);
    },
    transfer(account, currency, amountMinor, from, to) {
      if (from === to) return;
      add(account, currency, from, -1, -amountMinor);
      add(account, currency, to, 1, amountMinor);
    },
    countSend(account, at) {
      account.sent += at === null ? -1 : 1;
      if (account.sent === 0) {
        account.firstSentAt = null;
        account.lastSentAt = null;
      } else if (at !== null) {
        account.firstSentAt = account.firstSentAt === null ? at : Math.min(account.firstSentAt, at);
        account.lastSentAt = account.lastSentAt === null ? at : Math.max(account.lastSentAt, at);
      }
      changedSends.add(account);
    },
    write() {
      for (const [account, cell] of changed) {
        writeCell.run(account.id, cell.currency, cell.status, cell.count, String(cell.amountMinor));
        cell.changed = false;
      }
      changed = [];
      for (const account of changedSends) writeSent.run(account.sent, account.firstSentAt, account.lastSentAt, account.id);
      changedSends.clear();
      // Everything is in this transaction now, so nothing is lost that was not asked for again.
      if (accounts.size > accountLimit) accounts.clear();
    },
    forget() {
      accounts.clear();
      changedSends.clear();
      changed = [];
    },
  };
}
