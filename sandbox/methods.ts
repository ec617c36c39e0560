/** The gateway's methods: from a parsed body to an answer. No network in here. */
import { hash } from 'node:crypto';
import { complaintAbout, complaintAboutBalanceRequest, complaintAboutSessionRequest, isObject } from './body-rules.ts';
import type { Json, Kind } from './body-rules.ts';
import type { DrawChance } from './seeded-random.ts';
import type { EchoStore } from './echo-store.ts';
import { errorBody, gatewayError, refusalFor } from './errors.ts';
import type { GatewayError } from './errors.ts';
import { codeSlot, meet, spellingSlot, variantSlot } from './faults.ts';
import type { FaultRates } from './faults.ts';
import { stateOf } from './lifecycle.ts';
import type { Fate } from './lifecycle.ts';
import { readOrder, recordIdOf } from './order.ts';
import { sessionJson } from './session-view.ts';
import type { Session, Sessions } from './sessions.ts';
import { walletsOf } from './wallets.ts';

/**
 * @property outcome for the log of calls
 * @property closes the connection is closed instead of the answer, or in the middle of it
 */
export interface Reply {
  readonly httpStatus: number;
  readonly body: string;
  readonly outcome: string;
  readonly recordId: string | null;
  readonly retryAfterSeconds?: number;
  readonly delayMs?: number;
  readonly closes?: 'silent' | 'cut';
}

/** @property idempotencyKey null when the header is absent or empty */
interface MethodCall {
  readonly project: string;
  readonly idempotencyKey: string | null;
  readonly body: Json;
  readonly raw: Buffer;
  readonly nowMs: number;
}

export type Method = (call: MethodCall) => Reply;

/** How webhooks learn of a new session and of a decision about one. */
export interface SessionListener {
  recorded(session: Session): void;
  decided(session: Session): void;
}

export interface MethodDeps {
  readonly sessions: Sessions;
  readonly echoes: EchoStore;
  readonly drawChance: DrawChance;
  readonly faults: FaultRates;
  readonly confirm: 'auto' | 'manual';
  readonly settleMs: number;
  readonly listener: SessionListener;
}

export const refusal = (error: GatewayError, recordId: string | null = null): Reply => ({
  httpStatus: error.httpStatus,
  body: errorBody(error),
  outcome: error.code,
  recordId,
});

/** Faults without a key or record id are drawn for the bytes. NUL keeps the three apart: no header can carry it. */
function identityOf({ idempotencyKey, raw }: MethodCall, recordId: string | null): string {
  if (idempotencyKey !== null) return idempotencyKey;
  return recordId === null ? `\0body:${hash('sha256', raw)}` : `\0record:${recordId}`;
}

/** The gateway's two classic mistakes: a factor of a hundred, and one off. Never the amount that was asked. */
function wrongAmount(amountMinor: number, unit: number): number {
  return unit < 0.5 && Number.isSafeInteger(amountMinor * 100) ? amountMinor * 100 : amountMinor === 1 ? 2 : amountMinor - 1;
}

const failures: readonly Fate[] = ['fails-accepted', 'fails-cancelled', 'fails-after-error'];

export function createMethods(deps: MethodDeps): ReadonlyMap<string, Method> {
  const { sessions, echoes, drawChance, faults, settleMs, listener } = deps;

  const shown = (session: Session, nowMs: number): Reply => ({
    httpStatus: 200,
    body: `{"status":"ok","session":${sessionJson(session, echoes, settleMs, nowMs)}}`,
    outcome: 'ok',
    recordId: session.recordId,
  });

  const init =
    (kind: Kind): Method =>
    (call) => {
      const { project, idempotencyKey, body, nowMs } = call;
      const recordId = recordIdOf(body);
      const identity = identityOf(call, recordId);
      const { ordinal, session: earlier } = sessions.call(project, identity);
      const chance = drawChance(project, identity, ordinal);
      const { before, refuse, failLater, wrongAmount: lies, slowMs, lostAnswer } = meet(faults, chance);
      const late = (reply: Reply): Reply => (slowMs > 0 ? { ...reply, delayMs: slowMs } : reply);

      if (before === 'lost-request') return { httpStatus: 0, body: '', outcome: before, recordId, closes: 'silent' };
      if (before === 'http-500') return late(refusal(gatewayError('internal_error', 'Internal error'), recordId));
      if (before === 'http-429')
        return late({ ...refusal(gatewayError('too_many_requests', 'Too many requests'), recordId), retryAfterSeconds: 1 });

      const complaint = complaintAbout(kind, body);
      if (complaint !== undefined) return late(refusal(gatewayError('invalid_request', complaint), recordId));
      // Known keys come before every business reason: the first call is what counts, and its session id is not told.
      if (idempotencyKey !== null && earlier !== undefined)
        return late(refusal(gatewayError('idempotency_key_already_exists', 'The request is already in progress or processed'), recordId));
      const order = readOrder(kind, body);
      const code = refusalFor(order.family, chance.unit(codeSlot));
      if (refuse) return late(refusal(gatewayError(code, 'The operation is declined'), recordId));

      const session = sessions.record({
        project,
        identity,
        idempotencyKey,
        recordId,
        order,
        chance,
        atMs: nowMs,
        waitsForConfirmation: kind === 'payout' && deps.confirm === 'manual',
        fate: failLater ? (failures[Math.floor(chance.unit(variantSlot) * failures.length)] ?? 'fails-accepted') : 'succeeds',
        failCode: code,
        shownAmountMinor: lies ? wrongAmount(order.amountMinor, chance.unit(variantSlot)) : order.amountMinor,
        cancelledWord: chance.unit(spellingSlot) < 1 / 8 ? 'canceled' : 'cancelled',
      });
      listener.recorded(session);
      const answer = late(shown(session, nowMs));
      return lostAnswer === 'no' ? answer : { ...answer, outcome: 'lost-answer', closes: lostAnswer };
    };

  const withSession =
    (act: (session: Session, nowMs: number) => Reply): Method =>
    ({ project, body, nowMs }) => {
      const complaint = complaintAboutSessionRequest(body);
      if (complaint !== undefined) return refusal(gatewayError('invalid_request', complaint));
      const session = isObject(body) ? sessions.find(project, String(body['session_id'])) : undefined;
      return session === undefined ? refusal(gatewayError('invalid_request', 'session_id: there is no such session')) : act(session, nowMs);
    };

  const decide = (decision: 'confirmed' | 'cancelled'): Method =>
    withSession((session, nowMs) => {
      // The second of two confirmations is refused as well: what happened is told by session/status.
      if (stateOf(session, settleMs, nowMs).nextAction !== 'confirm')
        return refusal(gatewayError('invalid_request', 'The session does not wait for a confirmation'), session.recordId);
      session.decision = decision;
      session.decidedAtMs = nowMs;
      listener.decided(session);
      return shown(session, nowMs);
    });

  const balance: Method = ({ project, body, nowMs }) => {
    const complaint = complaintAboutBalanceRequest(body);
    if (complaint !== undefined) return refusal(gatewayError('invalid_request', complaint));
    const wallets = walletsOf(project, sessions.all, (session) => stateOf(session, settleMs, nowMs));
    return { httpStatus: 200, body: JSON.stringify({ status: 'ok', wallets }), outcome: 'ok', recordId: null };
  };

  return new Map<string, Method>([
    ['session/init/payout', init('payout')],
    ['session/init/payment', init('payment')],
    ['session/status', withSession(shown)],
    ['session/confirm', decide('confirmed')],
    ['session/cancel', decide('cancelled')],
    ['wallet/balance', balance],
  ]);
}
