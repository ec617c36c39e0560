/** The two forms of a change: with and without a result event. */
import { failureClass, type FailureCode } from '../gateway/failure-codes.ts';
import type { LedgerRecord, Reason } from './record.ts';
import type { BodyChange, Change } from './change.ts';
import { whyNotResend, type TransitionSettings } from './resend-rules.ts';
import { recordEvent } from './result-event.ts';
import { isFinal, isPublished, mayFollow, type RecordStatus } from './status.ts';

const dayMs = 86_400_000;
/** A body is kept this long after a final answer that a person may want to look into. */
const keepAfterRefusalMs = 7 * dayMs;

/** Changes what is not published. */
export const write = (record: LedgerRecord, patch: Partial<LedgerRecord>): Change => ({
  expected: record.version,
  after: { ...record, ...patch, version: record.version + 1 },
});

export interface Move {
  readonly patch: Partial<LedgerRecord> & { readonly status: RecordStatus };
  readonly at: number;
}

/**
 * Moves forward or stays; a status never moves backwards, but what was learnt beside it is kept. Publishes a new
 * status, and a changed reason of an open one.
 */
export function move(rules: TransitionSettings, record: LedgerRecord, { patch, at }: Move): Change {
  const isAllowed = patch.status === record.status || mayFollow[record.status].includes(patch.status);
  const status = isAllowed ? patch.status : record.status;
  const moved = { ...record, ...patch, status };
  const isNews = status !== record.status || (!isFinal[status] && moved.reason?.code !== record.reason?.code);
  const isTold = isNews && isPublished[status];
  const after: LedgerRecord = {
    ...moved,
    version: record.version + 1,
    sequence: record.sequence + (isTold ? 1 : 0),
    leaseOwner: null,
    leaseUntil: null,
  };
  const body = bodyAfter(after, at);
  return {
    expected: record.version,
    after,
    ...(isTold ? { event: recordEvent(rules.keys, { ...after, reason: reasonToTell(rules, after, at) }, at) } : {}),
    ...(body === undefined ? {} : { body }),
  };
}

function bodyAfter({ status, hasCardNumber, sends }: LedgerRecord, at: number): BodyChange | undefined {
  if (hasCardNumber || sends === 0) return undefined;
  if (status === 'succeeded') return { eraseAt: at };
  return status === 'failed' || status === 'cancelled' ? { eraseAt: at + keepAfterRefusalMs } : undefined;
}

/** An open send whose next resend may teach more, as far as its reason says. */
export function gathersEvidence({ status, sessionId, reason }: LedgerRecord): boolean {
  if (status !== 'unknown' || sessionId !== null) return false;
  const code = reason?.code ?? 'send_interrupted';
  return code === 'send_interrupted' || (Object.hasOwn(failureClass, code) && failureClass[code as FailureCode] === 'open');
}

/** The reason of a record as people read it: for an open send that is not resent, also why not. */
export function reasonToTell(rules: TransitionSettings, record: LedgerRecord, at: number): Reason | null {
  const { reason } = record;
  if (reason === null || record.dueAt !== null || record.alreadyReceived || !gathersEvidence(record)) return reason;
  const why = whyNotResend(rules, record, at) ?? 'its body is not stored, or the age of its key is not known';
  return { code: reason.code, description: `${reason.description} It is not resent: ${why}.` };
}
