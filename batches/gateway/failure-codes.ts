/**
 * What a failure code means for the *first* send of an instruction: one table, exhaustive by type, so that a new
 * code does not compile until somebody has decided it. What it means for a repeat follows in `evidence.ts`.
 */
import { deliveryOf, type TransportCode } from './gateway-response.ts';

/**
 * - `not_sent`: not acted upon; may be sent again as if for the first time
 * - `refused`: the gateway refuses this instruction; final
 * - `config_error`: the gateway rejects the configuration; not acted upon, the run stops
 * - `underfunded`: refused because the balance does not cover it; not acted upon, and the batch waits for money
 * - `open`: may have been acted upon
 * - `already_received`: the gateway has it, and its session is not known
 * - `manual_review`: a code without a known meaning; may have been acted upon, needs a manual decision
 */
export type FailureClass = 'not_sent' | 'refused' | 'config_error' | 'underfunded' | 'open' | 'already_received' | 'manual_review';

/** Error codes of the gateway. Source: docs/gateway.md; the list is known to be incomplete. */
export const gatewayCodes = [
  'identification_error',
  'authentication_error',
  'authorization_error',
  'invalid_request',
  'account_not_found',
  'amount_less_allowed_provider',
  'bank_card_expired',
  'card_number_does_not_exist',
  'binding_is_deactivated',
  'provider_exceeds_amount_limit',
  'provider_foreign_transfer_prohibited',
  'activity_count_exceeded',
  'internal_error',
  'provider_internal_error',
  'provider_issuer_unavailable',
  'provider_timeout',
  'idempotency_key_already_exists',
  'confirm_timeout',
  'capture_timeout',
  // No code for an empty balance is documented: these are an assumption.
  'insufficient_funds',
  'insufficient_balance',
  'not_enough_funds',
  'provider_insufficient_funds',
] as const;
export type GatewayCode = (typeof gatewayCodes)[number];

/** What we say ourselves of an answer that carries no code of the gateway. */
export const responseCodes = [
  'too_many_requests',
  'server_error',
  'redirected',
  'http_unexpected',
  'answer_untrusted',
  'evidence_mismatch',
  'code_unlisted',
] as const;
type ResponseCode = (typeof responseCodes)[number];

export type FailureCode = TransportCode | GatewayCode | ResponseCode;

export const failureClass: Readonly<Record<FailureCode, FailureClass>> = {
  ...deliveryOf,

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
  // Ended without payment: final for this attempt; a person may ask for another one.
  confirm_timeout: 'refused',
  capture_timeout: 'refused',

  insufficient_funds: 'underfunded',
  insufficient_balance: 'underfunded',
  not_enough_funds: 'underfunded',
  provider_insufficient_funds: 'underfunded',

  internal_error: 'open',
  provider_internal_error: 'open',
  provider_issuer_unavailable: 'open',
  provider_timeout: 'open',
  idempotency_key_already_exists: 'already_received',

  too_many_requests: 'not_sent',
  server_error: 'open',
  // A redirect, a 401 of a proxy, a 404, a firewall's page: this is not the gateway's API. What it did with the
  // request is unknown.
  redirected: 'open',
  http_unexpected: 'open',
  answer_untrusted: 'open',
  evidence_mismatch: 'open',
  code_unlisted: 'manual_review',
};

/** Answers that do not come from the gateway's API: if all first sends of a run get the same one, the configuration is wrong. */
export const suggestsWrongSetup: Readonly<Partial<Record<FailureCode, true>>> = { redirected: true, http_unexpected: true };

const listed: ReadonlySet<string> = new Set(gatewayCodes);
export const isGatewayCode = (code: string): code is GatewayCode => listed.has(code);

/** Failures that say that the gateway cannot be reached or is broken; the breaker counts them. */
export const tripsBreaker: Readonly<Record<FailureCode, boolean>> = {
  connection_refused: true,
  host_not_found: true,
  connect_timeout: true,
  network_unreachable: true,
  connect_failed: true,
  tls_handshake: true,
  lease_over: false,
  connection_lost: true,
  answer_timeout: true,
  answer_too_large: false,
  transport_other: true,
  identification_error: false,
  authentication_error: false,
  authorization_error: false,
  invalid_request: false,
  account_not_found: false,
  amount_less_allowed_provider: false,
  bank_card_expired: false,
  card_number_does_not_exist: false,
  binding_is_deactivated: false,
  provider_exceeds_amount_limit: false,
  provider_foreign_transfer_prohibited: false,
  activity_count_exceeded: false,
  internal_error: true,
  provider_internal_error: false,
  provider_issuer_unavailable: false,
  provider_timeout: false,
  idempotency_key_already_exists: false,
  confirm_timeout: false,
  capture_timeout: false,
  insufficient_funds: false,
  insufficient_balance: false,
  not_enough_funds: false,
  provider_insufficient_funds: false,
  too_many_requests: false,
  server_error: true,
  redirected: false,
  http_unexpected: false,
  answer_untrusted: false,
  evidence_mismatch: false,
  code_unlisted: false,
};
