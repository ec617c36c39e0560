/** Judges the blocks of a file, some of them on another thread, and hands out what was found in the order of the file. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PlainText } from './plain-rows.ts';
import type { TextBlock } from './records.ts';
import type { CsvRow } from './rows.ts';

/**
 * @property here must depend on nothing but the rows
 * @property elsewhere undefined when no other thread is free; resolves with undefined for a block that is not plain
 */
export interface Judges<T> {
  readonly here: (rows: readonly CsvRow[]) => T;
  readonly elsewhere?: (block: PlainText) => Promise<T | undefined> | undefined;
}

/**
 * @property plain reads a block that says everything by itself; undefined for another
 * @property rowsOf reads any block, in the order of the file; throws `StructuralError`
 * @property passed called in that order for a block that `rowsOf` did not read
 */
export interface BlockReader {
  readonly plain: (block: PlainText) => readonly CsvRow[] | undefined;
  readonly rowsOf: (block: TextBlock) => readonly CsvRow[];
  readonly passed: () => void;
}

/** Blocks that wait for one before them: the bound on memory. */
const maxWaiting = 16;

interface Waiting<T> {
  readonly block: TextBlock;
  found: T | undefined;
  /** Undefined once it is known what was found. */
  pending: Promise<void> | undefined;
}

/** @throws StructuralError of the first block, in the order of the file, that has one; what `elsewhere` rejects with */
export async function* judgeBlocks<T>(blocks: AsyncGenerator<TextBlock>, reader: BlockReader, judges: Judges<T>): AsyncGenerator<T> {
  const waiting: Waiting<T>[] = [];
  const finish = ({ block, found }: Waiting<T>): T => {
    if (found === undefined) return judges.here(reader.rowsOf(block));
    reader.passed();
    return found;
  };
  async function* finished(most: number): AsyncGenerator<T> {
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      if (first.pending !== undefined && waiting.length <= most) return;
      await first.pending;
      waiting.shift();
      yield finish(first);
    }
  }
  for (;;) {
    const next = await takeNext(blocks);
    if (next.type !== 'block') {
      // A fault in an earlier block is reported before what ended the reading.
      yield* finished(0);
      if (next.type === 'failed') throw next.cause;
      return;
    }
    waiting.push(await judge(next.block, reader, judges));
    yield* finished(maxWaiting);
  }
}

type Next =
  { readonly type: 'block'; readonly block: TextBlock } | { readonly type: 'failed'; readonly cause: unknown } | { readonly type: 'end' };

async function takeNext(blocks: AsyncGenerator<TextBlock>): Promise<Next> {
  try {
    const taken = await blocks.next();
    return taken.done === true ? { type: 'end' } : { type: 'block', block: taken.value };
  } catch (cause) {
    return { type: 'failed', cause };
  }
}

/** A block for which nothing is found here is read in its turn. */
async function judge<T>(block: TextBlock, { plain }: BlockReader, { here, elsewhere }: Judges<T>): Promise<Waiting<T>> {
  const one: Waiting<T> = { block, found: undefined, pending: undefined };
  if (elsewhere === undefined || block.end !== 'whole') return one;
  const asked = elsewhere(block);
  if (asked === undefined) {
    const rows = plain(block);
    if (rows !== undefined) one.found = here(rows);
    // Answers of the other thread arrive between turns.
    await nextTurn();
    return one;
  }
  one.pending = asked.then((found) => {
    one.found = found;
    one.pending = undefined;
  });
  // It is awaited in its turn; until then a rejection has a handler.
  one.pending.catch(() => undefined);
  return one;
}
