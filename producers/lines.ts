/** Whole lines of a file that may be growing, in bounded memory. */
import type { FileHandle } from 'node:fs/promises';

/** Result events are far below; what is longer is no line of ours. */
const maxLineBytes = 1_048_576;
const chunkBytes = 65_536;
const newline = 0x0a;

/**
 * @property text without its newline; undefined when the line is longer than a line may be
 * @property end the offset after its newline
 */
export interface Line {
  readonly text: string | undefined;
  readonly end: number;
}

/** Reads from `start`, which must be the beginning of a line, to the last newline; what follows that is left alone. */
export async function* readLines(handle: FileHandle, start: number): AsyncGenerator<Line, void, undefined> {
  const chunk = Buffer.allocUnsafe(chunkBytes);
  let position = start;
  let parts: Buffer[] = [];
  let partBytes = 0;
  for (;;) {
    const { bytesRead } = await handle.read(chunk, 0, chunkBytes, position);
    if (bytesRead === 0) return;
    let from = 0;
    for (let to = chunk.indexOf(newline); to >= 0 && to < bytesRead; to = chunk.indexOf(newline, from)) {
      const tooLong = partBytes + to - from > maxLineBytes;
      const text = tooLong ? undefined : Buffer.concat([...parts, chunk.subarray(from, to)]).toString('utf8');
      parts = [];
      partBytes = 0;
      from = to + 1;
      yield { text, end: position + from };
    }
    partBytes += bytesRead - from;
    // A copy, for the chunk is used again; nothing is kept of a line that is too long already.
    if (partBytes <= maxLineBytes) parts.push(Buffer.from(chunk.subarray(from, bytesRead)));
    else parts = [];
    position += bytesRead;
  }
}

/** The offset after the last newline at or before `size`; 0 when there is none. */
export async function lastLineEnd(handle: FileHandle, size: number): Promise<number> {
  const chunk = Buffer.allocUnsafe(chunkBytes);
  for (let end = size; end > 0;) {
    const start = Math.max(end - chunkBytes, 0);
    const { bytesRead } = await handle.read(chunk, 0, end - start, start);
    const found = chunk.subarray(0, bytesRead).lastIndexOf(newline);
    if (found >= 0) return start + found + 1;
    end = start;
  }
  return 0;
}
