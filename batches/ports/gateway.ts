import type { GatewayResponse } from '../gateway/gateway-response.ts';
import type { Kind } from '../instruction/instruction.ts';

/** A first send or a resend: exactly these bytes under this key. */
export interface InitRequest {
  readonly kind: Kind;
  readonly bytes: Uint8Array;
  readonly idempotencyKey: string;
}

/** A signed request. Nothing of it has left. */
export interface PreparedCall {
  /**
   * Sends it, once. `mayStart` is asked right before the first byte: when it returns false, nothing is sent and the
   * response is a transport failure that proves so.
   *
   * @throws TypeError when it was sent before
   */
  send(options: { readonly mayStart: () => boolean }): Promise<GatewayResponse>;
}

/** The gateway's calls. An implementation never repeats a call by itself and never throws because of the network. */
export interface Gateway {
  /** Signs the request without any I/O, so that CPU-heavy signing does not occupy a slot or delay a permit. */
  prepare(request: InitRequest): Promise<PreparedCall>;
  /** @param signal ends the call: it moves nothing, so its answer need not be waited for */
  status(sessionId: string, signal?: AbortSignal): Promise<GatewayResponse>;
  confirm(sessionId: string): Promise<GatewayResponse>;
  cancel(sessionId: string): Promise<GatewayResponse>;
  /** Takes the money of a payment that waits for it. */
  capture(sessionId: string): Promise<GatewayResponse>;
  /** `wallet/balance`: harmless, so it is also the probe of an open breaker. */
  balance(): Promise<GatewayResponse>;
  /** Waits for the calls that move something, and ends the others. */
  close(): Promise<void>;
}
