/**
 * Group commit: what is asked for at the same time is written in one transaction and made durable by one sync.
 *
 * A call that is alone waits for nothing but its turn of the event loop. While many are under way, groups are
 * given a moment to gather, because a sync costs as much as the work of dozens of calls and blocks the thread.
 */
import { LedgerOverloadedError } from '../errors.ts';
import type { GroupWriter } from './group-writer.ts';

/** Larger groups gain nothing more and hold the thread too long. */
const groupLimit = 128;
/** Callers have windows of their own; this bound only catches one that has none. */
export const waitingLimit = 65_536;
/** From this size on the last group shows that many callers are under way. */
const busyGroup = 8;
const gatherMs = 1;

export interface GroupCommit {
  /**
   * Runs `work` inside a group and resolves with its value when the group is durable. `work` may be run again after
   * another call of its group failed, on a ledger where nothing of its first run happened.
   */
  run<T>(work: () => T): Promise<T>;
  /** Writes what waits and takes nothing more. Idempotent. */
  close(): void;
}

interface Waiting {
  readonly work: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

export function createGroupCommit(writer: GroupWriter): GroupCommit {
  let waiting: Waiting[] = [];
  let scheduled = false;
  let lastGroup = 0;

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
    const outcomes = writer.write(group.map(({ work }) => work));
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.ok) group[index]?.resolve(outcome.value as never);
      else group[index]?.reject(outcome.error);
    }
    if (waiting.length > 0) schedule();
  };

  return {
    run(work) {
      if (writer.broken !== undefined) return Promise.reject(writer.broken);
      if (waiting.length >= waitingLimit) return Promise.reject(new LedgerOverloadedError(waiting.length));
      return new Promise((resolve, reject) => {
        waiting.push({ work, resolve, reject });
        // A whole group is there: nothing more to gather.
        if (waiting.length === groupLimit) setImmediate(flush);
        else schedule();
      });
    },
    close() {
      while (waiting.length > 0) flush();
      writer.close();
    },
  };
}
