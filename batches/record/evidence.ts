/**
 * What an answer of the gateway proves. Three readers with three result types: what a resend or a status check meets
 * can never be taken for what a first send met.
 */
import { failureClass, isGatewayCode, type FailureCode } from '../gateway/failure-codes.ts';
import type { GatewayResponse } from '../gateway/gateway-response.ts';
import { readGatewayError, toMap } from '../gateway/session.ts';
import type { LedgerRecord, Reason } from './record.ts';
import { maskedText, readSessionEvidence, type SessionEvidence } from './session-evidence.ts';

/** An answer without a session, or none. */
export interface Failure {
  readonly code: FailureCode;
  readonly reason: Reason;
  readonly retryAfterMs?: number;
}

export interface SessionSeen {
  readonly type: 'session';
  readonly session: SessionEvidence;
}

/**
 * - `not_sent`: not acted upon; may be sent again as if for the first time
 * - `config_error`: the gateway rejects the configuration; not acted upon
 * - `refused`: the gateway refuses this instruction
 * - `underfunded`: it refuses this instruction because the balance does not cover it
 * - `already_received`: it has arrived before; its session is unknown
 * - `manual_review`, `open`: may have been acted upon
 */
export type FirstSendEvidence =
  | SessionSeen
  | (Failure & { readonly type: 'not_sent' | 'config_error' | 'refused' | 'underfunded' | 'already_received' | 'manual_review' | 'open' });

/**
 * The first send is what matters, and no answer to a resend can prove that it did not arrive.
 *
 * - `already_received`: the first send, or an earlier resend, has arrived
 * - `not_made`: the resend did not leave, or was turned away unread: it counts as none
 * - `nothing_new`: the record is as open as before
 */
export type ResendEvidence =
  SessionSeen | (Failure & { readonly type: 'already_received' | 'not_made' | 'nothing_new'; readonly isConfigError: boolean });

/** Of the answer to a status check, confirm or cancel: what the session is, and nothing about the configuration or the sends. */
export type StatusEvidence = SessionSeen | (Failure & { readonly type: 'none' });

type Read = SessionSeen | (Failure & { readonly type: 'failure' });

const failure = (code: FailureCode, description: string, more: { gatewayCode?: string; retryAfterMs?: number | undefined } = {}): Read => ({
  type: 'failure',
  code,
  reason: { code: more.gatewayCode ?? code, description: maskedText(description) },
  ...(more.retryAfterMs === undefined ? {} : { retryAfterMs: more.retryAfterMs }),
});

function read(response: GatewayResponse, record: LedgerRecord): Read {
  if (response.type === 'transport') return failure(response.code, response.message);
  const body = toMap(response.json);
  // A session that is shown proves arrival, whatever else the answer says.
  const shown = readSessionEvidence(body?.['session'], record);
  if (shown.type === 'session') return shown;
  if (shown.type === 'untrusted')
    return failure('answer_untrusted', 'The gateway returned a session that cannot be read or does not belong to this record.');
  return readFailure(response, body);
}

type Body = ReturnType<typeof toMap>;

const noDescription = 'The gateway gave no description.';

const errorOf = (body: Body) => (body?.['status'] === 'error' ? readGatewayError(body['error']) : undefined);

/** Whether an answer speaks of a session in another place than the one for it: then a refusal is no proof. */
const namesSession = (body: Body): boolean =>
  [body, toMap(body?.['error'])].some((map) => [map?.['session_id'], map?.['session'], map?.['sessions']].some(isNamed));

const isNamed = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0);

function readFailure({ httpStatus, retryAfterMs }: Extract<GatewayResponse, { type: 'answer' }>, body: Body): Read {
  // Proof of arrival, whatever the HTTP status.
  if (errorOf(body)?.code === 'idempotency_key_already_exists')
    return failure('idempotency_key_already_exists', errorOf(body)?.description ?? noDescription);
  if (namesSession(body)) return failure('answer_untrusted', 'The gateway named a session and did not show it.');
  if (httpStatus === 429) return failure('too_many_requests', 'The gateway asks for a lower sending rate.', { retryAfterMs });
  if (httpStatus >= 500) return failure('server_error', `The gateway answered HTTP ${httpStatus}.`, { retryAfterMs });
  if (httpStatus >= 300 && httpStatus < 400)
    return failure('redirected', `The gateway answered with a redirect (HTTP ${httpStatus}), which is not followed. Check GATEWAY_URL.`);
  const error = errorOf(body);
  if (error !== undefined) {
    const description = error.description ?? noDescription;
    if (isGatewayCode(error.code)) return failure(error.code, description);
    return failure('code_unlisted', `The gateway answered with an unknown code: ${description}`, {
      gatewayCode: maskedText(error.code.slice(0, 64)),
    });
  }
  if (httpStatus >= 400)
    return failure(
      'http_unexpected',
      `HTTP ${httpStatus} without the gateway's error format: this does not look like its API. Check GATEWAY_URL.`,
    );
  return body?.['status'] === 'ok'
    ? failure('answer_untrusted', 'The gateway answered ok but returned no session.')
    : failure('answer_untrusted', `HTTP ${httpStatus} with a body that is neither ok nor error.`);
}

export function readFirstSend(response: GatewayResponse, record: LedgerRecord): FirstSendEvidence {
  const found = read(response, record);
  return found.type === 'session' ? found : { ...found, type: failureClass[found.code] };
}

export function readResend(response: GatewayResponse, record: LedgerRecord): ResendEvidence {
  const found = read(response, record);
  if (found.type === 'session') return found;
  const decision = failureClass[found.code];
  const type = decision === 'already_received' ? decision : decision === 'not_sent' ? 'not_made' : 'nothing_new';
  return { ...found, type, isConfigError: decision === 'config_error' };
}

export function readStatusCheck(response: GatewayResponse, record: LedgerRecord): StatusEvidence {
  const found = read(response, record);
  return found.type === 'session' ? found : { ...found, type: 'none' };
}
