/**
 * The gateway's four calls, answered as fast as they can be. Shapes as in docs/gateway.md.
 *
 * `succeed`: every init is paid at once. `follow`: an init is in progress, the first look asks for confirmation, and
 * after `session/confirm` the next look says succeeded. A key that is known answers `idempotency_key_already_exists`, as
 * the real gateway does. Signatures are not verified: the sandbox does that, and here it would only cost.
 */
import type { Book, BookStats } from './book.ts';
import type { Handler, StubAnswer } from './http-server.ts';

export const stubModes = ['succeed', 'follow'] as const;
export type StubMode = (typeof stubModes)[number];

export interface StubOptions {
  readonly mode: StubMode;
  readonly book: Book;
  readonly now: () => number;
}

export interface StubStats extends BookStats {
  /** Calls of status and confirm. */
  readonly follow_calls: number;
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

export function createStubGateway({ mode, book, now }: StubOptions): Handler {
  let sessions: { stage: Stage; readonly list: string; readonly echo: string }[] = [];
  let made = 0;
  let followCalls = 0;
  const stats = (): StubAnswer => answer(JSON.stringify({ ...book.stats(), follow_calls: followCalls } satisfies StubStats));

  const init = (body: string, key: string | undefined, list: string): StubAnswer => {
    const { metadata } = JSON.parse(body) as InitBody;
    if (!book.note(metadata?.record_id ?? '', key, now())) return refusal('idempotency_key_already_exists');
    const echo = body.slice(1, -1);
    made += 1;
    if (mode === 'succeed') return sessionOf(made, 'paid', list, echo);
    sessions.push({ stage: 'started', list, echo });
    return sessionOf(made, 'started', list, echo);
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
        return init(request.body, request.header('x-partner-idempotency-key'), 'payments');
      case '/api/v1/session/init/payment':
        return init(request.body, request.header('x-partner-idempotency-key'), 'acquiring_payments');
      case '/api/v1/session/status':
        return onSession(request.body, (stage) => afterLook[stage]);
      case '/api/v1/session/confirm':
        return onSession(request.body, () => 'confirmed');
      case '/api/v1/wallet/balance':
        return answer('{"status":"ok","wallets":[]}');
      case '/_stub/calls':
        return answer(Array.from(book.calls(), (call) => `${JSON.stringify(call)}\n`).join(''));
      case '/_stub/stats':
        return stats();
      case '/_stub/reset':
        book.reset();
        sessions = [];
        made = 0;
        followCalls = 0;
        return answer('{}');
      default:
        break;
    }
    const wait = /^\/_stub\/reached\?calls=(\d+)$/.exec(request.path);
    if (wait === null) return { status: 404, body: '{}' };
    return book.reached(Number(wait[1])).then(stats);
  };
}
