/** The gateway's calls over HTTP: signed, sent once, bounded in time and size. Source: docs/gateway.md. */
import type { GatewayResponse } from '../batches/gateway/gateway-response.ts';
import type { Clock } from '../batches/ports/clock.ts';
import type { Gateway, PreparedCall } from '../batches/ports/gateway.ts';
import { exchange } from './exchange.ts';
import type { Signer } from '../batches/gateway/signature.ts';
import { transportAnswer } from './transport.ts';
import { Pool } from './undici-pool.ts';

/**
 * @property url scheme, host and port; the path is ours
 * @property timeoutMs from the first byte sent to the whole answer read
 * @property connections for init calls; at least as many as are made at once, so that none waits for a free one
 * @property followConnections for all other calls, which have connections of their own: they never delay an init
 * @property ca PEM of the authorities to trust instead of Node's own
 */
export interface GatewayOptions {
  readonly url: string;
  readonly project: string;
  readonly submerchant?: string | undefined;
  readonly signer: Signer;
  readonly idempotencyHeader?: string;
  readonly timeoutMs: number;
  readonly connections: number;
  readonly followConnections?: number;
  readonly connectTimeoutMs?: number;
  readonly maxAnswerBytes?: number;
  readonly ca?: string;
  readonly clock: Pick<Clock, 'now'>;
}

const defaultConnectTimeoutMs = 10_000;
const defaultMaxAnswerBytes = 1_048_576;

/**
 * Idle connections are closed before servers do it, because a request that meets a server's closing is open. Many
 * servers wait 5 s; a Keep-Alive header of theirs is honoured with 2 s to spare.
 */
const keepAliveTimeoutMs = 4_000;
const keepAliveSpareMs = 2_000;

const headerValuePattern = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
const headerNamePattern = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

function checkedHeader(name: string, value: string): string {
  if (!headerValuePattern.test(value)) throw new TypeError(`The value of ${name} must be printable ASCII without surrounding spaces.`);
  return value;
}

function origin(url: string): URL {
  const parsed = new URL(url);
  if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:')
    throw new TypeError('The URL of the gateway must begin with https:// or http://.');
  if (parsed.pathname !== '/' || parsed.search !== '' || parsed.hash !== '' || parsed.username !== '' || parsed.password !== '')
    throw new TypeError('The URL of the gateway must be scheme, host and port only.');
  return parsed;
}

const always = (): boolean => true;

const openPool = (url: URL, connections: number, { ca, connectTimeoutMs = defaultConnectTimeoutMs }: GatewayOptions): Pool =>
  new Pool(url, {
    connections,
    // One request in flight on a connection: none is ever queued behind another or sent again with it.
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: keepAliveTimeoutMs,
    keepAliveTimeoutThreshold: keepAliveSpareMs,
    // Our own timer spans headers and body; undici's would only add a second, coarser one.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: connectTimeoutMs, ...(ca === undefined ? {} : { ca }) },
  });

/** @throws TypeError for an option that no request could be made with */
export function createGateway(options: GatewayOptions): Gateway {
  const url = origin(options.url);
  const secure = url.protocol === 'https:';
  const { signer, timeoutMs, clock, maxAnswerBytes = defaultMaxAnswerBytes, idempotencyHeader = 'X-PARTNER-IDEMPOTENCY-KEY' } = options;
  if (!headerNamePattern.test(idempotencyHeader)) throw new TypeError('The name of the idempotency header is not a valid header name.');
  const fixedHeaders: readonly string[] = [
    'content-type',
    'application/json',
    'X-PARTNER-PROJECT',
    checkedHeader('X-PARTNER-PROJECT', options.project),
    ...(options.submerchant === undefined ? [] : ['X-PARTNER-SUBMERCHANT', checkedHeader('X-PARTNER-SUBMERCHANT', options.submerchant)]),
  ];

  const pool = (connections: number): Pool => openPool(url, connections, options);
  const initPool = pool(options.connections);
  const followPool = pool(options.followConnections ?? options.connections);
  let closing: Promise<unknown> | undefined;
  const closed = new AbortController();

  const prepare = async (
    through: Pool,
    method: string,
    bytes: Uint8Array,
    { idempotencyKey, signals = [] }: { readonly idempotencyKey?: string; readonly signals?: readonly AbortSignal[] },
  ): Promise<PreparedCall> => {
    const signature = await signer.sign(bytes);
    const headers = [...fixedHeaders, 'X-PARTNER-SIGN', signature];
    if (idempotencyKey !== undefined) headers.push(idempotencyHeader, idempotencyKey);
    let isSent = false;
    return {
      async send({ mayStart }) {
        if (isSent) throw new TypeError('A prepared call can be sent only once.');
        isSent = true;
        if (closing !== undefined) return transportAnswer('lease_over', 'the client was closed');
        return exchange(through, {
          path: `/api/v1/${method}`,
          headers,
          body: bytes,
          timeoutMs,
          maxAnswerBytes,
          secure,
          mayStart,
          now: clock.now,
          signals,
        });
      },
    };
  };
  const follow = async (method: string, body: object, signals: readonly AbortSignal[] = []): Promise<GatewayResponse> => {
    const call = await prepare(followPool, method, Buffer.from(JSON.stringify(body)), { signals });
    return call.send({ mayStart: always });
  };

  return {
    prepare: ({ kind, bytes, idempotencyKey }) => prepare(initPool, `session/init/${kind}`, bytes, { idempotencyKey }),
    status: (sessionId, signal) =>
      follow('session/status', { session_id: sessionId }, signal === undefined ? [closed.signal] : [closed.signal, signal]),
    confirm: (sessionId) => follow('session/confirm', { session_id: sessionId }),
    cancel: (sessionId) => follow('session/cancel', { session_id: sessionId }),
    capture: (sessionId) => follow('session/capture', { session_id: sessionId }),
    balance: () => follow('wallet/balance', { request_datetime: new Date(clock.now()).toISOString() }, [closed.signal]),
    /** Waits for what is in flight, each at most its timeout; calls that only ask are ended. Idempotent. */
    async close() {
      closed.abort();
      // A pool that is closed refuses to be closed again.
      closing ??= Promise.all([initPool.close(), followPool.close()]);
      await closing;
    },
  };
}
