/** What the ledger notes about published results, for commands that work on the results file while no process pays. */
import { DatabaseSync } from 'node:sqlite';
import type { OutboxEntry } from '../../../batches/ports/result-sink.ts';
import { findLedgerFiles, ledgerFile } from '../data-dir.ts';
import { LedgerError, LedgerSchemaError } from '../errors.ts';
import { whyNotNewest, whyNothingToRead } from '../may-pay.ts';
import { acquireLock } from './lock.ts';
import { nameOf, openForReading, type FindUnknownResults } from './open-existing.ts';
import { createOutbox } from './outbox.ts';
import { createPublished } from './published.ts';
import { schemaOf, schemaVersion } from './schema.ts';
import { writeError } from './sqlite-error.ts';
import { allOrNone } from './transaction.ts';

/** Every change is durable when the call returns. */
export interface IdleResults {
  readonly mark: string | null;
  /** The oldest of what is decided and not surely published. */
  outbox(limit: number): readonly OutboxEntry[];
  /** Adds events that are to be published; a process that opens the ledger publishes what is left of them. */
  enqueue(events: readonly Pick<OutboxEntry, 'eventId' | 'json'>[]): void;
  /** Removes entries that are published, and keeps how far the file is written. */
  published(numbers: readonly number[], mark: string | null): void;
  /** Releases the ledger. Idempotent. */
  close(): void;
}

interface IdleParams {
  readonly dir: string;
  readonly clock: { now(): number };
  readonly host: string;
  readonly findUnknown: FindUnknownResults;
}

/**
 * Holds the ledger until it is closed, so that no process pays meanwhile.
 *
 * @throws LedgerHeldError while a process pays from the ledger; LedgerIncompleteError when it is older than its results, which
 *   must stay visible; every error of reading it
 */
export async function openIdleResults({ dir, clock, host, findUnknown }: IdleParams): Promise<IdleResults> {
  const refusal = whyNothingToRead(findLedgerFiles(dir));
  if (refusal !== null) throw refusal;
  const lock = acquireLock(dir, { clock, host });
  let db: DatabaseSync | undefined;
  try {
    await assertNewest(dir, findUnknown);
    db = new DatabaseSync(ledgerFile(dir), { timeout: 5_000 });
    db.exec('PRAGMA synchronous = FULL');
    return idleResults(dir, db, () => lock.release());
  } catch (error) {
    db?.close();
    lock.release();
    throw error instanceof LedgerError ? error : writeError(ledgerFile(dir), error);
  }
}

async function assertNewest(dir: string, findUnknown: FindUnknownResults): Promise<void> {
  const db = openForReading(dir);
  try {
    const schema = schemaOf(db);
    if (Number(schema) !== schemaVersion)
      throw new LedgerSchemaError(
        `${nameOf(dir).text} has schema version ${schema}, and this disburse writes version ${schemaVersion}: disburse run migrates it first.`,
      );
    const refusal = whyNotNewest(nameOf(dir), dir, await findUnknown(createPublished(db)));
    if (refusal !== null) throw refusal;
  } finally {
    db.close();
  }
}

function idleResults(dir: string, db: DatabaseSync, release: () => void): IdleResults {
  const outbox = createOutbox(db);
  const oldest = db.prepare('SELECT number, event_id, json FROM outbox ORDER BY number LIMIT ?');
  const change = (work: () => void): void => {
    try {
      allOrNone(db, work);
    } catch (error) {
      outbox.forget();
      throw error instanceof LedgerError ? error : writeError(ledgerFile(dir), error);
    }
  };
  return {
    mark: createPublished(db).mark,
    outbox: (limit) =>
      oldest.all(limit).map((row) => ({ number: Number(row['number']), eventId: String(row['event_id']), json: String(row['json']) })),
    enqueue: (events) =>
      change(() => {
        for (const { eventId, json } of events) outbox.appendText(eventId, json);
      }),
    published: (numbers, mark) =>
      change(() => {
        outbox.remove(numbers);
        outbox.mark(mark);
      }),
    close() {
      if (db.isOpen) db.close();
      release();
    },
  };
}
