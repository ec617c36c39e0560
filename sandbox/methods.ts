/** The gateway's methods: from a parsed body to a response. No network. */
import { hash } from 'node:crypto';
import { bodyError, balanceRequestError, sessionRequestError, isObject } from './body-rules.ts';
import type { Json, Kind } from './body-rules.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { EchoStore } from './echo-store.ts';
import { errorBody, gatewayError, refusalFor } from './errors.ts';
import type { GatewayError } from './errors.ts';
import { codeSlot, applyFaults, spellingSlot, variantSlot } from './faults.ts';
import type { FaultRates } from './faults.ts';
import { stateOf } from './lifecycle.ts';
import type { Outcome } from './lifecycle.ts';
import { readOrder, recordIdOf } from './order.ts';
import { sessionJson } from './session-view.ts';
import type { Session, Sessions } from './sessions.ts';
import { walletsOf } from './wallets.ts';

/**
 * @property outcome for the call log
 * @property closes the connection is closed instead of the response, or in the middle of it
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

/** Is called for a new session, and for a decision about one. */
export interface SessionListener {
  recorded(session: Session): void;
  decided(session: Session): void;
}

export interface MethodDeps {
  readonly sessions: Sessions;
  readonly echoes: EchoStore;
  readonly random: SeededRandom;
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

/** Without key and record id, faults are drawn for the bytes. NUL separates the three, since no header can carry it. */
function identityOf({ idempotencyKey, raw }: MethodCall, recordId: string | null): string {
  if (idempotencyKey !== null) return idempotencyKey;
  return recordId === null ? `\0body:${hash('sha256', raw)}` : `\0record:${recordId}`;
}

/** Two common mistakes of gateways: a factor of a hundred, and one off. Never the requested amount. */
function wrongAmount(amountMinor: number, unit: number): number {
  return unit < 0.5 && Number.isSafeInteger(amountMinor * 100) ? amountMinor * 100 : amountMinor === 1 ? 2 : amountMinor - 1;
}

const failures: readonly Outcome[] = ['fails-accepted', 'fails-cancelled', 'fails-after-error'];

export function createMethods(deps: MethodDeps): ReadonlyMap<string, Method> {
  const { sessions, echoes, random, faults, settleMs, listener } = deps;

  const show = (session: Session, nowMs: number): Reply => ({
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
      const draws = random(project, identity, ordinal);
      const { before, refuse, failLater, wrongAmount: isWrong, slowMs, lostAnswer } = applyFaults(faults, draws);
      const late = (reply: Reply): Reply => (slowMs > 0 ? { ...reply, delayMs: slowMs } : reply);

      if (before === 'lost-request') return { httpStatus: 0, body: '', outcome: before, recordId, closes: 'silent' };
      if (before === 'http-500') return late(refusal(gatewayError('internal_error', 'Internal error'), recordId));
      if (before === 'http-429')
        return late({ ...refusal(gatewayError('too_many_requests', 'Too many requests'), recordId), retryAfterSeconds: 1 });

      const error = bodyError(kind, body);
      if (error !== undefined) return late(refusal(gatewayError('invalid_request', error), recordId));
      // A known key is checked before every business rule: the first call counts, and its session id is not returned.
      if (idempotencyKey !== null && earlier !== undefined)
        return late(refusal(gatewayError('idempotency_key_already_exists', 'The request is already in progress or processed'), recordId));
      const order = readOrder(kind, body);
      const code = refusalFor(order.family, draws.unit(codeSlot));
      if (refuse) return late(refusal(gatewayError(code, 'The operation is declined'), recordId));

      const session = sessions.record({
        project,
        identity,
        idempotencyKey,
        recordId,
        order,
        draws,
        atMs: nowMs,
        waitsForConfirmation: kind === 'payout' && deps.confirm === 'manual',
        outcome: failLater ? (failures[Math.floor(draws.unit(variantSlot) * failures.length)] ?? 'fails-accepted') : 'succeeds',
        failCode: code,
        shownAmountMinor: isWrong ? wrongAmount(order.amountMinor, draws.unit(variantSlot)) : order.amountMinor,
        cancelledWord: draws.unit(spellingSlot) < 1 / 8 ? 'canceled' : 'cancelled',
      });
      listener.recorded(session);
      const reply = late(show(session, nowMs));
      return lostAnswer === 'no' ? reply : { ...reply, outcome: 'lost-answer', closes: lostAnswer };
    };

  const withSession =
    (act: (session: Session, nowMs: number) => Reply): Method =>
    ({ project, body, nowMs }) => {
      const error = sessionRequestError(body);
      if (error !== undefined) return refusal(gatewayError('invalid_request', error));
      const session = isObject(body) ? sessions.find(project, String(body['session_id'])) : undefined;
      return session === undefined ? refusal(gatewayError('invalid_request', 'session_id: no such session')) : act(session, nowMs);
    };

  const decide = (decision: 'confirmed' | 'cancelled'): Method =>
    withSession((session, nowMs) => {
      // A second confirmation is refused as well: session/status reports what happened.
      if (stateOf(session, settleMs, nowMs).nextAction !== 'confirm')
        return refusal(gatewayError('invalid_request', 'The session does not wait for a confirmation'), session.recordId);
      session.decision = decision;
      session.decidedAtMs = nowMs;
      listener.decided(session);
      return show(session, nowMs);
    });

  const balance: Method = ({ project, body, nowMs }) => {
    const error = balanceRequestError(body);
    if (error !== undefined) return refusal(gatewayError('invalid_request', error));
    const wallets = walletsOf(project, sessions.all, (session) => stateOf(session, settleMs, nowMs));
    return { httpStatus: 200, body: JSON.stringify({ status: 'ok', wallets }), outcome: 'ok', recordId: null };
  };

  return new Map<string, Method>([
    ['session/init/payout', init('payout')],
    ['session/init/payment', init('payment')],
    ['session/status', withSession(show)],
    ['session/confirm', decide('confirmed')],
    ['session/cancel', decide('cancelled')],
    ['wallet/balance', balance],
  ]);
}
