/** The gateway and the result sink, with what passes through them counted and timed. */
import type { GatewayResponse } from '../../batches/gateway/gateway-response.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Gateway, PreparedCall } from '../../batches/ports/gateway.ts';
import type { ResultSink } from '../../batches/ports/result-sink.ts';
import { resultMembers, type ResultMembers } from '../../batches/record/result-members.ts';
import { auditEventOf } from '../../batches/audit/audit-entry.ts';
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { Change } from '../../batches/record/change.ts';
import { endEvidences, type EndEvidence } from './operator-counters.ts';
import type { CallOutcome, GatewayCall, Metrics } from './metrics.ts';

function outcomeOf(answer: GatewayResponse): CallOutcome {
  if (answer.type === 'transport') return answer.proof;
  const { httpStatus } = answer;
  if (httpStatus === 429) return 'too_many';
  if (httpStatus >= 500) return 'server_error';
  return httpStatus >= 200 && httpStatus < 300 ? 'ok' : 'refused';
}

/** The same gateway, its calls counted and timed. @param clock one that is never set, such as `monotonicClock` */
export function meteredGateway(gateway: Gateway, metrics: Metrics, clock: Clock): Gateway {
  const metered = async (call: GatewayCall, made: () => Promise<GatewayResponse>): Promise<GatewayResponse> => {
    const start = clock.now();
    const answer = await made();
    metrics.gatewayCall(call, outcomeOf(answer), clock.now() - start);
    return answer;
  };
  const meteredSend = async (call: PreparedCall, mayStart: () => boolean): Promise<GatewayResponse> => {
    let isHeldBack = false;
    const start = clock.now();
    const answer = await call.send({
      mayStart() {
        const may = mayStart();
        isHeldBack = !may;
        return may;
      },
    });
    metrics.gatewayCall('init', outcomeOf(answer), isHeldBack ? null : clock.now() - start);
    return answer;
  };
  return {
    async prepare(request) {
      const call = await gateway.prepare(request);
      return { send: ({ mayStart }) => meteredSend(call, mayStart) };
    },
    status: (sessionId, signal) => metered('status', () => gateway.status(sessionId, signal)),
    confirm: (sessionId) => metered('confirm', () => gateway.confirm(sessionId)),
    cancel: (sessionId) => metered('cancel', () => gateway.cancel(sessionId)),
    capture: (sessionId) => metered('capture', () => gateway.capture(sessionId)),
    balance: () => metered('balance', () => gateway.balance()),
    close: () => gateway.close(),
  };
}

/**
 * The same sink, what it published counted by status and kind. After a crash an event may be published, and counted,
 * again; readers of results tell it by its id, a counter cannot.
 *
 * @param clock the one that `occurred_at` comes from
 */
export function meteredSink(sink: ResultSink, metrics: Metrics, clock: Clock): ResultSink {
  return {
    async publish(entries) {
      const published = await sink.publish(entries);
      const now = clock.now();
      for (const { json } of entries) {
        const event = resultMembers(json) as ResultMembers;
        metrics.published(event, now - Date.parse(event.occurred_at));
      }
      return published;
    },
    close: () => sink.close(),
  };
}

/** The same ledger; of each step that is written and makes a record final, what showed it is counted. */
export function meteredLedger<One extends Pick<Ledger, 'advance'>>(ledger: One, metrics: Pick<Metrics, 'ended'>): One {
  return {
    ...ledger,
    async advance(changes: readonly Change[]) {
      const results = await ledger.advance(changes);
      changes.forEach((change, index) => {
        if (change.event?.final === true && results[index]?.ok === true) metrics.ended(evidenceOf(change));
      });
      return results;
    },
  };
}

function evidenceOf({ audit }: Change): EndEvidence {
  const event = auditEventOf(audit?.at(-1)?.text ?? '');
  if (event === 'resend') return 'answer';
  return endEvidences.find((evidence) => evidence === event) ?? 'other';
}
