/**
 * What a network error proves.
 *
 * Two things are looked at: the error's code, and whether the request was started, which the caller knows for
 * certain because undici asks it right before the first byte. A started request is open whatever the code says:
 * under TLS 1.3 even a handshake alert may arrive after the whole request was written. And before the start only
 * a `connect` that failed and what is listed here count as not sent; any other code is open.
 */
import { deliveryOf, type GatewayResponse, type TransportCode } from '../batches/gateway/gateway-response.ts';

/** `connecting`: undici has not asked for the first byte; `started`: the first byte may have left. */
export type Phase = 'connecting' | 'started';

type Row = { readonly [P in Phase]: TransportCode };

/** Certificates that Node refuses while it shakes hands. Source: Node's tls documentation, X509 certificate error codes. */
const certificateCodes = [
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_CRL',
  'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  'UNABLE_TO_DECRYPT_CRL_SIGNATURE',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'CERT_SIGNATURE_FAILURE',
  'CRL_SIGNATURE_FAILURE',
  'CERT_NOT_YET_VALID',
  'CERT_HAS_EXPIRED',
  'CRL_NOT_YET_VALID',
  'CRL_HAS_EXPIRED',
  'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  'ERROR_IN_CERT_NOT_AFTER_FIELD',
  'ERROR_IN_CRL_LAST_UPDATE_FIELD',
  'ERROR_IN_CRL_NEXT_UPDATE_FIELD',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_CHAIN_TOO_LONG',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'HOSTNAME_MISMATCH',
] as const;

const handshake: Row = { connecting: 'tls_handshake', started: 'connection_lost' };
const unreachable: Row = { connecting: 'network_unreachable', started: 'connection_lost' };
const lost: Row = { connecting: 'connection_lost', started: 'connection_lost' };
const late: Row = { connecting: 'answer_timeout', started: 'answer_timeout' };
const large: Row = { connecting: 'answer_too_large', started: 'answer_too_large' };
const other: Row = { connecting: 'transport_other', started: 'transport_other' };

/** By the `code` of the error. Codes of a family (ERR_SSL_…, ERR_TLS_…) follow below; what is nowhere is `other`. */
export const transportTable: ReadonlyMap<string, Row> = new Map<string, Row>([
  ['ECONNREFUSED', { connecting: 'connection_refused', started: 'connection_lost' }],
  ['ENOTFOUND', { connecting: 'host_not_found', started: 'connection_lost' }],
  ['EAI_AGAIN', { connecting: 'host_not_found', started: 'connection_lost' }],
  ['UND_ERR_CONNECT_TIMEOUT', { connecting: 'connect_timeout', started: 'connection_lost' }],
  ...certificateCodes.map((code) => [code, handshake] as const),
  // How OpenSSL's own failures of a handshake come through libuv on some versions.
  ['EPROTO', handshake],

  ['ECONNRESET', lost],
  ['ECONNABORTED', lost],
  ['EPIPE', lost],
  ['ETIMEDOUT', lost],
  // No route, a firewall's reject, a VPN that is down.
  ['EHOSTUNREACH', unreachable],
  ['ENETUNREACH', unreachable],
  ['ENETDOWN', unreachable],
  ['ENOTCONN', unreachable],
  ['UND_ERR_SOCKET', lost],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', lost],

  ['UND_ERR_HEADERS_TIMEOUT', late],
  ['UND_ERR_BODY_TIMEOUT', late],

  ['UND_ERR_HEADERS_OVERFLOW', large],
  ['UND_ERR_RES_EXCEEDED_MAX_SIZE', large],

  ['UND_ERR_ABORTED', other],
  ['UND_ERR_INFO', other],
  // The client was closed by ourselves and takes no more requests: we did not send, as with a lease that is over.
  ['UND_ERR_CLOSED', { connecting: 'lease_over', started: 'transport_other' }],
  ['UND_ERR_DESTROYED', { connecting: 'lease_over', started: 'transport_other' }],
]);

/** Families whose members Node and OpenSSL invent as they need: alerts, protocol versions, names in certificates. */
const handshakeFamilies = ['ERR_SSL_', 'ERR_TLS_'];

const sentences: Readonly<Record<TransportCode, string>> = {
  connection_refused: 'The gateway refused the connection; nothing was sent.',
  host_not_found: "The gateway's host name was not found; nothing was sent.",
  connect_timeout: 'The gateway did not accept the connection in time; nothing was sent.',
  network_unreachable: 'The network of the gateway cannot be reached; nothing was sent.',
  connect_failed: 'A connection to the gateway could not be established; nothing was sent.',
  tls_handshake: 'A secure connection to the gateway could not be established; nothing was sent.',
  lease_over: 'Sending timed out before the first byte; nothing was sent.',
  connection_lost: 'The connection to the gateway was lost; the request may have arrived.',
  answer_timeout: 'The gateway did not answer in time; the request may have arrived.',
  answer_too_large: 'The answer of the gateway was too large to be read; the request has arrived.',
  transport_other: 'The exchange with the gateway failed; the request may have arrived.',
};

/** Longest part of a foreign error message that is reported. */
const maxDetail = 200;

/** What a failed exchange is reported as. `detail` is the technical cause, shown in brackets. */
export function transportAnswer(code: TransportCode, detail?: string): GatewayResponse {
  const message = detail === undefined || detail === '' ? sentences[code] : `${sentences[code]} (${detail.slice(0, maxDetail)})`;
  return { type: 'transport', proof: deliveryOf[code], code, message };
}

const codeOf = (error: unknown): string => {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
};

/** The system call that failed, as Node names it. */
const isConnect = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'syscall' in error && error.syscall === 'connect';

/**
 * The transport code of an error.
 *
 * @param secure the connection is TLS: a connection that breaks before the request is started broke while shaking hands
 */
export function transportCode(error: unknown, phase: Phase, secure: boolean): TransportCode {
  if (error instanceof AggregateError && phase === 'connecting') return codeOfAttempts(error.errors, secure);
  const code = codeOf(error);
  if (phase === 'connecting' && secure && code === 'ECONNRESET') return 'tls_handshake';
  const row = transportTable.get(code) ?? (handshakeFamilies.some((family) => code.startsWith(family)) ? handshake : other);
  // Whatever the code: a connect that failed has carried no byte.
  return phase === 'connecting' && isConnect(error) && deliveryOf[row.connecting] === 'open' ? 'connect_failed' : row[phase];
}

/** Several addresses were tried: nothing was sent only if that is proven of every attempt. */
function codeOfAttempts(attempts: readonly unknown[], secure: boolean): TransportCode {
  const codes = attempts.map((attempt) => transportCode(attempt, 'connecting', secure));
  return codes.find((code) => deliveryOf[code] === 'open') ?? codes[0] ?? 'transport_other';
}

/** What an error of an exchange means, as an answer. */
export function readTransportError(error: unknown, phase: Phase, secure: boolean): GatewayResponse {
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  return transportAnswer(
    transportCode(error, phase, secure),
    code === '' || text.includes(code) ? text : text === '' ? code : `${code}: ${text}`,
  );
}
