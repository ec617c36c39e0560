/** Compares the results file with the ledger: what is published and not known there shows that the ledger is not the newest. */
import { open, type FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { lastLineEnd, readLines } from '../../../producers/lines.ts';
import { findMark, lineStart, markAfterMove } from '../../../producers/results-mark.ts';
import type { UnknownResults } from '../../ledger/may-pay.ts';
import type { Published, PublishedEvent } from '../../ledger/sqlite/published.ts';

interface ResultsToCompare {
  readonly path: string;
  /** Results files that were moved away, oldest first. */
  readonly rotated?: readonly string[];
  readonly published: Published;
  /**
   * No process publishes meanwhile, so that every whole line behind the mark must be unpublished in the ledger. Else lines are
   * compared by their sequences, and only in the file that the mark was made in.
   */
  readonly isQuiet: boolean;
}

/** @returns null when the ledger knows all results, or there are none */
export async function findUnknownResults(params: ResultsToCompare): Promise<UnknownResults | null> {
  const current = await withFile(params.path, (handle) => compare(handle, params));
  if (current !== null && (current.unknown !== null || current.isNoted)) return current.unknown;
  return newestRotated(params);
}

async function withFile<T>(path: string, work: (handle: FileHandle) => Promise<T>): Promise<T | null> {
  const handle = await openExisting(path);
  if (handle === undefined) return null;
  try {
    return await work(handle);
  } finally {
    await handle.close();
  }
}

/** How much of the end of a file that was moved away is compared while another process pays. */
const comparedBytes = 65_536;

/**
 * All lines of a file that was moved away were noted before, so every ledger that is not older knows them. A ledger that notes
 * the move is not older. Else all lines are compared: the last ones may be old events that were published again.
 */
async function newestRotated({ rotated = [], published, isQuiet }: ResultsToCompare): Promise<UnknownResults | null> {
  const path = rotated.at(-1);
  if (path === undefined || published.mark === markAfterMove(basename(path))) return null;
  return withFile(path, async (handle) => {
    const { size } = await handle.stat();
    const isKnown = (event: PublishedEvent): boolean => published.isUnpublished(event.event_id) || published.isKnown(event);
    const start = isQuiet ? 0 : await lastLineEnd(handle, Math.max(size - comparedBytes, 0));
    return unknownIn(handle, { path, start, isKnown });
  });
}

const openExisting = (path: string): Promise<FileHandle | undefined> =>
  open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw cause;
  });

interface Compared {
  readonly unknown: UnknownResults | null;
  /** The ledger has noted lines of this file. */
  readonly isNoted: boolean;
}

async function compare(handle: FileHandle, { path, published, isQuiet }: ResultsToCompare): Promise<Compared> {
  const found = await handle.stat();
  // The sink refuses what is no plain file.
  if (!found.isFile()) return { unknown: null, isNoted: false };
  const { start, oddity } = await findMark(handle, found.size, published.mark);
  const isMarked = oddity === undefined && (start === 0 || (await isLineKnown(handle, start, published)));
  if (!isMarked && !isQuiet) return { unknown: null, isNoted: false };
  const isKnown = (event: PublishedEvent): boolean =>
    published.isUnpublished(event.event_id) || (!(isMarked && isQuiet) && published.isKnown(event));

  return { unknown: await unknownIn(handle, { path, start: isMarked ? start : 0, isKnown }), isNoted: isMarked && start > 0 };
}

interface Lines {
  readonly path: string;
  /** The beginning of a line. */
  readonly start: number;
  readonly isKnown: (event: PublishedEvent) => boolean;
}

async function unknownIn(handle: FileHandle, { path, start, isKnown }: Lines): Promise<UnknownResults | null> {
  let count = 0;
  let first: PublishedEvent | undefined;
  for await (const { text } of readLines(handle, start)) {
    const event = eventOf(text);
    if (event === undefined || isKnown(event)) continue;
    count += 1;
    first ??= event;
  }
  return first === undefined ? null : { resultsFile: path, count, example: exampleOf(first) };
}

/** Whether the line that ends at the mark is of this ledger: another file may have a line that ends there too. */
async function isLineKnown(handle: FileHandle, end: number, published: Published): Promise<boolean> {
  for await (const { text } of readLines(handle, await lineStart(handle, end))) {
    const event = eventOf(text);
    return event === undefined || published.isKnown(event);
  }
  return false;
}

/** Lines that are no result events are left alone: they show nothing. */
function eventOf(text: string | undefined): PublishedEvent | undefined {
  try {
    const event = JSON.parse(text ?? '') as Partial<Record<keyof PublishedEvent, unknown>> | null;
    const { event_id: eventId, batch_id: batchId, record_id: recordId, sequence } = event ?? {};
    if (typeof eventId !== 'string' || typeof batchId !== 'string') return undefined;
    const number = typeof sequence === 'number' ? sequence : 1;
    return { event_id: eventId, batch_id: batchId, sequence: number, ...(typeof recordId === 'string' ? { record_id: recordId } : {}) };
  } catch {
    return undefined;
  }
}

const exampleOf = ({ record_id: recordId, batch_id: batchId, event_id: eventId }: PublishedEvent): string =>
  recordId === undefined ? `event ${eventId} of batch ${batchId.slice(0, 12)}` : `one of record ${recordId}`;
