/**
 * The file that a ledger is moved in: a line of JSON that says what it is; chunks of items, a line of JSON each; at the end a
 * chunk with what was written, in count and money, and a MAC over all of it.
 */
import { closeSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { CommandError, exitCodes } from '../exit.ts';
import { syncDir } from './data-dir.ts';
import { LedgerKeyError } from './errors.ts';
import { isSameKey } from './ledger-key.ts';
import { decodeItem, encodeItem, type MovedItem } from './moved-items.ts';
import {
  closeChunk,
  createCounts,
  format,
  headFor,
  openChunk,
  sealingOf,
  tagBytes,
  version,
  type Head,
  type MovedSummary,
} from './sealed-chunks.ts';

const chunkBytes = 65_536;
/** One item may be larger than a chunk: the trail of a record. More than this is no file of ours. */
const chunkLimit = 256 * 1024 * 1024;
const headLimit = 4_096;

export interface SealedWriting {
  readonly path: string;
  readonly exportId: string;
  /** 32 random bytes, used for nothing else. */
  readonly salt: Buffer;
  readonly ledgerKey: Buffer;
  readonly items: Iterable<MovedItem> | AsyncIterable<MovedItem>;
  /** Called when all items are durable in the unfinished file; the file is completed after it. */
  readonly beforeEnd: () => Promise<void>;
}

/** @throws {CommandError} exit 1 when the file cannot be written; it is complete under its name, or not there */
export async function writeSealedFile(params: SealedWriting): Promise<MovedSummary> {
  const { path } = params;
  const part = `${path}.part`;
  let fd: number | undefined;
  try {
    rmSync(part, { force: true });
    fd = openSync(part, 'wx', 0o600);
    const summary = await writeInto(fd, params);
    closeSync(fd);
    fd = undefined;
    renameSync(part, path);
    syncDir(dirname(path));
    return summary;
  } catch (cause) {
    if (fd !== undefined) closeSync(fd);
    const { code, message } = cause as NodeJS.ErrnoException;
    if (cause instanceof CommandError || code === undefined || !/^E[A-Z]+$/.test(code)) throw cause;
    throw new CommandError(
      exitCodes.usage,
      `the export cannot be written to ${path}: ${message}. Correct this, or name another file, and run disburse ledger export again.`,
      { cause },
    );
  }
}

async function writeInto(fd: number, { exportId, salt, ledgerKey, items, beforeEnd }: SealedWriting): Promise<MovedSummary> {
  const { head, said } = headFor(exportId, salt, ledgerKey);
  const sealing = sealingOf(head, said, ledgerKey);
  const counts = createCounts(sealing);
  let [number, bytes] = [0, 0];
  let lines: string[] = [];
  const flush = (): void => {
    if (lines.length === 0) return;
    writeAll(fd, closeChunk(sealing, number, false, Buffer.from(lines.join('\n'))));
    number += 1;
    lines = [];
    bytes = 0;
  };
  writeAll(fd, head);
  for await (const item of items) {
    const line = encodeItem(item);
    counts.note(item, line);
    lines.push(line);
    bytes += line.length;
    if (bytes >= chunkBytes) flush();
  }
  flush();
  fsyncSync(fd);
  await beforeEnd();
  const trailer = counts.trailer();
  writeAll(fd, closeChunk(sealing, number, true, Buffer.from(JSON.stringify(trailer))));
  fsyncSync(fd);
  return { exportId, counts: trailer.counts, tallies: counts.tallies() };
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written);
}

const notWhole = (path: string): CommandError =>
  new CommandError(
    exitCodes.usage,
    `${path} is not a whole export of a ledger: it was cut or changed, or its export did not end. Nothing is imported. Copy the file again, or run disburse ledger export again where the ledger was.`,
  );

/** Written behind the last chunk of a file that was imported. */
const importedMark = 'imported ';

/**
 * Reads a file twice: `verify` to its end before anything is imported, then its items.
 *
 * @throws {CommandError} exit 1: no such file, no export of ours, not whole, or imported before
 * @throws LedgerKeyError for one that was sealed under another ledger key
 */
export function openSealedFile(path: string, ledgerKey: Buffer) {
  return {
    async verify(): Promise<MovedSummary> {
      const reading = readChunks(path, ledgerKey);
      for (;;) {
        const next = reading.next();
        if (next.done === true) return next.value;
      }
    },
    *items(): Generator<MovedItem, void> {
      yield* readChunks(path, ledgerKey);
    },
    /** So that no second ledger is made from it. */
    markImported(into: string, at: string): void {
      const fd = openSync(path, 'a');
      try {
        writeSync(fd, `\n${importedMark}${JSON.stringify({ into, at })}\n`);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    },
  };
}

function* readChunks(path: string, ledgerKey: Buffer): Generator<MovedItem, MovedSummary> {
  const fd = openForReading(path);
  try {
    const head = readHead(fd, path);
    const said = headOf(head, path);
    if (!isSameKey(said.key_check, ledgerKey))
      throw new LedgerKeyError(
        `${path} was exported under another ledger key. Bring the key file of the ledger that was exported, and give its path in LEDGER_KEY_FILE.`,
      );
    const sealing = sealingOf(head, said, ledgerKey);
    const counts = createCounts(sealing);
    let at = head.length;
    for (let number = 0; ; number += 1) {
      const sealed = readChunk(fd, at);
      if (sealed === undefined) throw notWhole(path);
      at += 4 + sealed.length;
      const content = openChunk(sealing, number, false, sealed);
      if (content === undefined)
        return endOf(path, { counts, exportId: said.export_id, rest: restOf(fd, at) }, openChunk(sealing, number, true, sealed));
      for (const line of content.toString().split('\n')) {
        const item = decodeItem(line);
        counts.note(item, line);
        yield item;
      }
    }
  } finally {
    closeSync(fd);
  }
}

interface ReadToEnd {
  readonly counts: ReturnType<typeof createCounts>;
  readonly exportId: string;
  /** What is behind the last chunk. */
  readonly rest: string;
}

function endOf(path: string, { counts, exportId, rest }: ReadToEnd, last: Buffer | undefined): MovedSummary {
  if (last === undefined) throw notWhole(path);
  const trailer = counts.trailer();
  if (last.toString() !== JSON.stringify(trailer)) throw notWhole(path);
  const [, mark] = /^\nimported (\{.*\})\n/.exec(rest) ?? [];
  if (mark !== undefined) {
    const { into, at } = JSON.parse(mark) as { readonly into: string; readonly at: string };
    throw new CommandError(
      exitCodes.usage,
      `${path} was imported already, into ${into} at ${at}: a second ledger would pay the same again. Nothing is imported. Pay from that ledger, or export it.`,
    );
  }
  if (rest !== '') throw notWhole(path);
  return { exportId, counts: trailer.counts, tallies: counts.tallies() };
}

function openForReading(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw new CommandError(exitCodes.usage, `${path} cannot be read: ${(cause as Error).message}. Nothing is imported.`, { cause });
  }
}

const noExport = (path: string): CommandError =>
  new CommandError(
    exitCodes.usage,
    `${path} is no export of a ledger. Name the file that disburse ledger export wrote; nothing is imported.`,
  );

function readHead(fd: number, path: string): Buffer {
  const bytes = Buffer.alloc(headLimit);
  let read: number;
  try {
    read = readSync(fd, bytes, 0, headLimit, 0);
  } catch (cause) {
    throw new CommandError(exitCodes.usage, `${path} cannot be read: ${(cause as Error).message}. Nothing is imported.`, { cause });
  }
  const end = bytes.subarray(0, read).indexOf(0x0a);
  if (end < 0) throw noExport(path);
  return bytes.subarray(0, end + 1);
}

function headOf(head: Buffer, path: string): Head {
  let said: Partial<Record<keyof Head, unknown>> | null;
  try {
    said = JSON.parse(head.toString()) as Partial<Record<keyof Head, unknown>> | null;
  } catch {
    throw noExport(path);
  }
  if (said?.format !== format || [said.export_id, said.salt, said.key_check].some((one) => typeof one !== 'string')) throw noExport(path);
  if (said.version !== version)
    throw new CommandError(
      exitCodes.usage,
      `${path} is an export of format version ${JSON.stringify(said.version)}; this disburse reads version ${version}. Import it with the version of disburse that wrote it.`,
    );
  return said as Head;
}

/** @returns undefined where no whole chunk is */
function readChunk(fd: number, at: number): Buffer | undefined {
  const length = Buffer.alloc(4);
  if (readSync(fd, length, 0, 4, at) < 4) return undefined;
  const bytes = length.readUInt32BE();
  if (bytes < tagBytes || bytes > chunkLimit) return undefined;
  const sealed = Buffer.alloc(bytes);
  for (let read = 0; read < bytes;) {
    const more = readSync(fd, sealed, read, bytes - read, at + 4 + read);
    if (more === 0) return undefined;
    read += more;
  }
  return sealed;
}

function restOf(fd: number, at: number): string {
  const bytes = Buffer.alloc(headLimit);
  return bytes.subarray(0, readSync(fd, bytes, 0, headLimit, at)).toString();
}
