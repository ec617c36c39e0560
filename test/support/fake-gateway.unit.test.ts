import type { GatewayResponse } from '../../batches/gateway/gateway-response.ts';
import { gatewaySuite, type Ending } from '../contracts/gateway.suite.ts';
import { createFakeGateway, type GatewayCall } from './fake-gateway.ts';

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function responseTo(ending: Ending): GatewayResponse {
  switch (ending.type) {
    case 'answer': {
      const { httpStatus, body, retryAfterSeconds } = ending;
      const retry = retryAfterSeconds === undefined ? {} : { retryAfterMs: retryAfterSeconds * 1_000 };
      return { type: 'answer', httpStatus, json: jsonOf(body), ...retry };
    }
    case 'lost_answer':
      return { type: 'transport', proof: 'open', code: 'connection_lost', message: 'The connection was lost.' };
    case 'unreachable':
      return { type: 'transport', proof: 'not_sent', code: 'connection_refused', message: 'The connection was refused.' };
  }
}

gatewaySuite('fake', async () => {
  const received: GatewayCall[] = [];
  let ending: Ending = { type: 'unreachable' };
  const gateway = createFakeGateway({
    respond(call) {
      if (ending.type !== 'unreachable') received.push(call);
      return responseTo(ending);
    },
  });
  return {
    gateway,
    received: () => received,
    async endWith(next) {
      ending = next;
    },
    dispose: () => gateway.close(),
  };
});
