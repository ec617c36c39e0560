/** A session as the gateway shows it: the member `session` of responses and webhooks, as JSON text. */
import { timestamp } from './clock.ts';
import { stateOf } from './lifecycle.ts';
import type { EchoStore } from './echo-store.ts';
import { entryIdOf } from './sessions.ts';
import type { Session } from './sessions.ts';

const descriptions: Readonly<Record<string, string>> = {
  confirm_timeout: 'The operation was not confirmed in time',
  provider_timeout: 'The provider has not responded, the outcome is not known yet',
};

function errorMember(code: string | undefined): string {
  if (code === undefined) return '';
  return `,"error":${JSON.stringify({ code, description: descriptions[code] ?? 'The operation was declined' })}`;
}

/** Joined as text: echoed members are JSON already, and parsing them again would cost more than all the rest. */
export function sessionJson(session: Session, echoes: EchoStore, settleMs: number, nowMs: number): string {
  const state = stateOf(session, settleMs, nowMs);
  const shown = state.session === 'cancelled' ? session.cancelledWord : state.session;
  const createdAt = timestamp(session.recordedAtMs);
  const nextAction = state.nextAction === undefined ? '' : `,"next_action":"${state.nextAction}"`;
  const error = errorMember(state.error);
  const list = session.kind === 'payout' ? 'payments' : 'acquiring_payments';
  const amount = `"amount_details":{"amount":${session.shownAmountMinor},"currency":${JSON.stringify(session.currency)}}`;
  const entry = `{"id":"${entryIdOf(session)}","status":"${state.entry}","created_at":"${createdAt}",${amount},${echoes.get(session.echoOffset)}${error}}`;
  return `{"id":"${session.id}","status":"${shown}","created_at":"${createdAt}","updated_at":"${timestamp(state.updatedAtMs)}"${nextAction},"${list}":[${entry}]${error}}`;
}
