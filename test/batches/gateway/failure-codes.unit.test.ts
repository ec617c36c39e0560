import { describe, expect, it } from 'vitest';
import { transportCodes, deliveryOf } from '../../../batches/gateway/gateway-response.ts';
import {
  responseCodes,
  tripsBreaker,
  failureClass,
  gatewayCodes,
  isGatewayCode,
  suggestsWrongSetup,
  type FailureClass,
  type FailureCode,
} from '../../../batches/gateway/failure-codes.ts';

/** The whole table once more, written by hand from docs/gateway.md: a slip in either shows. */
const expected: Readonly<Record<FailureCode, FailureClass>> = {
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
  identification_error: 'config_error',
  authentication_error: 'config_error',
  authorization_error: 'config_error',
  invalid_request: 'refused',
  account_not_found: 'refused',
  amount_less_allowed_provider: 'refused',
  bank_card_expired: 'refused',
  card_number_does_not_exist: 'refused',
  binding_is_deactivated: 'refused',
  provider_exceeds_amount_limit: 'refused',
  provider_foreign_transfer_prohibited: 'refused',
  activity_count_exceeded: 'refused',
  confirm_timeout: 'refused',
  capture_timeout: 'refused',
  internal_error: 'open',
  provider_internal_error: 'open',
  provider_issuer_unavailable: 'open',
  provider_timeout: 'open',
  idempotency_key_already_exists: 'already_received',
  too_many_requests: 'not_sent',
  server_error: 'open',
  redirected: 'open',
  http_unexpected: 'open',
  answer_untrusted: 'open',
  evidence_mismatch: 'open',
  code_unlisted: 'manual_review',
};

const codes: readonly FailureCode[] = [...transportCodes, ...gatewayCodes, ...responseCodes];

describe('the failure table', () => {
  it('decides every code, and no other', () => {
    expect(failureClass).toEqual(expected);
    expect(Object.keys(failureClass).toSorted()).toEqual([...codes].toSorted());
    expect(Object.keys(tripsBreaker).toSorted()).toEqual([...codes].toSorted());
  });

  it('calls nothing not sent but what is proven so', () => {
    const notSent = codes.filter((code) => failureClass[code] === 'not_sent');
    expect(notSent).toEqual([
      'connection_refused',
      'host_not_found',
      'connect_timeout',
      'network_unreachable',
      'connect_failed',
      'tls_handshake',
      'lease_over',
      'too_many_requests',
    ]);
    for (const code of transportCodes) expect(failureClass[code]).toBe(deliveryOf[code]);
  });

  it('calls the set-up wrong for the codes of the gateway that say so, and suspects it for pages of something else', () => {
    expect(codes.filter((code) => failureClass[code] === 'config_error')).toEqual([
      'identification_error',
      'authentication_error',
      'authorization_error',
    ]);
    expect(Object.keys(suggestsWrongSetup)).toEqual(['redirected', 'http_unexpected']);
  });

  it('never opens the breaker for a refusal of one instruction', () => {
    for (const code of codes) if (failureClass[code] === 'refused') expect(tripsBreaker[code]).toBe(false);
  });

  it('knows its own codes only', () => {
    expect(isGatewayCode('invalid_request')).toBe(true);
    expect(isGatewayCode('server_error')).toBe(false);
    expect(isGatewayCode('toString')).toBe(false);
  });
});
