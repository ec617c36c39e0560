/** The expected failures of a ledger. Each message states what happened, where, and what to do. */
import { isSameHeader } from '../../batches/record/resend-rules.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';

export type LedgerErrorCode =
  | 'ledger_binding'
  | 'ledger_closed'
  | 'ledger_held'
  | 'ledger_incomplete'
  | 'ledger_key'
  | 'ledger_missing'
  | 'ledger_moved'
  | 'ledger_overloaded'
  | 'ledger_read'
  | 'ledger_schema'
  | 'ledger_write';

export abstract class LedgerError extends CommandError {
  abstract readonly code: LedgerErrorCode;
  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(exitCode, message, options);
    this.name = new.target.name;
  }
}

/** Which gateway account a ledger pays from; a record id is unique only there. */
export interface Binding {
  /** The gateway's origin: scheme, host, port. */
  readonly gateway: string;
  readonly project: string;
  readonly submerchant?: string;
  /** The header that carries the idempotency key: under another one the gateway does not recognise a key. */
  readonly idempotencyHeader: string;
}

export const bindingText = ({ gateway, project, submerchant, idempotencyHeader }: Binding): string =>
  `gateway ${gateway}, project ${project}, ${submerchant === undefined ? 'no submerchant' : `submerchant ${submerchant}`}, idempotency header ${idempotencyHeader}`;

export const isSameBinding = (one: Binding, other: Binding): boolean =>
  one.gateway === other.gateway &&
  one.project === other.project &&
  one.submerchant === other.submerchant &&
  isSameHeader(one.idempotencyHeader, other.idempotencyHeader);

/** How messages name a ledger. */
export interface LedgerName {
  /** Such as `the ledger in /var/lib/disburse`. */
  readonly text: string;
  /** The setting by which another ledger is used. */
  readonly setting: 'DATA_DIR' | 'REDIS_PREFIX';
}

/** The ledger belongs to another gateway, project or submerchant, or sends its keys in another header. */
export class LedgerBindingError extends LedgerError {
  readonly code = 'ledger_binding';
  constructor({ text, setting }: LedgerName, bound: Binding, asked: Binding) {
    super(
      exitCodes.usage,
      `${text} belongs to ${bindingText(bound)}; the configuration names ${bindingText(asked)}. Use another ${setting} for the latter, or correct the configuration.`,
    );
  }
}

/** What is there is no whole ledger, or not the newest one: to pay from it could pay twice. */
export class LedgerIncompleteError extends LedgerError {
  readonly code = 'ledger_incomplete';
  constructor(message: string, options?: ErrorOptions) {
    super(exitCodes.usage, message, options);
  }
}

/** The ledger key is missing, unreadable, or not the one that the ledger was created with. */
export class LedgerKeyError extends LedgerError {
  readonly code = 'ledger_key';
  constructor(message: string, options?: ErrorOptions) {
    super(exitCodes.usage, message, options);
  }
}

/** There is no ledger, and none may be created. */
export class LedgerMissingError extends LedgerError {
  readonly code = 'ledger_missing';
  constructor(message: string) {
    super(exitCodes.usage, message);
  }
}

/** An export has taken the ledger elsewhere. */
export class LedgerMovedError extends LedgerError {
  readonly code = 'ledger_moved';
  constructor(message: string) {
    super(exitCodes.usage, message);
  }
}

/** The ledger was written by another version of disburse. */
export class LedgerSchemaError extends LedgerError {
  readonly code = 'ledger_schema';
  constructor(message: string) {
    super(exitCodes.usage, message);
  }
}

/** The process that dispatches from a ledger now. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** RFC 3339. */
  readonly since: string;
}

/** Another process dispatches from this ledger. */
export class LedgerHeldError extends LedgerError {
  readonly code = 'ledger_held';
  /** Undefined while the holder has not written its name yet. */
  readonly holder: Holder | undefined;
  constructor(dir: string, holder: Holder | undefined) {
    const name = holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host}, since ${holder.since}`;
    super(
      exitCodes.stopped,
      `the ledger in ${dir} is held by ${name}. Only one process may pay from it: wait until that one ends, or stop it, then run again.`,
    );
    this.holder = holder;
  }
}

/** A write failed: nothing of that call is promised, and nothing more is written before the ledger is opened again. */
export class LedgerWriteError extends LedgerError {
  readonly code = 'ledger_write';
  constructor(message: string, options?: ErrorOptions) {
    super(exitCodes.stopped, message, options);
  }
}

export class LedgerReadError extends LedgerError {
  readonly code = 'ledger_read';
  constructor(message: string, options?: ErrorOptions) {
    super(exitCodes.stopped, message, options);
  }
}

export class LedgerClosedError extends LedgerError {
  readonly code = 'ledger_closed';
  constructor() {
    super(exitCodes.stopped, 'the ledger is already closed.');
  }
}

/** More calls wait than the ledger accepts: a caller without a bound of its own. */
export class LedgerOverloadedError extends LedgerError {
  readonly code = 'ledger_overloaded';
  constructor(waiting: number) {
    super(
      exitCodes.stopped,
      `${waiting} calls are waiting for the ledger, which is the limit. The disk may be too slow; run again with a lower DISPATCH_CONCURRENCY.`,
    );
  }
}
