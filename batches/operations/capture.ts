/** `disburse capture RECORD`: takes the money of a payment that waits for it, because a person asked for it. */
import { confirm, type FollowDeps } from '../pipeline/follow.ts';
import { readStatusCheck } from '../record/evidence.ts';
import type { LedgerRecord } from '../record/record.ts';
import { isFinal } from '../record/status.ts';

/**
 * - `captured`: the capture was sent; what the gateway made of it is in the record, or follows by its status checks
 * - `not_waiting`: the session does not wait for its capture, with equal amounts; why, as a sentence
 * - `unanswered`: the gateway did not show the session, or its results could not be published first; nothing was captured
 */
export type CaptureOutcome = { readonly record: LedgerRecord } & (
  { readonly type: 'captured' } | { readonly type: 'not_waiting' | 'unanswered'; readonly why: string }
);

/** By the rules of a confirmation: exactly one entry waits, every amount equals the ledger's, and the record has no other session. */
export async function captureRecord(
  deps: FollowDeps,
  record: LedgerRecord,
  { by, reason }: { readonly by: string; readonly reason: string },
): Promise<CaptureOutcome> {
  const notWaiting = (why: string): CaptureOutcome => ({ type: 'not_waiting', record, why });
  const { recordId, sessionId, status, kind } = record;
  if (kind !== 'payment') return notWaiting(`Record ${recordId} is a ${kind}; only payments are captured.`);
  if (isFinal[status]) return notWaiting(`Record ${recordId} has ended as ${status}.`);
  if (sessionId === null) return notWaiting(`Record ${recordId} is ${status}, and the gateway has not shown its session yet.`);
  await deps.followLimiter.acquire(deps.signal);
  const evidence = readStatusCheck(await deps.gateway.status(sessionId, deps.signal), record);
  if (evidence.type === 'none')
    return { type: 'unanswered', record, why: `The gateway does not show session ${sessionId}: ${evidence.reason.description}` };
  if (evidence.session.verdict.type !== 'awaiting_capture')
    return notWaiting(`Session ${sessionId} of record ${recordId} does not wait for its capture with the amount of the ledger.`);
  const after = await confirm(deps, record, { sessionId, what: 'capture', by: { name: by, reason } });
  if (after.confirmSession !== sessionId)
    return {
      type: 'unanswered',
      record: after,
      why: `The results of record ${recordId} could not be published before the capture. Try again.`,
    };
  return { type: 'captured', record: after };
}
