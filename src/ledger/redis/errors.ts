/** The foreseen ends that only a ledger in Redis has. Each message is for people: what happened, where, and what to do. */
import { CommandError, exitCodes, type ExitCode } from '../../exit.ts';
import type { Binding } from '../errors.ts';

type RedisLedgerErrorCode = 'ledger_behind' | 'ledger_binding' | 'ledger_totals' | 'ledger_unsafe';

abstract class RedisLedgerError extends CommandError {
  abstract readonly code: RedisLedgerErrorCode;
  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(exitCode, message, options);
    this.name = new.target.name;
  }
}

/** Where a ledger lies, for people. */
export interface LedgerPlace {
  /** Without a password. */
  readonly address: string;
  readonly prefix: string;
}

export const placeText = ({ address, prefix }: LedgerPlace): string => `the ledger in Redis at ${address} (prefix ${prefix})`;

/** Redis does not hold all that was decided: emptied, restored from an older copy, or failed over. */
export class LedgerDataLossError extends RedisLedgerError {
  readonly code = 'ledger_behind';
  constructor(place: LedgerPlace, what: string) {
    super(exitCodes.stopped, `${placeText(place)} ${what}. Nothing is paid until \`disburse rebuild\` has run.`);
  }
}

const bindingText = ({ gateway, project, submerchant }: Binding): string =>
  `gateway ${gateway}, project ${project}, ${submerchant === undefined ? 'no submerchant' : `submerchant ${submerchant}`}`;

/** The ledger belongs to another gateway, project or submerchant. */
export class RedisLedgerBindingError extends RedisLedgerError {
  readonly code = 'ledger_binding';
  constructor(place: LedgerPlace, bound: Binding, asked: Binding) {
    super(
      exitCodes.usage,
      `${placeText(place)} belongs to ${bindingText(bound)}, and the configuration says ${bindingText(asked)}. Use another REDIS_PREFIX for the latter, or correct the configuration.`,
    );
  }
}

/** Redis is set up so that it may forget what it acknowledged. */
export class UnsafeRedisError extends RedisLedgerError {
  readonly code = 'ledger_unsafe';
  constructor(message: string) {
    super(exitCodes.usage, message);
  }
}

/** An instruction's amount would take a total past what Redis can count exactly: it alone ends, nothing of it is written. */
export class LedgerTotalsError extends RedisLedgerError {
  readonly code = 'ledger_totals';
  constructor(place: LedgerPlace, batchId: string, currency: string) {
    super(
      exitCodes.stopped,
      `${placeText(place)} cannot count ${currency} of batch ${batchId} any further: a total would pass 2^63 - 1 minor units. Nothing of this instruction was written; put it into another batch.`,
    );
  }
}
