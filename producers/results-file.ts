/**
 * Results of the stand-alone profile: lines of JSON, appended and synced in groups. Nothing is reported as published
 * before it is on disk, and a group that could not be written whole is taken back.
 */
import { constants } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { OutboxEntry, ResultSink } from '../batches/ports/result-sink.ts';
import { readLines } from './lines.ts';
import { findMark } from './results-mark.ts';

export type ResultsFileFault = 'disk_full' | 'file_limit' | 'not_a_file' | 'not_permitted' | 'write_failed';

/** The results could not be written; nothing of the group counts as published. */
export class ResultsFileError extends Error {
  override readonly name = 'ResultsFileError';
  readonly code: ResultsFileFault;

  constructor(code: ResultsFileFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const faults: Readonly<Record<string, readonly [ResultsFileFault, string]>> = {
  ENOSPC: ['disk_full', 'the disk is full. Free some space and run again'],
  EDQUOT: ['disk_full', 'the disk quota is used up. Free some space and run again'],
  EFBIG: ['file_limit', 'the file has reached the size limit of this process or file system. Move it away and run again'],
  EISDIR: ['not_a_file', 'there is a folder of that name'],
  EACCES: ['not_permitted', 'permission is denied'],
  EPERM: ['not_permitted', 'permission is denied'],
  EROFS: ['not_permitted', 'the file system is read-only'],
};

/** What the lines of a file are. */
export type LineFileContent = 'results' | 'alerts';

/** The error of a file system call, told as what it means for the results. */
export function resultsFileError(path: string, cause: unknown, what: LineFileContent = 'results'): ResultsFileError {
  const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const [code, sentence] = faults[errno] ?? ['write_failed', cause instanceof Error ? cause.message : String(cause)];
  return new ResultsFileError(code, `The ${what} cannot be written to ${path}: ${sentence}.`, { cause });
}

/**
 * How many event ids are remembered, newest first. Far above what one process can have written without noting it;
 * beyond it an event might stand twice in the file, under the same event id.
 */
const maxKnownIds = 32_768;

/**
 * @property mark the sink's last note in the ledger: the byte offset after the last group that was noted
 * @property onWarning told when the file is not the one that was written before; results go on at its end
 * @property what for messages; results by default
 */
export interface ResultsFileOptions {
  readonly path: string;
  readonly mark: string | null;
  readonly onWarning?: (message: string) => void;
  readonly what?: LineFileContent;
}

export interface ResultsFileSink extends ResultSink {
  /** Whether it is among the newest events of the file. */
  has(eventId: string): boolean;
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly inode: number;
  readonly created: boolean;
}

async function openForAppend(path: string, what: LineFileContent): Promise<OpenFile> {
  const existed = await stat(path).then(
    (found) => {
      if (!found.isFile()) throw new ResultsFileError('not_a_file', `The ${what} cannot be written to ${path}: it is not a plain file.`);
      return true;
    },
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return false;
      throw cause;
    },
  );
  const handle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o600);
  if (!existed) await syncFolder(dirname(path));
  return { handle, inode: (await handle.stat()).ino, created: !existed };
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function eventIdOf(line: string): string | undefined {
  try {
    const event = JSON.parse(line) as { readonly event_id?: unknown } | null;
    return typeof event?.event_id === 'string' ? event.event_id : undefined;
  } catch {
    return undefined;
  }
}

/** A newline inside JSON is only ever a blank between its parts. */
const asLine = (json: string): string => {
  const text = json.trimEnd();
  return `${text.includes('\n') || text.includes('\r') ? text.replaceAll(/[\r\n]+/g, ' ') : text}\n`;
};

interface ResultsFile {
  readonly path: string;
  readonly what: LineFileContent;
  readonly onWarning: (message: string) => void;
  /** Ids of the newest events in it. */
  readonly known: Set<string>;
  file: OpenFile;
  /** The offset after the last group that is whole and on disk. */
  good: number;
  /** A group was written in part and could not be taken back yet. */
  torn: boolean;
  closed: boolean;
}

function remember({ known }: ResultsFile, eventId: string): void {
  known.add(eventId);
  if (known.size > maxKnownIds) for (const oldest of known) return void known.delete(oldest);
}

/**
 * Opens the file and learns what a former process wrote without noting it; a last line that it wrote by half is cut
 * off. The file is made with mode 0600.
 *
 * @throws ResultsFileError
 */
export async function openResultsFile(options: ResultsFileOptions): Promise<ResultsFileSink> {
  const { path, mark, onWarning = () => undefined, what = 'results' } = options;
  const results = await openFile({ path, onWarning, what });
  try {
    await readTail(results, mark);
  } catch (cause) {
    await results.file.handle.close();
    throw failed(results, cause);
  }
  /** Groups are written one after the other, in the order of the calls. */
  let last: Promise<unknown> = Promise.resolve();
  return {
    has: (eventId) => results.known.has(eventId),
    publish(entries) {
      const next = last.then(() => append(results, entries));
      last = next.catch(() => undefined);
      return next;
    },
    async close() {
      await last;
      if (results.closed) return;
      results.closed = true;
      await results.file.handle.close();
    },
  };
}

const failed = ({ path, what }: Pick<ResultsFile, 'path' | 'what'>, cause: unknown): Error =>
  cause instanceof ResultsFileError ? cause : resultsFileError(path, cause, what);

async function openFile(params: Pick<ResultsFile, 'path' | 'onWarning' | 'what'>): Promise<ResultsFile> {
  try {
    return { ...params, known: new Set(), file: await openForAppend(params.path, params.what), good: 0, torn: false, closed: false };
  } catch (cause) {
    throw failed(params, cause);
  }
}

async function readTail(results: ResultsFile, mark: string | null): Promise<void> {
  const { path, onWarning, file, what } = results;
  const { size } = await file.handle.stat();
  const { start, oddity } = await findMark(file.handle, size, mark);
  if (oddity !== undefined)
    onWarning(file.created ? `${path} was missing; ${what} continue in a new file.` : `${path}: ${oddity}; ${what} continue at its end.`);
  results.good = start;
  for await (const line of readLines(file.handle, start)) {
    results.good = line.end;
    const eventId = line.text === undefined ? undefined : eventIdOf(line.text);
    if (eventId !== undefined) remember(results, eventId);
  }
  if (size > results.good) await file.handle.truncate(results.good);
  // The former process may have died before its sync: what now counts as written must be on disk.
  await file.handle.sync();
}

/**
 * Continues in the file that has the name now, whatever was done to it meanwhile.
 *
 * @returns whether it may end in half a line of another program, which the next event must not be glued to
 */
async function checkFile(results: ResultsFile): Promise<boolean> {
  const { path, file, good, torn, onWarning, what } = results;
  const found = await stat(path).catch(() => undefined);
  let isForeign = false;
  if (found?.ino === file.inode) {
    if (torn) await file.handle.truncate(good);
    else if (found.size !== good) {
      isForeign = true;
      onWarning(`${path}: another program changed its length from ${good} to ${found.size} bytes; ${what} continue at its end.`);
    }
    if (!torn) results.good = found.size;
  } else {
    isForeign = true;
    onWarning(`${path} was moved or replaced; ${what} continue in the file of that name.`);
    const next = await openForAppend(path, what);
    await file.handle.close();
    results.file = next;
    results.good = (await next.handle.stat()).size;
  }
  results.torn = false;
  return isForeign;
}

async function endsInNewline({ handle }: OpenFile, size: number): Promise<boolean> {
  const last = Buffer.alloc(1);
  await handle.read(last, 0, 1, size - 1);
  return last[0] === 0x0a;
}

async function append(results: ResultsFile, entries: readonly OutboxEntry[]): Promise<{ mark: string }> {
  const { path, known, what } = results;
  if (results.closed) throw new ResultsFileError('write_failed', `The ${what} cannot be written to ${path}: it is closed.`);
  const fresh = entries.filter((entry) => !known.has(entry.eventId));
  if (fresh.length === 0) return { mark: String(results.good) };
  try {
    const isForeign = await checkFile(results);
    const { handle } = results.file;
    const isHalfLine = isForeign && results.good > 0 && !(await endsInNewline(results.file, results.good));
    const bytes = Buffer.from(`${isHalfLine ? '\n' : ''}${fresh.map((entry) => asLine(entry.json)).join('')}`, 'utf8');
    results.torn = true;
    for (let written = 0; written < bytes.length;) written += (await handle.write(bytes, written)).bytesWritten;
    await handle.datasync();
    results.torn = false;
    results.good += bytes.length;
  } catch (cause) {
    if (results.torn) {
      results.torn = await results.file.handle.truncate(results.good).then(
        () => false,
        () => true,
      );
    }
    throw failed(results, cause);
  }
  for (const entry of fresh) remember(results, entry.eventId);
  return { mark: String(results.good) };
}
