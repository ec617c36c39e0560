/** From an error to a sentence on stderr and an exit code. */
import { CommanderError } from 'commander';
import { editDistance } from '../../batches/fields/suggest-name.ts';
import { maskQuoted } from '../../batches/instruction/masks.ts';
import { secretNames, variableNames } from '../config/variables.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { printable } from '../terminal/format.ts';
import { columnsOf, wrapText } from '../terminal/width.ts';
import { flagOf } from './layers.ts';

const full =
  '(no space left on the disk, or a file size limit is reached). Nothing is lost: free some space and run the same command again.';

/** Failures of the environment, by their code, and what to do about them. */
const systemErrors: Readonly<Record<string, string>> = {
  file_changed: 'Nothing is lost.',
  ENOSPC: full,
  EDQUOT: full,
  EFBIG: full,
  EIO: '(the disk failed). Check it and run the same command again.',
  EACCES: '(permission denied). Correct the permissions and run the same command again.',
  EROFS: '(read-only file system). Make it writable and run the same command again.',
  EMFILE: '(too many open files). Raise the limit (ulimit -n) and run the same command again.',
};

/** Errors whose sentence is complete, by their name, so that a command that pays nothing does not load what pays. */
const completeErrors: Readonly<Record<string, ExitCode>> = {
  ResultsFileError: exitCodes.stopped,
  KafkaReadError: exitCodes.stopped,
  PublishError: exitCodes.stopped,
  MissingTopicError: exitCodes.usage,
};

const own = <Value>(table: Readonly<Record<string, Value>>, name: string | undefined): Value | undefined =>
  name !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;

/** Prints how a command ended, and returns its exit code. */
export function reportEnd(error: unknown): ExitCode {
  // Commander has printed its own sentence; help and version are no errors.
  if (error instanceof CommanderError) {
    if (error.code === 'commander.unknownOption') suggestVariableFlag();
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  if (error instanceof CommandError) return report(error.message, error.exitCode);
  if (!(error instanceof Error)) return unexpected(String(error));
  const complete = own(completeErrors, error.name);
  if (complete !== undefined) return report(error.message, complete);
  const advice = own(systemErrors, (error as NodeJS.ErrnoException).code);
  if (advice !== undefined) return report(`${error.message} ${advice}`, exitCodes.stopped);
  return unexpected(error.stack ?? error.message);
}

const mostMistakes = 2;

/** Commander suggests visible options only; the flags of variables are hidden in the help. */
function suggestVariableFlag(): void {
  const flags = variableNames.filter((name) => !secretNames.has(name)).map(flagOf);
  const given = process.argv.map((word) => /^--[a-z-]+/.exec(word)?.[0] ?? '').filter((word) => word !== '' && !flags.includes(word));
  const near = given.flatMap((word) => flags.filter((flag) => editDistance(word, flag) <= mostMistakes));
  if (near.length > 0) process.stderr.write(`(Did you mean ${near.join(' or ')}?)\n`);
}

function report(message: string, exitCode: ExitCode): ExitCode {
  process.stderr.write(`${wrapText(`disburse: ${message}`, columnsOf(process.stderr))}\n`);
  return exitCode;
}

const unexpected = (text: string): ExitCode =>
  report(`unexpected error, please report it: ${text.split('\n').map(printable).map(maskQuoted).join('\n')}`, exitCodes.stopped);
