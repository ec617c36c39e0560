/** What came back from a call, before anybody judges it. */

/**
 * What a failed exchange proves. `not_sent`: no byte of the request can have been acted upon. `open`: all of
 * it may have arrived.
 */
export type Delivery = 'not_sent' | 'open';

export type GatewayResponse =
  | {
      readonly type: 'answer';
      readonly httpStatus: number;
      /** Parsed JSON, or undefined when it was none. */
      readonly json: unknown;
      readonly retryAfterMs?: number;
    }
  | { readonly type: 'transport'; readonly proof: Delivery; readonly code: TransportCode; readonly message: string };

export const transportCodes = [
  'connection_refused',
  'host_not_found',
  'connect_timeout',
  'network_unreachable',
  'connect_failed',
  'tls_handshake',
  'lease_over',
  'connection_lost',
  'answer_timeout',
  'answer_too_large',
  'transport_other',
] as const;
export type TransportCode = (typeof transportCodes)[number];

/** Exhaustive by type: a new transport code does not compile until it is decided what it proves. */
export const deliveryOf: Readonly<Record<TransportCode, Delivery>> = {
  connection_refused: 'not_sent',
  host_not_found: 'not_sent',
  connect_timeout: 'not_sent',
  network_unreachable: 'not_sent',
  connect_failed: 'not_sent',
  tls_handshake: 'not_sent',
  lease_over: 'not_sent',
  connection_lost: 'open',
  answer_timeout: 'open',
  answer_too_large: 'open',
  transport_other: 'open',
};
