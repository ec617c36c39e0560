/**
 * Group commit: what is asked for at the same time is written in one transaction and made durable by one sync.
 *
 * The sync runs beside the thread, which goes on with its work; what is asked for meanwhile is the next group. A call
 * that is alone waits for nothing but its turn of the event loop. While many are under way, groups are given a moment to
 * gather, because a commit costs as much as the work of several calls.
 */
import { LedgerClosedError, LedgerError, LedgerOverloadedError, LedgerWriteError } from '../errors.ts';

/** Larger groups gain nothing more and hold the thread too long. */
const groupLimit = 128;
/** Callers have windows of their own; this bound only catches one that has none. */
const waitingLimit = 65_536;
/** From this size on the last group shows that many callers are under way. */
const busyGroup = 8;
const gatherMs = 3;

export interface Transaction {
  begin(): void;
  /** Writes what was gathered in memory during the group, then commits. A power cut may still undo it. */
  commit(): void;
  /** Resolves when everything that was committed before the call survives a power cut. */
  sync(): Promise<void>;
  /** The same, while the thread waits. */
  syncNow(): void;
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
  /** Resolves with what `query` answers at a moment when everything that it can see is durable. */
  read<T>(query: () => T): Promise<T>;
  /** Rejects from now on what writes or reads; undefined while all is well. */
  readonly broken: LedgerError | undefined;
  /** Writes what waits and takes nothing more. Resolves when no sync is under way. Idempotent. */
  close(): Promise<void>;
}

interface Waiting {
  readonly work: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
  /** What the newest run of the work answered. */
  value: unknown;
}

export function createGroupCommit(transaction: Transaction): GroupCommit {
  let waiting: Waiting[] = [];
  let scheduled = false;
  let lastGroup = 0;
  const settlement = createSettlement(transaction, (failure) => {
    if (failure !== undefined) writer.breakWith(failure);
    if (waiting.length > 0) schedule();
  });
  const writer = createWriter(transaction, settlement.add);

  const schedule = (): void => {
    // The end of the sync schedules the next group.
    if (scheduled || settlement.isUnderWay()) return;
    scheduled = true;
    if (lastGroup >= busyGroup && waiting.length < groupLimit) setTimeout(flush, gatherMs);
    else setImmediate(flush);
  };

  const flush = (): void => {
    scheduled = false;
    if (waiting.length === 0 || settlement.isUnderWay()) return;
    writeNextGroup();
    settlement.start();
    if (waiting.length > 0) schedule();
  };

  const writeNextGroup = (): void => {
    const group = waiting.length <= groupLimit ? waiting : waiting.slice(0, groupLimit);
    waiting = waiting.length <= groupLimit ? [] : waiting.slice(groupLimit);
    lastGroup = group.length;
    writer.write(group);
  };

  return {
    run(work) {
      const broken = writer.broken();
      if (broken !== undefined) return Promise.reject(broken);
      if (waiting.length >= waitingLimit) return Promise.reject(new LedgerOverloadedError(waiting.length));
      return new Promise((resolve, reject) => {
        waiting.push({ work, resolve, reject, value: undefined });
        // A whole group is there: nothing more to gather.
        if (waiting.length === groupLimit) setImmediate(flush);
        else schedule();
      });
    },
    read: (query) =>
      settlement.read(() => {
        const broken = writer.broken();
        if (broken !== undefined) throw broken;
        return query();
      }),
    get broken() {
      return writer.broken();
    },
    async close() {
      while (waiting.length > 0) writeNextGroup();
      const ended = settlement.endNow();
      writer.breakWith(new LedgerClosedError());
      await ended;
    },
  };
}

/** Writes groups until one fails in a way that leaves the store in doubt; the first such failure is kept. */
function createWriter(transaction: Transaction, onCommitted: (one: Waiting) => void) {
  let broken: LedgerError | undefined;

  const writeOrRefuse = (group: readonly Waiting[]): void => {
    if (broken === undefined) write(group);
    else refuse(group, broken);
  };

  const write = (group: readonly Waiting[]): void => {
    try {
      transaction.begin();
      for (const one of group) one.value = one.work();
      transaction.commit();
    } catch (cause) {
      undo(cause);
      if (broken !== undefined) refuse(group, broken);
      else if (group.length === 1) group[0]?.reject(cause);
      // One call was at fault; each by itself, so that only that one fails.
      else for (const one of group) writeOrRefuse([one]);
      return;
    }
    for (const one of group) onCommitted(one);
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

  return {
    write: writeOrRefuse,
    broken: () => broken,
    breakWith: (failure: LedgerError): void => void (broken ??= failure),
  };
}

const refuse = (group: readonly Waiting[], error: LedgerError): void => {
  for (const { reject } of group) reject(error);
};

/** What is committed and not yet durable: one sync at a time, and those that wait for its end. */
function createSettlement({ sync, syncNow }: Pick<Transaction, 'sync' | 'syncNow'>, onEnd: (failure?: LedgerError) => void) {
  /** Not yet known to be durable. */
  let committed: Waiting[] = [];
  let reads: (() => void)[] = [];
  let syncing: Promise<void> | undefined;

  const end = (failure?: LedgerError): void => {
    syncing = undefined;
    const [ended, asked] = [committed, reads];
    [committed, reads] = [[], []];
    if (failure === undefined) for (const { resolve, value } of ended) resolve(value as never);
    onEnd(failure);
    if (failure !== undefined) for (const { reject } of ended) reject(failure);
    // Before the next group is committed, which readers must not see.
    for (const answer of asked) answer();
  };
  const durable = (): void => end();
  /** It is not known whether what was committed is durable, and a second sync would not show it. */
  const notSynced = (cause: unknown): void =>
    end(cause instanceof LedgerError ? cause : new LedgerWriteError('the ledger could not be synced: run again.', { cause }));

  return {
    isUnderWay: () => syncing !== undefined,
    add: (one: Waiting): void => void committed.push(one),
    start(): void {
      if (committed.length > 0) syncing = sync().then(durable, notSynced);
    },
    read: <T>(query: () => T): Promise<T> =>
      new Promise((resolve, reject) => {
        const answer = (): void => {
          try {
            resolve(query());
          } catch (error) {
            reject(error as Error);
          }
        };
        if (syncing === undefined) answer();
        else reads.push(answer);
      }),
    /** Resolves when the sync that was under way has ended too. */
    async endNow(): Promise<void> {
      const underWay = syncing;
      if (committed.length > 0) {
        try {
          syncNow();
          durable();
        } catch (cause) {
          notSynced(cause);
        }
      }
      await underWay;
    },
  };
}
