/** What the results topic says of records and places, kept for a rebuild. */
import type { InstructionMessage } from '../event/read-message.ts';
import type { Occurrence, Source } from '../instruction/instruction.ts';
import type { KeptResult, RebuildIndex } from '../ports/rebuild-index.ts';
import { traceparentPattern, type ResultEvent } from '../record/result-event.ts';
import { isFinal } from '../record/status.ts';

/** `file:<batch>:<line>` or `topic:<name>:<partition>:<offset>`, as the event ids are made from. */
export const placeOf = ({ stream, position }: Pick<Occurrence, 'stream' | 'position'>): string => `${stream}:${position}`;

export function occurrenceOf({ source: shown, batch_id: batchId }: ResultEvent): Occurrence {
  const { traceparent, ...place } = shown;
  const source: Source = traceparent !== undefined && traceparentPattern.test(traceparent) ? { ...place, traceparent } : place;
  return 'file' in source
    ? { stream: `file:${batchId}`, position: source.line, source }
    : { stream: `topic:${source.topic}:${source.partition}`, position: Number(source.offset), source };
}

/** Only an intent binds a record id; see `batches/record/admission.ts`. */
export const takesRecordId = ({ status, attempt }: ResultEvent): boolean =>
  !(status === 'rejected' || (status === 'cancelled' && attempt === undefined));

/** What was sent shows it in every result after its send. */
export const showsSend = ({ attempt }: ResultEvent): boolean => attempt !== undefined;

/** Which result of a record id has the record: no ledger gives the id of what was sent to another place. */
const outranks = (one: ResultEvent, other: ResultEvent): boolean =>
  showsSend(one) === showsSend(other) ? one.sequence > other.sequence : showsSend(one);

/** What was sent is never settled by a result that says that it was not; what has ended is not open again. */
const settledRank = (event: ResultEvent): number => (showsSend(event) ? 2 : 0) + (isFinal[event.status] ? 1 : 0);

const keepSettled = (index: RebuildIndex, result: KeptResult): void => index.keepSettled(result, settledRank(result.event));

const publishedHead = /^[0-9a-f]{32}$/;

export function noteResult(index: RebuildIndex, event: ResultEvent): void {
  const { record_id: recordId } = event;
  const result = { place: placeOf(occurrenceOf(event)), event };
  if (recordId !== undefined) {
    index.raiseSequence(recordId, event.sequence);
    index.noteTime(recordId, { at: Date.parse(event.occurred_at), by: 'result' });
    const { audit_number: number, audit_head: head = '' } = event;
    if (number !== undefined && publishedHead.test(head)) index.noteHead(recordId, { number, hash: head });
  }
  // Only the results of a record itself carry its fingerprint.
  if (recordId === undefined || event.fingerprint === undefined) return keepSettled(index, result);
  const before = index.newest(recordId);
  if (before === undefined) return index.keepNewest(recordId, result);
  const isNewest = outranks(event, before.event);
  // A record id that was free again was taken at another place: what ended there stays.
  if (before.place !== result.place) keepSettled(index, isNewest ? before : result);
  if (isNewest) index.keepNewest(recordId, result);
}

/** The record of this id ended, and another instruction has the id since. */
export function settleNewest(index: RebuildIndex, recordId: string): void {
  const newest = index.newest(recordId);
  if (newest === undefined) return;
  keepSettled(index, newest);
  index.removeNewest(recordId);
}

/** Which messages of the instructions topic no instance can have started. */
export interface Backlog {
  /** A place on the topic that was read. */
  note(place: Pick<Occurrence, 'stream' | 'position'>): void;
  isUnread(message: Pick<InstructionMessage, 'partition' | 'offset'>): boolean;
  /** Below it every message has its first outcome. */
  isCommitted(message: Pick<InstructionMessage, 'partition' | 'offset'>): boolean;
}

export interface BacklogParams {
  readonly topic: string;
  /** What the consumer group has committed, by partition; without it nothing of a partition is unread. */
  readonly committed: ReadonlyMap<number, bigint>;
  /** How far beyond the first unfinished message of a partition an instance may work. */
  readonly window: number;
}

export function createBacklog({ topic, committed, window }: BacklogParams): Backlog {
  const highest = new Map<string, number>();
  const streamOf = (partition: number): string => `topic:${topic}:${partition}`;
  return {
    note({ stream, position }) {
      highest.set(stream, Math.max(highest.get(stream) ?? 0, position + 1));
    },
    isUnread({ partition, offset }) {
      const next = committed.get(partition);
      if (next === undefined) return false;
      const shown = BigInt(highest.get(streamOf(partition)) ?? 0);
      return offset >= (next > shown ? next : shown) + BigInt(window);
    },
    isCommitted: ({ partition, offset }) => offset < (committed.get(partition) ?? 0n),
  };
}
