/** Where results begin that the ledger has not noted yet, and whether the file is the one that it noted. */
import type { FileHandle } from 'node:fs/promises';
import { lastLineEnd } from './lines.ts';

export interface MarkFound {
  /** 0 when the file is not the one that was written before. */
  readonly start: number;
  /** What is odd about the file; undefined when it is as it was left. */
  readonly oddity: string | undefined;
}

/** The note when the results file was moved away whole, and results begin in an empty one. @param movedTo name of the file */
export const markAfterMove = (movedTo: string): string => `0 ${movedTo}`;

/**
 * @param mark the sink's last note in the ledger: the byte offset after the last group that was noted, and right after a move the
 *   name of the file that was moved away
 */
export async function findMark(handle: FileHandle, size: number, mark: string | null): Promise<MarkFound> {
  if (mark === null) return { start: 0, oddity: undefined };
  const noted = Number(/^(\d{1,15})(?: .+)?$/.exec(mark)?.[1]);
  if (Number.isNaN(noted)) return { start: 0, oddity: 'the note of how far it was written cannot be read' };
  if (noted > size) return { start: 0, oddity: `it has ${size} bytes, and ${noted} were written before` };
  if (noted === 0) return { start: 0, oddity: undefined };
  const last = Buffer.alloc(1);
  await handle.read(last, 0, 1, noted - 1);
  return last[0] === 0x0a ? { start: noted, oddity: undefined } : { start: 0, oddity: 'it is not the file that was written before' };
}

/** Where the line begins whose newline is right before `end`. */
export const lineStart = (handle: FileHandle, end: number): Promise<number> => lastLineEnd(handle, end - 1);
