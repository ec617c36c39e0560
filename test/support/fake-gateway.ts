/** A gateway without a network: every call gets the response that the test decides. Holds the contract of the port. */
import type { GatewayResponse } from '../../batches/gateway/gateway-response.ts';
import type { Gateway, InitRequest } from '../../batches/ports/gateway.ts';

export type GatewayCall =
  | ({ readonly type: 'init' } & InitRequest)
  | { readonly type: 'status' | 'confirm' | 'cancel' | 'capture'; readonly sessionId: string }
  | { readonly type: 'balance' };

export interface FakeGatewayOptions {
  /** The response to a call whose bytes left. It may throw for a call that the test does not expect. */
  readonly respond: (call: GatewayCall) => GatewayResponse | Promise<GatewayResponse>;
  /** Called before the first byte of each call, and before `mayStart` is asked. */
  readonly beforeSend?: (call: GatewayCall) => void | Promise<void>;
  /** Called when `mayStart` held a call back. */
  readonly onHeldBack?: () => void;
}

const heldBack: GatewayResponse = { type: 'transport', proof: 'not_sent', code: 'lease_over', message: 'It was too late to send it.' };

export function createFakeGateway({ respond, beforeSend, onHeldBack }: FakeGatewayOptions): Gateway {
  let isClosed = false;
  const send = async (call: GatewayCall, mayStart: () => boolean): Promise<GatewayResponse> => {
    await beforeSend?.(call);
    if (isClosed) return heldBack;
    if (!mayStart()) {
      onHeldBack?.();
      return heldBack;
    }
    return respond(call);
  };
  const always = (): boolean => true;
  return {
    async prepare(request) {
      let isSent = false;
      return {
        async send({ mayStart }) {
          if (isSent) throw new TypeError('A prepared call can be sent only once.');
          isSent = true;
          return send({ type: 'init', ...request }, mayStart);
        },
      };
    },
    status: (sessionId) => send({ type: 'status', sessionId }, always),
    confirm: (sessionId) => send({ type: 'confirm', sessionId }, always),
    cancel: (sessionId) => send({ type: 'cancel', sessionId }, always),
    capture: (sessionId) => send({ type: 'capture', sessionId }, always),
    balance: () => send({ type: 'balance' }, always),
    async close() {
      isClosed = true;
    },
  };
}
