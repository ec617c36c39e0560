/** What the watcher of a drop folder offers and needs. */
import type { Clock } from '../../batches/ports/clock.ts';
import type { Random } from '../../batches/ports/random.ts';
import type { ArrivalSign } from '../../batches/pipeline/drop-folder/arrival-rules.ts';
import type { FolderAccess } from './access.ts';
import type { Destination } from './folders.ts';
import type { Sibling } from './names.ts';
import type { OnReturned } from './recently-ended.ts';

/** A file that is ours to handle. */
export interface DroppedFile {
  readonly name: string;
  /** In `processing/`, under its own name. */
  readonly path: string;
  /** Where something that belongs to it is to be written; it moves with the file. Of no use after `handle` has ended. */
  pathOf(sibling: Sibling): string;
  /** Writes a short text there: whole or not at all. */
  write(sibling: Sibling, content: string): Promise<void>;
  /**
   * Aborted when the watcher stops, when another instance took the file over because the heartbeat was late, and when the
   * file has changed since it was taken.
   */
  readonly signal: AbortSignal;
  /** Whether the file has changed since it was taken. It goes back to the drop folder then, whatever the verdict. */
  hasChanged(): Promise<boolean>;
  /** The text of its manifest; null when it came without one. */
  manifest(): Promise<string | null>;
  /** Whether another file of this name ended within the last hour. */
  hasNamesake(): Promise<boolean>;
}

/** `left`: not at its end. It stays in `processing/` and is handled again, by this instance or another. */
export type Verdict = Destination | 'left';

/**
 * @property dir the drop folder; it must exist, what is in it is made
 * @property owner id of this instance; with `host` and `pid` for people who look into a claim
 * @property clock must not be set back or forward: rests and pauses are measured by it
 * @property restMs how long size and time of a file must stay the same; six times as long without an end of its last line
 * @property sign `ready`: only files with a marker are taken; `manifest`: only files with a manifest
 * @property access who can read what is written
 * @property onReturned called for a file that changed after it had ended, and is back in the drop folder
 * @property answerOther the text for a file that is not taken because of its name
 * @property takeOverMs without a heartbeat for this long, a file passes to another instance
 * @property refreshMs between two heartbeats
 * @property concurrency files at once
 * @property signal stops it: no further file is taken, and what is being handled is waited for
 * @property handle a rejection leaves the file in `processing/`; it is tried again after a growing pause
 */
export interface DropFolderOptions {
  readonly dir: string;
  readonly owner: string;
  readonly host: string;
  readonly pid: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly onWarning: (message: string) => void;
  readonly handle: (file: DroppedFile) => Promise<Verdict>;
  readonly sign?: ArrivalSign;
  readonly access?: FolderAccess;
  readonly answerOther?: (name: string) => string;
  readonly onReturned?: OnReturned;
  readonly restMs?: number;
  readonly pollMs?: number;
  readonly takeOverMs?: number;
  readonly refreshMs?: number;
  readonly concurrency?: number;
}

/**
 * @property waiting payout files in the drop folder at the last look, those set aside included
 * @property processing handled by this instance now
 * @property setAside cannot be taken: no regular file, not readable, …
 * @property done @property refused @property returned ended by this instance since it started, or put back because they changed
 * @property others files at the last look that are no payout files by their name
 * @property problem why the folder cannot be worked in; null while it can
 */
export interface DropFolderState {
  readonly waiting: number;
  readonly processing: number;
  readonly setAside: number;
  readonly done: number;
  readonly refused: number;
  readonly returned: number;
  readonly others: number;
  readonly problem: string | null;
}

export interface DropFolder {
  /** Resolves when it has stopped; rejects when the folder cannot be used at the start, with words for people. */
  readonly running: Promise<void>;
  state(): DropFolderState;
}
