/**
 * The gateway's four calls, answered as fast as they can be. Shapes as in docs/gateway.md.
 *
 * `succeed`: every init is paid at once. `follow`: an init is in progress, the first look asks for confirmation, and
 * after `session/confirm` the next look says succeeded. A key that is known answers `idempotency_key_already_exists`, as
 * the real gateway does. Signatures are not verified: the sandbox does that, and here it would only cost.
 *
 * With a latency every answer of the gateway comes that much later; the call itself is noted when it arrives. With faults
 * a share of the records meets one, at the first call only (faults.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Book, BookStats } from './book.ts';
import { faultOf } from './faults.ts';
import type { Handler, StubAnswer, StubReply } from './http-server.ts';

export const stubModes = ['succeed', 'follow'] as const;
export type StubMode = (typeof stubModes)[number];

export interface StubOptions {
  readonly mode: StubMode;
  readonly book: Book;
  readonly now: () => number;
  /** Of every answer of the gateway. */
  readonly latencyMs?: number;
  /** The share of the records that meets a fault, 0 to 1. */
  readonly faultShare?: number;
}

export interface StubStats extends BookStats {
  /** Calls of status and confirm. */
  readonly follow_calls: number;
  /** Calls that were paid and got no answer. */
  readonly lost: number;
  /** Calls that were answered by HTTP 503 and not paid; no other figure counts them. */
  readonly unavailable: number;
}

const at = '"created_at":"2026-01-01T00:00:00.000000Z","updated_at":"2026-01-01T00:00:00.000000Z"';
const answer = (body: string): StubAnswer => ({ status: 200, body });
const refusal = (code: string): StubAnswer => ({
  status: 400,
  body: `{"status":"error","error":{"code":"${code}","description":"Refused by the stub."}}`,
});

/** Members of a session beside its id and its entry. */
const stages = {
  started: { session: '"status":"in_progress"', entry: 'in_progress' },
  asks: { session: '"status":"in_progress","next_action":"confirm"', entry: 'pending' },
  confirmed: { session: '"status":"in_progress"', entry: 'in_progress' },
  paid: { session: '"status":"accepted"', entry: 'succeeded' },
} as const;
type Stage = keyof typeof stages;

const afterLook: Readonly<Record<Stage, Stage>> = { started: 'asks', asks: 'asks', confirmed: 'paid', paid: 'paid' };

/** @param echo the members of the request, as text: the gateway shows the whole instruction again in its entry */
const sessionOf = (number: number, stage: Stage, list: string, echo: string): StubAnswer =>
  answer(
    `{"status":"ok","session":{"id":"ps_${number}",${stages[stage].session},${at},"${list}":[{"id":"po_${number}","status":"${stages[stage].entry}",${at},${echo}}]}}`,
  );

interface InitBody {
  readonly metadata?: { readonly record_id?: string };
}

const unavailable: StubAnswer = { status: 503, body: '<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>' };

export function createStubGateway({ mode, book, now, latencyMs = 0, faultShare = 0 }: StubOptions): Handler {
  let sessions: { stage: Stage; readonly list: string; readonly echo: string }[] = [];
  let made = 0;
  let followCalls = 0;
  let faulted = { lost: new Set<string>(), unavailable: new Set<string>() };
  const stats = (): StubAnswer =>
    answer(
      JSON.stringify({
        ...book.stats(),
        follow_calls: followCalls,
        lost: faulted.lost.size,
        unavailable: faulted.unavailable.size,
      } satisfies StubStats),
    );
  const late = (reply: StubReply): StubReply | Promise<StubReply> => (latencyMs === 0 ? reply : sleep(latencyMs, reply, { ref: false }));

  const pay = (recordId: string, body: string, key: string | undefined, list: string): StubAnswer => {
    if (!book.note(recordId, key, now())) return refusal('idempotency_key_already_exists');
    const echo = body.slice(1, -1);
    made += 1;
    if (mode === 'succeed') return sessionOf(made, 'paid', list, echo);
    sessions.push({ stage: 'started', list, echo });
    return sessionOf(made, 'started', list, echo);
  };
  const init = (body: string, key: string | undefined, list: string): StubReply => {
    const recordId = (JSON.parse(body) as InitBody).metadata?.record_id ?? '';
    const fault = faultShare === 0 ? undefined : faultOf(recordId, faultShare);
    const meets = fault !== undefined && !faulted[fault].has(recordId) ? fault : undefined;
    if (meets !== undefined) faulted[meets].add(recordId);
    if (meets === 'unavailable') return unavailable;
    const paid = pay(recordId, body, key, list);
    return meets === 'lost' ? 'hang up' : paid;
  };

  const onSession = (body: string, next: (stage: Stage) => Stage): StubAnswer => {
    const number = Number((JSON.parse(body) as { readonly session_id: string }).session_id.slice(3));
    const session = sessions[number - 1];
    followCalls += 1;
    if (session === undefined) return refusal('invalid_request');
    session.stage = next(session.stage);
    return sessionOf(number, session.stage, session.list, session.echo);
  };

  return (request) => {
    switch (request.path) {
      case '/api/v1/session/init/payout':
        return late(init(request.body, request.header('x-partner-idempotency-key'), 'payments'));
      case '/api/v1/session/init/payment':
        return late(init(request.body, request.header('x-partner-idempotency-key'), 'acquiring_payments'));
      case '/api/v1/session/status':
        return late(onSession(request.body, (stage) => afterLook[stage]));
      case '/api/v1/session/confirm':
        return late(onSession(request.body, () => 'confirmed'));
      case '/api/v1/wallet/balance':
        return late(answer('{"status":"ok","wallets":[]}'));
      case '/_stub/calls':
        return answer(Array.from(book.calls(), (call) => `${JSON.stringify(call)}\n`).join(''));
      case '/_stub/stats':
        return stats();
      case '/_stub/accounts':
        return answer(JSON.stringify(book.accounts()));
      case '/_stub/reset':
        book.reset();
        sessions = [];
        made = 0;
        followCalls = 0;
        faulted = { lost: new Set(), unavailable: new Set() };
        return answer('{}');
      case '/_stub/forget':
        book.forgetKeys();
        return answer('{}');
      default:
        break;
    }
    const wait = /^\/_stub\/reached\?calls=(\d+)$/.exec(request.path);
    if (wait === null) return { status: 404, body: '{}' };
    return book.reached(Number(wait[1])).then(stats);
  };
}
