/** The expected failures that only a ledger in Redis has. Each message states what happened, where, and what to do. */
import { CommandError, exitCodes, type ExitCode } from '../../exit.ts';
import { LedgerWriteError, type LedgerName } from '../errors.ts';

type RedisLedgerErrorCode = 'ledger_behind' | 'ledger_totals' | 'ledger_unsafe';

abstract class RedisLedgerError extends CommandError {
  abstract readonly code: RedisLedgerErrorCode;
  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(exitCode, message, options);
    this.name = new.target.name;
  }
}

/** Where a ledger is, for messages. */
export interface LedgerPlace {
  /** Without a password. */
  readonly address: string;
  readonly prefix: string;
}

export const placeText = ({ address, prefix }: LedgerPlace): string => `the ledger in Redis at ${address} (prefix ${prefix})`;

export const nameOf = (place: LedgerPlace): LedgerName => ({ text: placeText(place), setting: 'REDIS_PREFIX' });

/** Redis does not hold all that was decided: emptied, restored from an older copy, or failed over. */
export class LedgerDataLossError extends RedisLedgerError {
  readonly code = 'ledger_behind';
  /**
   * @param certainty `otherPrefix`: where the ledger is, so that a rebuild here would make a second one; `unsure`: it may be elsewhere
   */
  constructor(place: LedgerPlace, what: string, certainty: 'this' | 'unsure' | { readonly otherPrefix: string } = 'this') {
    const next =
      typeof certainty === 'object'
        ? `That ledger is under the prefix ${certainty.otherPrefix}: set REDIS_PREFIX=${certainty.otherPrefix}. Nothing is lost.`
        : certainty === 'this'
          ? 'Nothing is paid until `disburse rebuild` has run.'
          : 'Compare REDIS_URL and REDIS_PREFIX with those that were used, and correct them. Only if they are the same has Redis lost data; then `disburse rebuild` restores it.';
    super(exitCodes.stopped, `${placeText(place)} ${what}. ${next}`);
  }
}

/** Redis is configured so that it may forget what it acknowledged. */
export class UnsafeRedisError extends RedisLedgerError {
  readonly code = 'ledger_unsafe';
  constructor(message: string) {
    super(exitCodes.usage, message);
  }
}

/** Rebuild: the amount of a restored record would take a total past what Redis counts exactly. Nothing of it is written. */
export class LedgerTotalsError extends RedisLedgerError {
  readonly code = 'ledger_totals';
  constructor(place: LedgerPlace, batchId: string, currency: string) {
    super(
      exitCodes.stopped,
      `${placeText(place)} cannot add to the ${currency} total of batch ${batchId}: it would exceed 2^63 - 1 minor units. This record was not written.`,
    );
  }
}

/** Redis refused a call for a reason that does not pass by itself. */
export const refusedCall = (place: LedgerPlace, cause: Error): LedgerWriteError =>
  new LedgerWriteError(`${placeText(place)} refused a write (${cause.message}). ${advice(cause.message)}`, { cause });

function advice(message: string): string {
  if (message.startsWith('NOPERM')) return 'Its user needs permission for all commands on the keys of the prefix: grant it and run again.';
  if (message.startsWith('NOAUTH') || message.startsWith('WRONGPASS')) return 'Correct user and password in REDIS_URL and run again.';
  return 'Acknowledged writes are kept: correct the cause in Redis and run again.';
}
