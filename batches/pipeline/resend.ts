/** An open send again: same key, same bytes, same header, while the gateway surely remembers the key. */
import type { Ledger } from '../ports/ledger.ts';
import { applyResend } from '../record/apply-evidence.ts';
import { readResend, type ResendEvidence } from '../record/evidence.ts';
import type { LedgerRecord } from '../record/record.ts';
import { isKeyRemembered, whyNotResend } from '../record/resend-rules.ts';
import { schedule } from '../record/step.ts';
import { barResend, giveUpResend } from '../record/transitions.ts';
import { advance, advanceEvidence, type Alerts } from './advance.ts';
import type { CardBodies } from './card-bodies.ts';
import { send, type SendDeps } from './send.ts';

export type ResendDeps = SendDeps & Alerts & { readonly ledger: Pick<Ledger, 'body'>; readonly cardBodies: CardBodies };

/** The key lifetime is checked again right before the first byte. */
export async function resend(deps: ResendDeps, open: LedgerRecord): Promise<LedgerRecord> {
  const bytes = deps.cardBodies.of(open) ?? (await deps.ledger.body(open.recordId));
  if (bytes === undefined || whyNotResend(deps.settings, open, deps.clock.now()) !== null)
    return advance(deps.ledger, open, (current) => (isStillOpen(current, open) ? giveUpResend(current) : null));
  if (!isRemembered(deps, open)) return bar(deps, open);
  const sent = await send(deps, {
    record: open,
    bytes,
    read: readResend,
    isFirst: false,
    mayIntend: (current) => isStillOpen(current, open) && current.sends === open.sends,
    timely: (intent) => isRemembered(deps, intent),
  });
  if (sent.type === 'too_old') return bar(deps, sent.record);
  if (sent.type === 'paused' || sent.type === 'held') return postponeResend(deps, sent.record);
  if (sent.type !== 'ended') return sent.record;
  const after = await conclude(deps, sent.intent, sent.evidence);
  deps.cardBodies.settle(after);
  return after;
}

/** A pause holds up resends too, and so does a file that was never approved, as after a rebuild; it is looked at again now and then, which costs no step of the record. */
const pausedAgainMs = 60_000;

const postponeResend = (deps: ResendDeps, open: LedgerRecord): Promise<LedgerRecord> =>
  advance(deps.ledger, open, (current) =>
    isStillOpen(current, open) ? schedule(current, { dueAt: deps.clock.now() + pausedAgainMs }) : null,
  );

const bar = (deps: ResendDeps, open: LedgerRecord): Promise<LedgerRecord> =>
  advance(deps.ledger, open, (current) => (isStillOpen(current, open) ? barResend(deps.settings, current, deps.clock.now()) : null));

const conclude = (deps: ResendDeps, intent: LedgerRecord, evidence: ResendEvidence): Promise<LedgerRecord> =>
  advanceEvidence(deps, intent, evidence, (current) => applyResend(deps.settings, current, { intent, evidence, at: deps.clock.now() }));

const isRemembered = ({ settings, clock, machine }: ResendDeps, record: LedgerRecord): boolean =>
  isKeyRemembered(settings, record, { at: clock.now(), machine: machine() });

const isStillOpen = (current: LedgerRecord, open: LedgerRecord): boolean =>
  current.status === 'unknown' && current.sessionId === null && current.attempt === open.attempt;
