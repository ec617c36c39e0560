/** `session/init/payout` and `session/init/payment`: from a valid body to one session, or two. */
import { hash } from 'node:crypto';
import { bodyError } from './body-rules.ts';
import type { Kind } from './body-rules.ts';
import { gatewayError, refusalFor } from './errors.ts';
import { applyFaults, applySessionFaults, codeSlot, spellingSlot, variantSlot } from './faults.ts';
import type { CallFaults, SessionFaults } from './faults.ts';
import type { Outcome } from './lifecycle.ts';
import { refusal } from './method.ts';
import type { Method, MethodCall, MethodDeps, Reply, Show } from './method.ts';
import { readOrder, recordIdOf } from './order.ts';
import type { Draws } from './seeded-random.ts';
import type { NewSession, Session } from './sessions.ts';

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

const outcomeOf = (failLater: boolean, draws: Draws): Outcome =>
  failLater ? (failures[Math.floor(draws.unit(variantSlot) * failures.length)] ?? 'fails-accepted') : 'succeeds';

/** A response instead of any work, before the body is looked at. */
function stopped({ before }: CallFaults, recordId: string | null): Reply | undefined {
  switch (before) {
    case 'lost-request':
      return { httpStatus: 0, body: '', outcome: before, recordId, closes: 'silent' };
    case 'http-500':
      return refusal(gatewayError('internal_error', 'Internal error'), recordId);
    case 'http-429':
      return { ...refusal(gatewayError('too_many_requests', 'Too many requests'), recordId), retryAfterSeconds: 1 };
    case undefined:
      return undefined;
  }
}

export function createInit(kind: Kind, deps: MethodDeps, show: Show): Method {
  const { sessions, random, faults, funds, listener } = deps;

  function record(made: NewSession): Session {
    const session = sessions.record(made);
    if (kind === 'payout') funds?.recorded(session);
    listener.changed(session);
    return session;
  }

  function asksOf({ asks }: SessionFaults): NewSession['asks'] {
    if (kind === 'payment') return asks;
    return deps.confirm === 'manual' ? ['confirm'] : [];
  }

  return (call) => {
    const { project, idempotencyKey, body, nowMs } = call;
    const recordId = recordIdOf(body);
    const identity = identityOf(call, recordId);
    const { ordinal, session: earlier } = sessions.call(project, identity);
    const draws = random(project, identity, ordinal);
    const met = applyFaults(faults, draws);
    const late = (reply: Reply): Reply => (met.slowMs > 0 && reply.closes !== 'silent' ? { ...reply, delayMs: met.slowMs } : reply);

    const stop = stopped(met, recordId);
    if (stop !== undefined) return late(stop);
    const error = bodyError(kind, body);
    if (error !== undefined) return late(refusal(gatewayError('invalid_request', error), recordId));
    // A known key is checked before every business rule: the first call counts, and its session id is not returned.
    if (idempotencyKey !== null && earlier !== undefined)
      return late(refusal(gatewayError('idempotency_key_already_exists', 'The request is already in progress or processed'), recordId));
    const order = readOrder(kind, body);
    const code = refusalFor(order.family, draws.unit(codeSlot));
    if (met.refuse) return late(refusal(gatewayError(code, 'The operation is declined'), recordId));
    const { currency, amountMinor } = order;
    const isRefused = (): boolean => kind === 'payout' && funds?.admits({ project, currency, amountMinor }) === false;
    if (isRefused()) return late(refusal(gatewayError('insufficient_funds', 'The balance is less than the amount'), recordId));

    const unusual = applySessionFaults(faults, kind, random(`session:${project}`, identity, ordinal));
    const isEarly = unusual.isEarly && listener.sends;
    const made: NewSession = {
      project,
      identity,
      idempotencyKey,
      recordId,
      order,
      token: draws.token,
      atMs: nowMs,
      isEarly,
      asks: asksOf(unusual),
      outcome: outcomeOf(met.failLater, draws),
      failCode: code,
      reversal: unusual.reversal,
      reversedShare: unusual.reversedShare,
      failsFirst: unusual.failsFirst,
      shownAmountMinor: met.wrongAmount ? wrongAmount(amountMinor, draws.unit(variantSlot)) : amountMinor,
      secondOf: null,
      cancelledWord: draws.unit(spellingSlot) < 1 / 8 ? 'canceled' : 'cancelled',
    };
    const session = record(made);
    // Only a session that asks can be declined: a second one that is paid by itself would be paid twice by the gateway alone.
    if (unusual.hasSecond && made.asks.length > 0 && !isRefused()) {
      const { token } = random(`second:${project}`, identity, ordinal);
      record({ ...made, token, isEarly: false, outcome: 'succeeds', reversal: 'none', failsFirst: false, secondOf: session.id });
    }
    const reply = late(show(session, nowMs));
    const held = isEarly ? { ...reply, waitsFor: listener.whenFirstSent(session) } : reply;
    return met.lostAnswer === 'no' ? held : { ...held, outcome: 'lost-answer', closes: met.lostAnswer };
  };
}
