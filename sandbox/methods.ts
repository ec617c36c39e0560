/** The gateway's methods: from a parsed body to a response. No network. */
import { balanceRequestError, sessionRequestError, isObject } from './body-rules.ts';
import { gatewayError } from './errors.ts';
import { isNotFound } from './faults.ts';
import { createInit } from './init.ts';
import { stateOf } from './lifecycle.ts';
import type { Ask } from './lifecycle.ts';
import { refusal } from './method.ts';
import type { Method, MethodDeps, Reply, Show } from './method.ts';
import { sessionJson } from './session-view.ts';
import type { Session } from './sessions.ts';
import { walletsOf } from './wallets.ts';

/** @property act the customer's part: false when the session does not wait for the customer */
export interface Methods {
  readonly byName: ReadonlyMap<string, Method>;
  act(session: Session, kind: 'confirmed' | 'cancelled', nowMs: number): boolean;
}

export function createMethods(deps: MethodDeps): Methods {
  const { sessions, random, faults, view, funds, listener } = deps;

  const show: Show = (session, nowMs) => ({
    httpStatus: 200,
    body: `{"status":"ok","session":${sessionJson(session, view, nowMs)}}`,
    outcome: 'ok',
    recordId: session.recordId,
  });

  const withSession =
    (act: (session: Session, nowMs: number) => Reply): Method =>
    ({ project, body, nowMs }) => {
      const error = sessionRequestError(body);
      if (error !== undefined) return refusal(gatewayError('invalid_request', error));
      const session = isObject(body) ? sessions.find(project, String(body['session_id'])) : undefined;
      return session === undefined ? refusal(gatewayError('invalid_request', 'session_id: no such session')) : act(session, nowMs);
    };

  const status = withSession((session, nowMs) => {
    session.statusCalls += 1;
    return isNotFound(faults, random('status', session.id, session.statusCalls))
      ? refusal(gatewayError('invalid_request', 'session_id: no such session', 404), session.recordId)
      : show(session, nowMs);
  });

  function decide(session: Session, asks: readonly Ask[], kind: 'confirmed' | 'cancelled', nowMs: number): boolean {
    const { waitsFor } = stateOf(session, view.settleMs, nowMs);
    if (waitsFor === undefined || !asks.includes(waitsFor)) return false;
    session.decisions = [...session.decisions, { kind, atMs: nowMs }];
    if (session.kind === 'payout') funds?.decided(session);
    listener.changed(session);
    return true;
  }

  const decision = (asks: readonly Ask[], kind: 'confirmed' | 'cancelled', what: string): Method =>
    withSession((session, nowMs) =>
      // A second confirmation is refused as well: session/status reports what happened.
      decide(session, asks, kind, nowMs)
        ? show(session, nowMs)
        : refusal(gatewayError('invalid_request', `The session does not wait for a ${what}`), session.recordId),
    );

  const balance: Method = ({ project, body, nowMs }) => {
    const error = balanceRequestError(body);
    if (error !== undefined) return refusal(gatewayError('invalid_request', error));
    const wallets = funds?.wallets(project) ?? walletsOf(project, sessions.all, (session) => stateOf(session, view.settleMs, nowMs));
    return { httpStatus: 200, body: JSON.stringify({ status: 'ok', wallets }), outcome: 'ok', recordId: null };
  };

  return {
    byName: new Map<string, Method>([
      ['session/init/payout', createInit('payout', deps, show)],
      ['session/init/payment', createInit('payment', deps, show)],
      ['session/status', status],
      ['session/confirm', decision(['confirm'], 'confirmed', 'confirmation')],
      ['session/cancel', decision(['confirm', 'capture'], 'cancelled', 'confirmation')],
      ['session/capture', decision(['capture'], 'confirmed', 'capture')],
      ['wallet/balance', balance],
    ]),
    act: (session, kind, nowMs) => decide(session, ['action'], kind, nowMs),
  };
}
