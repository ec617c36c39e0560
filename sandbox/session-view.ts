/** A session as the gateway shows it: the member `session` of responses and webhooks, as JSON text. */
import { timestamp } from './clock.ts';
import { stateOf } from './lifecycle.ts';
import type { EchoStore } from './echo-store.ts';
import { earlierEntryIdOf, entryIdOf, shareOf } from './sessions.ts';
import type { Session } from './sessions.ts';

const descriptions: Readonly<Record<string, string>> = {
  confirm_timeout: 'The operation was not confirmed in time',
  capture_timeout: 'The operation was not captured in time',
  provider_timeout: 'The provider has not responded, the outcome is not known yet',
};

function errorMember(code: string | undefined): string {
  if (code === undefined) return '';
  return `,"error":${JSON.stringify({ code, description: descriptions[code] ?? 'The operation was declined' })}`;
}

/** @property actUrl where a customer acts, without a query */
export interface View {
  readonly echoes: EchoStore;
  readonly settleMs: number;
  actUrl(): string;
}

/** The customer is to be sent to `url`, which is `base_url` with the members of `qs`. */
function interactionMember({ id }: Session, base_url: string): string {
  const redirect = { url: `${base_url}?session=${id}`, base_url, method: 'GET', qs: { session: id } };
  return `,"customer_interaction":${JSON.stringify({ type: 'redirect', redirect })}`;
}

function refundsMember(session: Session, atMs: number): string {
  const at = timestamp(atMs);
  const refund = {
    id: `rf_${session.id.slice(3)}`,
    status: 'accepted',
    created_at: at,
    finished_at: at,
    amount_details: { amount: shareOf(session, session.shownAmountMinor), currency: session.currency },
    is_chargeback: session.reversal === 'charge-back',
  };
  return `,"refunds":[${JSON.stringify(refund)}]`;
}

/** Joined as text: echoed members are JSON already, and parsing them again would cost more than all the rest. */
export function sessionJson(session: Session, { echoes, settleMs, actUrl }: View, nowMs: number): string {
  const state = stateOf(session, settleMs, nowMs);
  const shown = state.session === 'cancelled' ? session.cancelledWord : state.session;
  const createdAt = timestamp(session.recordedAtMs);
  const nextAction = state.nextAction === undefined ? '' : `,"next_action":"${state.nextAction}"`;
  const error = errorMember(state.error);
  const list = session.kind === 'payout' ? 'payments' : 'acquiring_payments';
  const amount = `"amount_details":{"amount":${session.shownAmountMinor},"currency":${JSON.stringify(session.currency)}}`;
  const entry = (id: string, status: string, more: string): string =>
    `{"id":"${id}","status":"${status}","created_at":"${createdAt}",${amount},${echoes.get(session.echoOffset)}${more}}`;
  const interaction = state.waitsFor === 'action' ? interactionMember(session, actUrl()) : '';
  const refunds = state.isReversed === true && session.reversal !== 'return' ? refundsMember(session, state.updatedAtMs) : '';
  const last = entry(entryIdOf(session), state.entry, `${interaction}${refunds}${error}`);
  const earlier = (): string => entry(earlierEntryIdOf(session), 'failed', errorMember(session.failCode));
  // The first attempt of the gateway is the only entry until it has failed.
  const isStarting = state.entry === 'in_progress' && state.waitsFor === undefined && state.updatedAtMs === session.recordedAtMs;
  const both = (): string => (isStarting ? entry(earlierEntryIdOf(session), 'in_progress', '') : `${earlier()},${last}`);
  const entries = session.failsFirst ? both() : last;
  return `{"id":"${session.id}","status":"${shown}","created_at":"${createdAt}","updated_at":"${timestamp(state.updatedAtMs)}"${nextAction},"${list}":[${entries}]${error}}`;
}
