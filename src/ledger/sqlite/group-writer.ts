/** Writes a group of calls in one transaction, made durable by one sync. */
import { LedgerClosedError, LedgerWriteError, type LedgerError } from '../errors.ts';

/** What became of one call of a group; with a value it is durable. */
export type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

export interface Transaction {
  begin(): void;
  /** Writes what was gathered in memory during the group, then commits. */
  commit(): void;
  /** Undoes the group on disk and in memory. */
  rollback(): void;
  /** The error of a failed write, if the store itself failed; undefined when one call was at fault. */
  failure(cause: unknown): LedgerError | undefined;
}

export interface GroupWriter {
  /**
   * Runs the calls in their order. A call may be run again after another one of its group failed, on a ledger where nothing
   * of its first run happened.
   *
   * @returns what became of each, in their order
   */
  write(works: readonly (() => unknown)[]): readonly Outcome[];
  /** Rejects from now on what writes or reads; undefined while all is well. */
  readonly broken: LedgerError | undefined;
  /** Takes nothing more. Idempotent. */
  close(): void;
}

export function createGroupWriter(transaction: Transaction): GroupWriter {
  let broken: LedgerError | undefined;

  const undo = (cause: unknown): void => {
    broken ??= transaction.failure(cause);
    try {
      transaction.rollback();
    } catch (error) {
      // What is in memory and what is on disk may differ now.
      broken ??=
        transaction.failure(error) ?? new LedgerWriteError('the ledger could not roll back a failed step: run again.', { cause: error });
    }
  };

  const write = (works: readonly (() => unknown)[]): readonly Outcome[] => {
    if (broken !== undefined) return refuse(works, broken);
    const outcomes: Outcome[] = [];
    try {
      transaction.begin();
      for (const work of works) outcomes.push({ ok: true, value: work() });
      transaction.commit();
      return outcomes;
    } catch (cause) {
      undo(cause);
      if (broken !== undefined) return refuse(works, broken);
      // One call was at fault; each by itself, so that only that one fails.
      return works.length === 1 ? [{ ok: false, error: cause }] : works.flatMap((work) => write([work]));
    }
  };

  return {
    write,
    get broken() {
      return broken;
    },
    close() {
      broken ??= new LedgerClosedError();
    },
  };
}

const refuse = (works: readonly unknown[], error: LedgerError): readonly Outcome[] => works.map(() => ({ ok: false, error }));
