/**
 * How statuses and kinds are written into the ledger. These numbers are on disk: never change one. What is open
 * is 1 to 4, which the index of open records relies on.
 */
import type { Kind } from '../../batches/instruction/instruction.ts';
import type { Status } from '../../batches/record/status.ts';

type Counted = Status | 'received';

export const statusCode: Readonly<Record<Counted, number>> = {
  received: 0,
  queued: 1,
  submitting: 2,
  in_progress: 3,
  unknown: 4,
  succeeded: 5,
  failed: 6,
  cancelled: 7,
  rejected: 8,
  conflict: 9,
  duplicate: 10,
};

const countedByCode = Object.fromEntries(Object.entries(statusCode).map(([status, code]) => [code, status])) as Readonly<
  Record<number, Counted>
>;

export function countedOf(code: number): Counted {
  const counted = countedByCode[code];
  if (counted === undefined) throw new RangeError(`the ledger holds an unknown status ${code}`);
  return counted;
}

export function statusOf(code: number): Status {
  const status = countedOf(code);
  if (status === 'received') throw new RangeError('the ledger holds a record without a status');
  return status;
}

export const kindCode: Readonly<Record<Kind, number>> = { payout: 0, payment: 1 };

export const kindOf = (code: number): Kind => (code === kindCode.payout ? 'payout' : 'payment');
