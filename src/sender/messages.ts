/** What the sender thread and the thread that started it say to each other. */
import type { GatewayResponse } from '../../batches/gateway/gateway-response.ts';
import type { TimedCall } from '../../producers/gateway.ts';

/** @property precise whether waits end on time to a fraction of a millisecond, for rates without a burst */
export interface SenderOptions {
  readonly url: string;
  readonly connections: number;
  readonly ca?: string;
  readonly precise: boolean;
}

/** Its window is on CLOCK_MONOTONIC, which all threads share. */
export interface SendRequest extends TimedCall {
  readonly type: 'send';
  readonly id: number;
  /** CLOCK_BOOTTIME in seconds, which counts suspended time: nothing leaves after it. */
  readonly lastUptime: number;
}

/** Nothing that has not started may start. */
interface Recall {
  readonly type: 'recall';
}

interface Close {
  readonly type: 'close';
}

export type ToSender = SendRequest | Recall | Close;

/** The answer's `json` is its bytes, decoded. */
export interface FromSender {
  readonly id: number;
  readonly response: GatewayResponse;
}

/** Milliseconds of CLOCK_MONOTONIC. */
export const threadsNow = (): number => Number(process.hrtime.bigint()) / 1e6;
