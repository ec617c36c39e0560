/** A file's bytes, unpacked where they are packed, become blocks of text. */
import { chooseEncoding } from './encoding.ts';
import { createDecoder, type Decoder } from './decoder.ts';
import type { SourceFile } from './file.ts';
import { fileTypeOfBytes, fileTypeOfText } from './file-type.ts';
import { gunzip, isGzip } from './gzip.ts';
import { createRecordCutter, type RecordCutter, type TextBlock } from './records.ts';
import { structural, type StructuralError } from './structural-error.ts';

/** Enough to know a zip's first members by name. */
const headBytes = 4096;
const sliceBytes = 64 * 1024;

export interface TextFile {
  readonly encoding: string;
  readonly blocks: AsyncGenerator<TextBlock>;
  /** How many bytes of the (unpacked) file a text was. */
  byteLength(text: string): number;
  /** Physical lines read so far; all of them at the end. */
  lines(): number;
  /** Nothing of the source is being read any more when it resolves. */
  close(): Promise<void>;
}

/**
 * @param path only looked at for its ending
 * @param asked the canonical name of the encoding that the user named
 */
export async function openText(source: SourceFile, path: string, asked: string | undefined): Promise<TextFile> {
  const bytes = unpack(source, path);
  try {
    return startText(bytes, await takeHead(bytes), asked);
  } catch (error) {
    await bytes.return(undefined);
    throw error;
  }
}

interface Head {
  readonly head: Buffer;
  readonly done: boolean;
}

function startText(bytes: AsyncGenerator<Buffer>, { head, done }: Head, asked: string | undefined): TextFile {
  refuseForeign(fileTypeOfBytes(head));
  const { encoding, markBytes } = chooseEncoding(head, asked);
  const decoder = createDecoder(encoding, markBytes);
  const cutter = createRecordCutter(markBytes, decoder.byteLength);
  let endsOpen = false;

  async function* blocks(): AsyncGenerator<TextBlock> {
    for await (const chunk of chain(head.subarray(markBytes), done ? undefined : bytes)) {
      for (let start = 0; start < chunk.length; start += sliceBytes) {
        yield* cut(decoder.decode(chunk.subarray(start, start + sliceBytes)), cutter);
      }
    }
    yield* cut(decoder.end(), cutter);
    const last = cutter.end();
    if (last === undefined) return;
    endsOpen = !last.text.endsWith('\n');
    yield last;
  }

  const { text: start } = createDecoder(encoding, markBytes).decode(head.subarray(markBytes, headBytes));
  refuseForeign(fileTypeOfText(start));
  return {
    encoding,
    blocks: blocks(),
    byteLength: decoder.byteLength,
    lines: () => cutter.line() - (endsOpen ? 0 : 1),
    async close() {
      await bytes.return(undefined);
    },
  };
}

/** What was read before an invalid byte is handed out first: a fault that comes before it is reported before it. */
function* cut({ text, fault }: ReturnType<Decoder['decode']>, cutter: RecordCutter): Generator<TextBlock> {
  const block = cutter.push(text);
  if (block !== undefined) yield block;
  if (fault !== undefined) throw structural(cutter.line(), 'encoding_invalid', `${fault.message} (byte ${fault.offset})`);
}

async function* unpack(source: SourceFile, path: string): AsyncGenerator<Buffer> {
  const first = await source.readBlock();
  if (first === null) return;
  if (isGzip(first)) {
    yield* gunzip(first, source);
    return;
  }
  if (/\.gz$/i.test(path)) throw fakeGzip(first);
  for (let block: Buffer | null = first; block !== null; block = await source.readBlock()) yield block;
}

const fakeGzip = (first: Buffer): StructuralError =>
  structural(
    1,
    'gzip_fake',
    `The name ends in .gz, but this is not gzip. ${fileTypeOfBytes(first) ?? 'If it is CSV that was never compressed, remove .gz from its name; otherwise fetch it again.'}`,
  );

async function takeHead(bytes: AsyncGenerator<Buffer>): Promise<Head> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < headBytes) {
    const next = await bytes.next();
    if (next.done === true) return { head, done: true };
    // Only a short block is copied; a long one is used up before the next is read.
    head = head.length === 0 && next.value.length >= headBytes ? next.value : Buffer.concat([head, next.value]);
  }
  return { head, done: false };
}

async function* chain(head: Buffer, rest: AsyncGenerator<Buffer> | undefined): AsyncGenerator<Buffer> {
  yield head;
  if (rest !== undefined) yield* rest;
}

function refuseForeign(sentence: string | undefined): void {
  if (sentence !== undefined) throw structural(1, 'not_csv', sentence);
}
