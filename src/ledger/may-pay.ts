/**
 * May this process pay from this ledger? The one place where that is decided: from facts that a profile gathers before
 * anything is sent or written. Every refusal says what to do.
 */
import {
  isSameBinding,
  LedgerBindingError,
  LedgerIncompleteError,
  LedgerKeyError,
  LedgerMissingError,
  LedgerMovedError,
  LedgerSchemaError,
  type Binding,
  type LedgerError,
  type LedgerName,
} from './errors.ts';
import type { LedgerFiles } from './data-dir.ts';
import { isSameKey } from './ledger-key.ts';

const restore = (dir: string): string =>
  `Restore the whole of ${dir} from its newest backup, or correct DATA_DIR; docs/operations.md, "Backup and restore", has the rest.`;

const logBeside = ({ ledgerFile, logBytes }: LedgerFiles): string =>
  logBytes === 0 ? '' : ` ${ledgerFile}-wal, which is beside it, may hold what was paid: keep it.`;

/**
 * Why no ledger can be opened where these files are; null when one can.
 *
 * @param mayCreate a missing ledger is created
 */
export function whyNotOpen(files: LedgerFiles, mayCreate: boolean): LedgerError | null {
  const { dir, ledgerFile, ledger, logBytes, resultsFile, resultsBytes, isNoFile } = files;
  if (isNoFile)
    return new LedgerIncompleteError(
      `${ledgerFile} is a folder or a device, and no plain file. ${restore(dir)} If it is in the wrong place, move it away.`,
    );
  if (ledger === 'empty')
    return new LedgerIncompleteError(
      `the ledger ${ledgerFile} is empty (0 bytes), as a copy that did not finish leaves it, and does not know what was paid before.${logBeside(files)} ${restore(dir)} Delete the empty file only if nothing was ever paid from there.`,
    );
  if (ledger === 'present') return null;
  if (resultsBytes > 0)
    return new LedgerIncompleteError(
      `there is no ledger in ${dir}, and ${resultsFile} holds results of one: a new ledger would send again what they report.${logBeside(files)} ${restore(dir)} If these results belong to a ledger that is used no more, move them away first.`,
    );
  if (logBytes > 0) return new LedgerIncompleteError(`there is no ledger in ${dir}.${logBeside(files)} ${restore(dir)}`);
  return mayCreate
    ? null
    : new LedgerMissingError(
        `there is no ledger in ${dir}, and a new ledger would not know what was paid before. If nothing was, allow one with --new-ledger; otherwise correct DATA_DIR.`,
      );
}

/** Why there is no ledger to read; null when there is one. */
export function whyNothingToRead(files: LedgerFiles): LedgerError | null {
  const { dir, ledger, logBytes, resultsBytes } = files;
  if (ledger === 'missing' && resultsBytes === 0 && logBytes === 0)
    return new LedgerMissingError(`there is no ledger in ${dir}: nothing has been paid from it. Check that DATA_DIR is correct.`);
  return whyNotOpen(files, true);
}

/** What an existing ledger says of itself. */
export interface LedgerFound {
  readonly name: LedgerName;
  readonly bound: Binding;
  readonly keyCheck: string;
}

export interface Payer {
  readonly binding: Binding;
  readonly ledgerKey: Buffer;
}

/** Why the ledger is not this process's: another gateway account, header or key. Null when it is. */
export function whyNotBound({ name, bound, keyCheck }: LedgerFound, { binding, ledgerKey }: Payer): LedgerError | null {
  if (!isSameBinding(bound, binding)) return new LedgerBindingError(name, bound, binding);
  if (isSameKey(keyCheck, ledgerKey)) return null;
  return new LedgerKeyError(
    `${name.text} was created with another ledger key. Restore the right one, or give its path in LEDGER_KEY_FILE; the key of a ledger never changes.`,
  );
}

/**
 * How far a ledger is that was or is being moved; `live` for every other one.
 *
 * @property to the file of the export
 * @property at milliseconds since the epoch
 */
export type LedgerState =
  | { readonly state: 'live' }
  | { readonly state: 'importing' }
  | { readonly state: 'moved'; readonly exportId: string; readonly to: string; readonly at: number };

/** Where and when it was moved, as a clause for people. */
export const movedText = ({ text }: LedgerName, { to, at }: { readonly to: string; readonly at: number }): string =>
  `${text} was moved by an export to ${to} at ${new Date(at).toISOString()}`;

/** Why nothing is paid from a ledger that was moved or is not all there; null when that is not so. */
export function whyNotLive(name: LedgerName, found: LedgerState): LedgerError | null {
  if (found.state === 'importing')
    return new LedgerIncompleteError(
      `${name.text} is not complete: its import did not end. Run disburse ledger import again with the same file; nothing is paid from it before.`,
    );
  if (found.state !== 'moved') return null;
  return new LedgerMovedError(
    `${movedText(name, found)}, and is never paid from again: the ledger that is imported from that file pays. Point DATA_DIR or REDIS_URL and REDIS_PREFIX at that one. If the file is lost and was not imported, disburse ledger export writes it again.`,
  );
}

/** @param known the schema versions that this program reads, the oldest and the newest */
export function whyNotRead(name: LedgerName, schema: string, [oldest, newest]: readonly [number, number]): LedgerError | null {
  const version = Number(schema);
  if (Number.isInteger(version) && version >= oldest && version <= newest) return null;
  return new LedgerSchemaError(
    `${name.text} has schema version ${schema}; this disburse supports version ${newest}. ${version > newest ? 'It was written by a newer disburse: use that version.' : 'It is too old to be read: use the version of disburse that wrote it.'}`,
  );
}

/** Published results that a ledger does not know. */
export interface UnknownResults {
  readonly resultsFile: string;
  readonly count: number;
  /** One of them, for people: record or place, and when it was. */
  readonly example: string;
}

/** A decision is in the ledger before its result is published, so such results are those of a newer or of another ledger. */
export const unknownResultsText = ({ text }: LedgerName, { resultsFile, count, example }: UnknownResults): string =>
  `${text} is older than its results, or they are those of another ledger: ${resultsFile} holds ${count} that it does not know, such as ${example}`;

/** Why the ledger is not the newest; null when nothing shows it. */
export const whyNotNewest = (name: LedgerName, dir: string, unknown: UnknownResults | null): LedgerError | null =>
  unknown === null
    ? null
    : new LedgerIncompleteError(
        `${unknownResultsText(name, unknown)}. It would send again what was sent since. ${restore(dir)} If no newer ledger is left, find out first what was paid since, then move the results away.`,
      );
