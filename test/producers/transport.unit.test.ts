import { describe, expect, it } from 'vitest';
import { deliveryOf, type TransportCode } from '../../batches/gateway/gateway-response.ts';
import { readTransportError, transportAnswer, transportCode, transportTable } from '../../producers/transport.ts';

const failure = (code: string, message = 'it failed'): Error => Object.assign(new Error(message), { code });

/** Written out, so that a change of the table has to be made twice. Code, before the start, after the start. */
const expected: readonly (readonly [string, TransportCode, TransportCode])[] = [
  ['ECONNREFUSED', 'connection_refused', 'connection_lost'],
  ['ENOTFOUND', 'host_not_found', 'connection_lost'],
  ['EAI_AGAIN', 'host_not_found', 'connection_lost'],
  ['UND_ERR_CONNECT_TIMEOUT', 'connect_timeout', 'connection_lost'],
  ...[
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
    'EPROTO',
  ].map((code) => [code, 'tls_handshake', 'connection_lost'] as const),
  ['ECONNRESET', 'connection_lost', 'connection_lost'],
  ['ECONNABORTED', 'connection_lost', 'connection_lost'],
  ['EPIPE', 'connection_lost', 'connection_lost'],
  ['ETIMEDOUT', 'connection_lost', 'connection_lost'],
  ['EHOSTUNREACH', 'network_unreachable', 'connection_lost'],
  ['ENETUNREACH', 'network_unreachable', 'connection_lost'],
  ['ENETDOWN', 'network_unreachable', 'connection_lost'],
  ['ENOTCONN', 'network_unreachable', 'connection_lost'],
  ['UND_ERR_SOCKET', 'connection_lost', 'connection_lost'],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'connection_lost', 'connection_lost'],
  ['UND_ERR_HEADERS_TIMEOUT', 'answer_timeout', 'answer_timeout'],
  ['UND_ERR_BODY_TIMEOUT', 'answer_timeout', 'answer_timeout'],
  ['UND_ERR_HEADERS_OVERFLOW', 'answer_too_large', 'answer_too_large'],
  ['UND_ERR_RES_EXCEEDED_MAX_SIZE', 'answer_too_large', 'answer_too_large'],
  ['UND_ERR_ABORTED', 'transport_other', 'transport_other'],
  ['UND_ERR_INFO', 'transport_other', 'transport_other'],
  ['UND_ERR_CLOSED', 'lease_over', 'transport_other'],
  ['UND_ERR_DESTROYED', 'lease_over', 'transport_other'],
];

describe('the transport table', () => {
  it('has exactly these rows', () => {
    expect([...transportTable.keys()].toSorted()).toEqual(expected.map(([code]) => code).toSorted());
  });

  it.each(expected)('%s: %s before the start, %s after it', (code, connecting, started) => {
    expect(transportCode(failure(code), 'connecting', false)).toBe(connecting);
    expect(transportCode(failure(code), 'started', false)).toBe(started);
    expect(transportCode(failure(code), 'started', true)).toBe(started);
  });

  it.each([
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'ERR_TLS_HANDSHAKE_TIMEOUT',
  ])('%s is a failed handshake only before the start', (code) => {
    expect(transportCode(failure(code), 'connecting', true)).toBe('tls_handshake');
    expect(transportCode(failure(code), 'started', true)).toBe('connection_lost');
  });

  it('nothing that was started is ever called not sent', () => {
    const codes = [...transportTable.keys(), 'ERR_SSL_X', 'ERR_TLS_X', 'HPE_INVALID_CONSTANT', 'NEVER_HEARD_OF', ''];
    for (const code of codes)
      for (const secure of [true, false]) expect(deliveryOf[transportCode(failure(code), 'started', secure)]).toBe('open');
  });

  it('takes a code that is not in it as open', () => {
    for (const odd of [failure('EMFILE'), failure('HPE_INVALID_CONSTANT'), new Error('no code'), 'a text', undefined, null, { code: 7 }])
      expect(transportCode(odd, 'connecting', false)).toBe('transport_other');
  });

  it.each(['ETIMEDOUT', 'ECONNRESET', 'EADDRNOTAVAIL', 'EMFILE', 'EACCES', 'NEVER_HEARD_OF'])(
    'takes %s of a connect for not sent before the start, and for open after it',
    (code) => {
      const error = Object.assign(failure(code), { syscall: 'connect' });
      expect(transportCode(error, 'connecting', false)).toBe('connect_failed');
      expect(deliveryOf[transportCode(error, 'started', false)]).toBe('open');
    },
  );

  it('a reset before the start proves something only under TLS, where it ends the handshake', () => {
    expect(transportCode(failure('ECONNRESET'), 'connecting', true)).toBe('tls_handshake');
    expect(transportCode(failure('ECONNRESET'), 'connecting', false)).toBe('connection_lost');
    expect(transportCode(failure('ECONNRESET'), 'started', true)).toBe('connection_lost');
  });
});

describe('several addresses', () => {
  const attempts = (...codes: string[]): AggregateError =>
    Object.assign(new AggregateError(codes.map((code) => failure(code))), { code: codes[0] });

  it('not sent if that is proven of every attempt', () => {
    expect(transportCode(attempts('ECONNREFUSED', 'ECONNREFUSED'), 'connecting', false)).toBe('connection_refused');
    expect(transportCode(attempts('UND_ERR_CONNECT_TIMEOUT', 'ECONNREFUSED'), 'connecting', false)).toBe('connect_timeout');
  });

  it('open if one attempt is open, wherever it is in the list', () => {
    expect(transportCode(attempts('ECONNREFUSED', 'ETIMEDOUT'), 'connecting', false)).toBe('connection_lost');
    expect(transportCode(attempts('EMFILE', 'ECONNREFUSED'), 'connecting', false)).toBe('transport_other');
  });

  it('open without any attempt, and open after the start', () => {
    expect(transportCode(attempts(), 'connecting', false)).toBe('transport_other');
    expect(transportCode(attempts('ECONNREFUSED', 'ECONNREFUSED'), 'started', false)).toBe('connection_lost');
  });
});

describe('what is reported', () => {
  it('carries the proof of its code, a sentence and the cause', () => {
    expect(readTransportError(failure('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1'), 'connecting', false)).toEqual({
      type: 'transport',
      proof: 'not_sent',
      code: 'connection_refused',
      message: 'The gateway refused the connection; nothing was sent. (connect ECONNREFUSED 127.0.0.1:1)',
    });
    expect(readTransportError(failure('EPIPE', ''), 'started', false)).toMatchObject({
      proof: 'open',
      message: expect.stringMatching(/\(EPIPE\)$/) as string,
    });
  });

  it('is limited in length when a foreign error is long', () => {
    const told = readTransportError(failure('X', 'y'.repeat(10_000)), 'started', false);
    expect(told.type === 'transport' && told.message.length).toBeLessThan(400);
  });

  it('says "nothing was sent" exactly where that is proven', () => {
    for (const [code, proof] of Object.entries(deliveryOf)) {
      const told = transportAnswer(code as TransportCode);
      expect(told.type === 'transport' && told.message.includes('nothing was sent')).toBe(proof === 'not_sent');
    }
  });
});
