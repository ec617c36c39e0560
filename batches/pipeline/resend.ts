/** An open send again: same key, same bytes, while the gateway surely remembers the key. */
import type { Ledger } from '../ports/ledger.ts';
import { readResendResponse, type Evidence } from '../record/evidence.ts';
import type { LedgerRecord } from '../record/record.ts';
import { applyEvidence, giveUpResend, resendableUntil, whyNotResend } from '../record/transitions.ts';
import { advance } from './advance.ts';
import { alertMismatch, enterSendQueue, send, writeIntent, type Alerts, type SendDeps } from './send.ts';

export type ResendDeps = SendDeps & Alerts & { readonly ledger: Pick<Ledger, 'body'> };

/** The key lifetime is checked again right before the first byte. */
export async function resend(deps: ResendDeps, open: LedgerRecord): Promise<LedgerRecord> {
  const now = deps.clock.now();
  const bytes = await deps.ledger.body(open.recordId);
  const why = bytes === undefined ? 'its bytes are not kept' : whyNotResend(deps.settings, open, now);
  if (why !== null || bytes === undefined) {
    return advance(deps.ledger, open, (current) =>
      isStillOpen(current, open) ? giveUpResend(deps.settings, current, why ?? '', now) : null,
    );
  }
  const leave = await enterSendQueue(deps);
  if (leave === null) return open;
  let record: LedgerRecord;
  let evidence: Evidence;
  try {
    const intent = await writeIntent(deps, open, bytes, (current) => isStillOpen(current, open) && current.sends === open.sends);
    record = intent.record;
    if (!intent.ours) return record;
    const timely = (): boolean => deps.clock.now() < resendableUntil(deps.settings, record);
    evidence = await send(deps, { record, bytes, leave, read: readResendResponse, timely });
  } finally {
    leave();
  }
  return concludeResend(deps, { open, intent: record, evidence });
}

interface ResendOutcome {
  readonly open: LedgerRecord;
  readonly intent: LedgerRecord;
  readonly evidence: Evidence;
}

async function concludeResend(deps: ResendDeps, { open, intent, evidence }: ResendOutcome): Promise<LedgerRecord> {
  // A resend that did not leave teaches nothing: why the record is open stays what it was.
  const unsent = evidence.type !== 'sighting' && evidence.code === 'lease_over';
  const learnt = unsent && open.reason !== null ? { ...evidence, reason: open.reason } : evidence;
  const after = await advance(deps.ledger, intent, (current) => {
    if (!unsent) return applyEvidence(deps.settings, current, learnt, deps.clock.now());
    // Nor does it count as one of the sends after which it is given up; of another process's send it says nothing.
    return current.version === intent.version
      ? applyEvidence(deps.settings, { ...current, sends: open.sends }, learnt, deps.clock.now())
      : null;
  });
  alertMismatch(deps, after, learnt);
  return after;
}

const isStillOpen = (current: LedgerRecord, open: LedgerRecord): boolean =>
  current.status === 'unknown' && current.sessionId === null && current.attempt === open.attempt;
