import type { GatewayResponse } from '../gateway/gateway-response.ts';
import type { Kind } from '../instruction/instruction.ts';

/** The gateway's calls. An implementation never repeats a call by itself and never throws for what the network did. */
export interface Gateway {
  /**
   * Signs and sends exactly `bytes`. When all is signed and ready, `turn` is given the sending and calls it when
   * it may begin: so the dear signing waits for no slot, and nothing slow lies between the pace and the bytes.
   * `mayStart` is asked right before the first byte: when it says no, nothing is sent and the answer is a
   * transport failure that proves so.
   */
  init(params: {
    kind: Kind;
    bytes: Uint8Array;
    idempotencyKey: string;
    turn: (send: () => Promise<GatewayResponse>) => Promise<GatewayResponse>;
    mayStart: () => boolean;
  }): Promise<GatewayResponse>;
  status(sessionId: string): Promise<GatewayResponse>;
  confirm(sessionId: string): Promise<GatewayResponse>;
  cancel(sessionId: string): Promise<GatewayResponse>;
  /** `wallet/balance`: harmless, so it is also how a gateway is probed. */
  balance(): Promise<GatewayResponse>;
  close(): Promise<void>;
}
