/** What the ledger's thread and its owner say to each other. */
import * as errors from '../errors.ts';
import type { ExitCode } from '../../exit.ts';
import type { Steps, LedgerWriter } from './writer.ts';
import type { AdmissionText, ChangeText } from './thread-texts.ts';

/** A step of a group that is not one of the many: as its function and the argument. */
export interface OtherStep {
  readonly type: 'other';
  readonly name: Exclude<keyof Steps, 'admit' | 'advance'>;
  readonly argument: unknown;
}

export type StepMessage = ChangeText | AdmissionText | OtherStep;

/** @property at milliseconds in a shared buffer, for both clocks: tests move it. Without one the machine's clocks are taken */
export interface OpenMessage {
  readonly type: 'open';
  readonly file: string;
  readonly binding: errors.Binding;
  readonly ledgerKey: Uint8Array;
  readonly at: SharedArrayBuffer | undefined;
}

/** What is asked outside of groups. */
export type Question = Exclude<keyof LedgerWriter['reads'], symbol> | 'purgeDetails';

export type ToThread =
  | OpenMessage
  | { readonly type: 'group'; readonly steps: readonly StepMessage[] }
  | { readonly type: 'ask'; readonly number: number; readonly question: Question; readonly parameters: readonly unknown[] }
  | { readonly type: 'close' };

/** True: the change is written. A text: a verdict with its record. */
export type Answer = true | string | { readonly value: unknown } | { readonly error: ErrorMessage };

/** @property ahead what makes the ledger's time of monotonic time */
export type FromThread =
  | { readonly type: 'opened'; readonly ahead: number }
  | { readonly type: 'refused'; readonly error: ErrorMessage }
  | { readonly type: 'group'; readonly answers: readonly Answer[]; readonly ahead: number }
  | { readonly type: 'answer'; readonly number: number; readonly answer: Answer }
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'closed' };

/** An error as it goes between threads, where a structured clone would lose what it is. */
export interface ErrorMessage {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: ErrorMessage | undefined;
  /** Of errors of a ledger. */
  readonly ledger: { readonly code: string; readonly exitCode: ExitCode } | undefined;
}

export function errorMessage(error: unknown): ErrorMessage {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: undefined, cause: undefined, ledger: undefined };
  const { name, message, stack, cause } = error;
  const ledger = error instanceof errors.LedgerError ? { code: error.code, exitCode: error.exitCode } : undefined;
  return { name, message, stack, cause: cause === undefined ? undefined : errorMessage(cause), ledger };
}

const classes: Readonly<Record<string, { readonly prototype: object }>> = { ...errors, TypeError, RangeError };

export function readErrorMessage({ name, message, stack, cause, ledger }: ErrorMessage): Error {
  const error = new Error(message, cause === undefined ? undefined : { cause: readErrorMessage(cause) });
  const found = Object.hasOwn(classes, name) ? classes[name] : undefined;
  if (found !== undefined) Object.setPrototypeOf(error, found.prototype);
  Object.assign(error, ledger);
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true, enumerable: false });
  if (stack !== undefined) error.stack = stack;
  return error;
}
