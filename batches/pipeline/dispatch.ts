/**
 * A queued record to the gateway: what is durable before what.
 *
 *   send queue -> intent durable -> sign -> slot -> permit -> bytes -> response -> outcome durable
 *
 * Whether a record may be sent now is decided here and in `resend.ts`, and nowhere else.
 */
import { isSameOccurrence } from '../instruction/instruction.ts';
import type { Clock } from '../ports/clock.ts';
import { retryPauseMs } from '../record/backoff.ts';
import { readResponse, type Evidence } from '../record/evidence.ts';
import type { LedgerRecord } from '../record/record.ts';
import { applyEvidence } from '../record/transitions.ts';
import { advance } from './advance.ts';
import { alertMismatch, enterSendQueue, send, writeIntent, type Alerts, type SendDeps } from './send.ts';

export type DispatchDeps = SendDeps & Alerts & { readonly clock: Clock };

/** Sends a queued record for the first time, as often as it is proven that nothing arrived. */
export async function dispatch(deps: DispatchDeps, queued: LedgerRecord, bytes: Uint8Array): Promise<LedgerRecord> {
  let record = queued;
  // The record id may have been reused by another instruction meanwhile.
  const isStillOurs = (current: LedgerRecord): boolean =>
    current.status === 'queued' && isSameOccurrence(current.occurrence, queued.occurrence);
  for (let tries = 1; ; tries += 1) {
    if (deps.signal.aborted || record.status !== 'queued') return record;
    const leave = await enterSendQueue(deps);
    if (leave === null) return record;
    let evidence: Evidence;
    try {
      const intent = await writeIntent(deps, record, bytes, isStillOurs);
      record = intent.record;
      if (!intent.ours) return record;
      evidence = await send(deps, { record, bytes, leave, read: readResponse, timely: () => true });
    } finally {
      leave();
    }
    record = await applyToIntent(deps, record, evidence);
    alertMismatch(deps, record, evidence);
    if (evidence.type !== 'not_sent' || evidence.stop || record.status !== 'queued') return record;

    const pause = Math.max(retryPauseMs(tries, deps.settings.random), evidence.retryAfterMs ?? 0);
    await deps.clock.sleep(pause, deps.signal).catch(() => undefined);
  }
}

/** That nothing was sent is proven of this intent only: another process's, made since, may be in flight. */
const applyToIntent = (deps: DispatchDeps, intent: LedgerRecord, evidence: Evidence): Promise<LedgerRecord> =>
  advance(deps.ledger, intent, (current) =>
    evidence.type === 'not_sent' && current.version !== intent.version
      ? null
      : applyEvidence(deps.settings, current, evidence, deps.clock.now()),
  );
