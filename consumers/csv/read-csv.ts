/**
 * A payout file as a stream of rows: disk, unpacking, encoding, records, rows, one file a step. Memory does not grow
 * with the file, and every byte belongs to a row or to a reported problem.
 */
import type { LineProblem } from '../../batches/preflight/line-problem.ts';
import { checkDelimiter } from './delimiter.ts';
import { checkEncoding } from './encoding.ts';
import { openSource, type FileDigest, type SourceFile, type SourceOptions } from './file.ts';
import { findHeader } from './header.ts';
import { readCells } from './cells.ts';
import { createRowMaker, type CsvRow } from './rows.ts';
import { StructuralError, type SourceFacts } from './structural-error.ts';
import { judgeBlocks, type Judges } from './judge-blocks.ts';
import { createPlainReader } from './plain-rows.ts';
import type { TextBlock } from './records.ts';
import { openText, type TextFile } from './text.ts';

/**
 * @property encoding by name; without it a byte order mark decides, else it is UTF-8
 * @property delimiter one sign; detected from the file by default
 * @property expected what an earlier reading found: no row is handed out of a block that differs
 */
export interface CsvOptions extends SourceOptions {
  readonly encoding?: string;
  readonly delimiter?: string;
}

/** @property lines physical lines of the (unpacked) file */
export interface CsvEnding extends FileDigest {
  readonly lines: number;
  readonly warnings: readonly LineProblem[];
  readonly warningsTotal: number;
}

export interface CsvFile {
  /** As the file spells it. */
  readonly header: readonly string[];
  readonly headerLine: number;
  readonly delimiter: string;
  readonly encoding: string;
  /** Of a workbook: the name of the sheet that is read. */
  readonly sheet?: string;
  /** False for a pipe: there is no second reading. */
  readonly rereadable: boolean;
  /**
   * Can be iterated once; leaving it early closes the file. Throws `StructuralError`, `FileChangedError`, or the
   * signal's reason; what was handed out before is then worth nothing on a first reading.
   */
  readonly blocks: AsyncIterable<readonly CsvRow[]>;
  /** Instead of `blocks`: what is made of the rows of each block, in the order of the file; throws like `blocks`. */
  judged<T>(judges: Judges<T>): AsyncGenerator<T>;
  /** How much of the file on disk was read so far, packed or not. */
  bytesRead(): number;
  /** What is only known after the last block; throws before. */
  finished(): CsvEnding;
  close(): Promise<void>;
}

/** Opens the file and reads as far as its header. */
export async function readCsv(path: string, options: CsvOptions = {}): Promise<CsvFile> {
  const askedEncoding = options.encoding === undefined ? undefined : checkEncoding(options.encoding);
  const askedDelimiter = options.delimiter === undefined ? undefined : checkDelimiter(options.delimiter);
  const source = await openSource(path, options);
  const facts: { encoding?: string; delimiter?: string } = {};
  let text: TextFile | undefined;
  const close = async (): Promise<void> => {
    await text?.close();
    await source.close();
  };
  const failed = async (error: unknown): Promise<unknown> => {
    await text?.close();
    const told = error instanceof StructuralError && options.expected === undefined ? await withFacts(error, source, facts) : error;
    await source.close();
    return told;
  };

  try {
    const opened = await openText(source, path, askedEncoding);
    text = opened;
    facts.encoding = opened.encoding;
    const { header, headerLine, delimiter, first, blank } = await findHeader(opened, askedDelimiter);
    facts.delimiter = delimiter;
    const maker = createRowMaker(header, delimiter);
    if (blank !== undefined) maker.skipped(blank.from, blank.to);

    async function* guarded<T>(parts: AsyncGenerator<T>): AsyncGenerator<T> {
      try {
        yield* parts;
      } catch (error) {
        throw await failed(error);
      } finally {
        await close();
      }
    }
    const rowsOf = (block: TextBlock): readonly CsvRow[] => maker.take(readCells(block, delimiter, opened.byteLength));
    async function* blocks(): AsyncGenerator<readonly CsvRow[]> {
      const rest = maker.take(first, 1);
      if (rest.length > 0) yield rest;
      for await (const block of opened.blocks) {
        const rows = rowsOf(block);
        if (rows.length > 0) yield rows;
      }
    }
    async function* judged<T>(judges: Judges<T>): AsyncGenerator<T> {
      yield judges.here(maker.take(first, 1));
      const reader = { plain: createPlainReader(header, delimiter), rowsOf, passed: () => maker.passed() };
      yield* judgeBlocks(opened.blocks, reader, judges);
    }

    return {
      header,
      headerLine,
      delimiter,
      encoding: opened.encoding,
      rereadable: source.rereadable,
      blocks: guarded(blocks()),
      judged: (judges) => guarded(judged(judges)),
      bytesRead: () => source.bytesRead(),
      finished() {
        const digest = source.digest();
        if (digest === undefined) throw new Error('the file was not read to its end');
        return { ...digest, lines: opened.lines(), warnings: maker.warnings(), warningsTotal: maker.warningsTotal() };
      },
      close,
    };
  } catch (error) {
    throw await failed(error);
  }
}

/** A broken file is reported by its hash too, so the rest of it is read for that; a pipe may have no end. */
async function withFacts(error: StructuralError, source: SourceFile, facts: SourceFacts): Promise<StructuralError> {
  if (source.rereadable) {
    try {
      while ((await source.readBlock()) !== null);
    } catch {
      // The first fault is reported; that the file cannot be hashed either changes nothing.
    }
  }
  const digest = source.digest();
  return new StructuralError(error.problems, digest === undefined ? facts : { ...facts, sha256: digest.sha256, bytes: digest.bytes });
}
