/**
 * Records in the hands of their handler: as many at once as the window has places, each one once at a time. What is
 * still in flight when the group rebalances keeps its place, and when it is read again it is waited for.
 */
import type { Assignment } from '../../../batches/pipeline/offsets/assignment.ts';
import { createSemaphore } from './semaphore.ts';
import type { TopicRecord } from '../topic-record.ts';
import { createTurns } from './turns.ts';

/**
 * Records handed over in one turn of the event loop. A fetch that brings half a window of them at once would otherwise be
 * read, checked and admitted in one go, for 50 to 100 ms in which no permit is used.
 */
const startsPerTurn = 2;

/**
 * Resolves when the record is finished, so that its offset may be committed.
 *
 * @param signal aborted when the record is to be let go: what only waits may then reject, and is read again later
 */
export type HandleRecord = (record: TopicRecord, signal: AbortSignal) => Promise<void>;

export interface RecordProcessor {
  /** Places for records under way. */
  readonly window: number;
  /**
   * Waits for a place and hands the record over; undefined when the assignment was closed before. `done` never
   * rejects and says whether the record is finished.
   */
  begin(record: TopicRecord, assignment: Assignment): Promise<{ readonly done: Promise<boolean> } | undefined>;
}

export function createRecordProcessor(deps: {
  window: number;
  handle: HandleRecord;
  isStopping: () => boolean;
  /** A handler rejected although it was not to let go. */
  onFailure: (cause: unknown) => void;
}): RecordProcessor {
  const { handle, isStopping, onFailure } = deps;
  const window = createSemaphore(deps.window);
  const turn = createTurns(startsPerTurn);
  const underWay = new Map<string, Promise<boolean>>();

  const finish = async (record: TopicRecord, assignment: Assignment): Promise<boolean> => {
    try {
      await handle(record, assignment.over);
      return true;
    } catch (cause) {
      if (!assignment.over.aborted && !isStopping()) onFailure(cause);
      return false;
    }
  };

  const work: RecordProcessor = {
    window: deps.window,
    async begin(record, assignment) {
      const key = `${record.partition}:${record.offset}`;
      const earlier = underWay.get(key);
      if (earlier !== undefined) return { done: afterwards(earlier, record, assignment) };
      if (!(await window.acquire(assignment.closed))) return undefined;
      await turn();
      if (assignment.closed.aborted) {
        window.release();
        return undefined;
      }
      const done = finish(record, assignment).finally(() => {
        underWay.delete(key);
        window.release();
      });
      underWay.set(key, done);
      return { done };
    },
  };
  const afterwards = async (earlier: Promise<boolean>, record: TopicRecord, assignment: Assignment): Promise<boolean> => {
    if (await earlier) return true;
    const again = await work.begin(record, assignment);
    return again === undefined ? false : again.done;
  };
  return work;
}
