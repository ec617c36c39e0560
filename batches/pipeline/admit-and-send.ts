/**
 * An event that may leave at once: admitted and its intent written in one step of the ledger, so that it waits for one
 * durable write less. Every other event takes the ordinary way: admission, then `dispatch`.
 *
 *   slot -> sign -> send queue -> admission and intent durable -> permit -> bytes -> response -> outcome durable
 */
import type { ValidInstruction } from '../instruction/instruction.ts';
import type { SharedLedger } from '../ports/ledger.ts';
import { readFirstSend } from '../record/evidence.ts';
import type { FirstIntent } from '../record/first-intent.ts';
import type { Admission, IntentVerdict, LedgerRecord, Verdict } from '../record/record.ts';
import type { Semaphore } from './bounded-window.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import type { PauseWatch } from './pause-watch.ts';
import { closedHold, dispatchSent, type DispatchDeps, type EndedSend } from './dispatch.ts';
import { serialise } from './request-body.ts';
import { sendNow } from './send.ts';
import type { SendQueue } from './send-queue.ts';
import { spanOf } from './spans.ts';

export type AdmitAndSendDeps = DispatchDeps & {
  readonly ledger: Pick<SharedLedger, 'admitWithIntent'>;
  readonly breaker: Pick<CircuitBreaker, 'openSince'>;
  readonly pauses: Pick<PauseWatch, 'limitsDay'>;
  readonly slot: Semaphore;
  readonly sendQueue: SendQueue;
};

/** `sent`: admitted and dispatched; the record with what the send met. */
export type SentVerdict = { readonly type: 'sent'; readonly record: LedgerRecord };

/** @param ordinary admits, and nothing else */
export type AdmitAndSend = (admission: Admission, ordinary: () => Promise<Verdict>) => Promise<Verdict | SentVerdict>;

/** A batch that is paused, or a gate that holds it, refuses every intent: for so long none is tried with an admission. */
const refusedForMs = 250;

/**
 * Signs only while events are new: one that starts, or that a partition was assigned to, reads what was admitted before, and
 * each signature would be in vain.
 */
export function createAdmitAndSend(deps: AdmitAndSendDeps): AdmitAndSend {
  const { clock } = deps;
  let areNew = false;
  let refusedAt = Number.NEGATIVE_INFINITY;
  const isRefusing = (): boolean => clock.now() >= refusedAt && clock.now() - refusedAt < refusedForMs;

  return async (admission, ordinary) => {
    const tried = areNew && !isRefusing() ? await tryNow(deps, admission) : null;
    if (tried !== null && 'sent' in tried) return { type: 'sent', record: await dispatchSent(deps, tried.sent, tried.bytes) };
    // Outside the slot: it may wait until the ledger has memory.
    const verdict = tried?.verdict ?? (await ordinary());
    if (tried !== null && verdict.type === 'admitted') refusedAt = clock.now();
    if (verdict.type === 'admitted') areNew = true;
    if (verdict.type === 'open' || (verdict.type === 'settled' && !verdict.fresh)) areNew = false;
    return verdict;
  };
}

/** Without a verdict nothing was written. */
type Tried = { readonly sent: EndedSend; readonly bytes: Uint8Array } | { readonly verdict: Verdict | null };

/** @returns null when the ledger was not asked */
async function tryNow(deps: AdmitAndSendDeps, admission: Admission): Promise<Tried | null> {
  const { content } = admission;
  if (content.type !== 'valid' || content.draft.hasCardNumber) return null;
  const { draft } = content;
  // A shard may send what it was granted of the limit, and only an intent by itself asks for that: the step would be refused.
  if (await deps.pauses.limitsDay(draft.currency)) return null;
  if (!deps.slot.isFree() || !mayLeave(deps, draft) || !deps.sendQueue.isFree()) return null;
  return deps.slot(async () => {
    const idempotencyKey = deps.settings.keys.idempotencyKey(draft.kind, draft.recordId, 1);
    const bytes = serialise(draft, { attempt: 1, idempotencyKey });
    const call = await deps.gateway.prepare({ kind: draft.kind, bytes, idempotencyKey });
    const place = mayLeave(deps, draft) ? deps.sendQueue.acquireNow() : null;
    if (place === null) return null;
    try {
      const { verdict, intent } = await admitWithIntent(deps, admission, { draft, bytes, idempotencyKey });
      // Otherwise more than the time of an intent would be taken for it.
      if (verdict?.type !== 'intended') return { verdict };
      place.intended();
      const { record } = verdict;
      const first = { read: readFirstSend, isFirst: true, timely: () => true };
      const evidence = await sendNow(deps, first, { call, place, intent: record, clocks: intent.clocks });
      return { bytes, sent: { type: 'ended', intent: record, evidence } };
    } finally {
      place.leave('permitted');
    }
  });
}

/** What `send` waits for, and what `dispatch` parks for. */
const mayLeave = (deps: AdmitAndSendDeps, draft: Pick<ValidInstruction, 'currency'>): boolean =>
  !deps.signal.aborted && deps.breaker.openSince() === null && deps.intents.isOpen() && closedHold(deps, draft) === null;

async function admitWithIntent(
  deps: AdmitAndSendDeps,
  admission: Admission,
  { draft, bytes, idempotencyKey }: { readonly draft: ValidInstruction } & Pick<FirstIntent, 'bytes' | 'idempotencyKey'>,
): Promise<{ readonly verdict: IntentVerdict | null; readonly intent: FirstIntent }> {
  const { owner, leaseMs, settings } = deps;
  const { keyLifetimeMs, idempotencyHeader, timeoutMs } = settings;
  const { recordId, kind } = draft;
  const span = deps.tracer.start('intent', spanOf({ occurrence: admission.occurrence, recordId, kind, attempt: 1 }));
  const intent: FirstIntent = {
    ...{ idempotencyKey, owner, leaseMs, bytes },
    at: deps.clock.now(),
    clocks: deps.machine(),
    terms: { keyLifetimeMs, idempotencyHeader, timeoutMs },
  };
  const verdict = await deps.ledger.admitWithIntent(admission, intent);
  span.end({ 'disburse.outcome': verdict?.type === 'intended' ? 'ours' : 'skipped' });
  return { verdict, intent };
}
