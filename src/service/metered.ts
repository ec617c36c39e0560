/** The gateway and the result sink, with what passes through them counted and timed. */
import type { GatewayResponse } from '../../batches/gateway/gateway-response.ts';
import type { Clock } from '../../batches/ports/clock.ts';
import type { Gateway, PreparedCall } from '../../batches/ports/gateway.ts';
import type { ResultSink } from '../../batches/ports/result-sink.ts';
import type { ResultEvent } from '../../batches/record/result-event.ts';
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
        const event = JSON.parse(json) as ResultEvent;
        metrics.published(event, now - Date.parse(event.occurred_at));
      }
      return published;
    },
    close: () => sink.close(),
  };
}
