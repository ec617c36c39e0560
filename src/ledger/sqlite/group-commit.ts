/**
 * Group commit: what is asked for at the same time is written in one transaction and made durable by one sync.
 *
 * A call that is alone waits for nothing but its turn of the event loop. While many are under way, groups are
 * given a moment to gather, because a sync costs as much as the work of dozens of calls and blocks the thread.
 */
import { LedgerClosedError, LedgerOverloadedError, LedgerWriteError, type LedgerError } from '../errors.ts';

/** Larger groups gain nothing more and hold the thread too long. */
const groupLimit = 128;
/** Callers have windows of their own; this bound only catches one that has none. */
const waitingLimit = 65_536;
/** From this size on the last group shows that many callers are under way. */
const busyGroup = 8;
const gatherMs = 1;

export interface Transaction {
  begin(): void;
  /** Writes what was gathered in memory during the group, then commits. */
  commit(): void;
  /** Undoes the group on disk and in memory. */
  rollback(): void;
  /** The error of a failed write, if the store itself failed; undefined when one call was at fault. */
  failure(cause: unknown): LedgerError | undefined;
}

export interface GroupCommit {
  /**
   * Runs `work` inside a group and resolves with its value when the group is durable. `work` may be run again after
   * another call of its group failed, on a ledger where nothing of its first run happened.
   */
  run<T>(work: () => T): Promise<T>;
  /** Rejects from now on what writes or reads; undefined while all is well. */
  readonly broken: LedgerError | undefined;
  /** Writes what waits and takes nothing more. Idempotent. */
  close(): void;
}

interface Waiting {
  readonly work: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

export function createGroupCommit(transaction: Transaction): GroupCommit {
  let waiting: Waiting[] = [];
  let scheduled = false;
  let lastGroup = 0;
  let broken: LedgerError | undefined;

  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    if (lastGroup >= busyGroup && waiting.length < groupLimit) setTimeout(flush, gatherMs);
    else setImmediate(flush);
  };

  const flush = (): void => {
    scheduled = false;
    if (waiting.length === 0) return;
    const group = waiting.length <= groupLimit ? waiting : waiting.slice(0, groupLimit);
    waiting = waiting.length <= groupLimit ? [] : waiting.slice(groupLimit);
    lastGroup = group.length;
    writeOrRefuse(group);
    if (waiting.length > 0) schedule();
  };

  const writeOrRefuse = (group: readonly Waiting[]): void => {
    if (broken === undefined) write(group);
    else refuse(group, broken);
  };

  const write = (group: readonly Waiting[]): void => {
    const values: unknown[] = [];
    try {
      transaction.begin();
      for (const { work } of group) values.push(work());
      transaction.commit();
    } catch (cause) {
      undo(cause);
      if (broken !== undefined) refuse(group, broken);
      else if (group.length === 1) group[0]?.reject(cause);
      // One call was at fault; each by itself, so that only that one fails.
      else for (const one of group) writeOrRefuse([one]);
      return;
    }
    for (let index = 0; index < group.length; index += 1) group[index]?.resolve(values[index] as never);
  };

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

  const refuse = (group: readonly Waiting[], error: LedgerError): void => {
    for (const { reject } of group) reject(error);
  };

  return {
    run(work) {
      if (broken !== undefined) return Promise.reject(broken);
      if (waiting.length >= waitingLimit) return Promise.reject(new LedgerOverloadedError(waiting.length));
      return new Promise((resolve, reject) => {
        waiting.push({ work, resolve, reject });
        // A whole group is there: nothing more to gather.
        if (waiting.length === groupLimit) setImmediate(flush);
        else schedule();
      });
    },
    get broken() {
      return broken;
    },
    close() {
      while (waiting.length > 0) flush();
      broken ??= new LedgerClosedError();
    },
  };
}
