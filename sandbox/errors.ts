/** The gateway's errors: `{"status":"error","error":{"code","description"}}` under an HTTP status of 400 and above. */

/** Codes of the gateway, and the HTTP status of each here. */
const httpStatusOf = {
  invalid_request: 400,
  idempotency_key_already_exists: 400,
  identification_error: 401,
  authentication_error: 401,
  account_not_found: 400,
  amount_less_allowed_provider: 400,
  bank_card_expired: 400,
  card_number_does_not_exist: 400,
  binding_is_deactivated: 400,
  provider_exceeds_amount_limit: 400,
  provider_foreign_transfer_prohibited: 400,
  activity_count_exceeded: 400,
  // Not documented: what a gateway plausibly answers when the balance is used up.
  insufficient_funds: 400,
  internal_error: 500,
  // A 429 has no documented code: the status and Retry-After count.
  too_many_requests: 429,
} as const;

export type ErrorCode = keyof typeof httpStatusOf;

export interface GatewayError {
  readonly code: ErrorCode;
  readonly description: string;
  readonly httpStatus: number;
}

/** @param httpStatus where HTTP says more than the code: 404, 405, 413 */
export const gatewayError = (code: ErrorCode, description: string, httpStatus: number = httpStatusOf[code]): GatewayError => ({
  code,
  description,
  httpStatus,
});

export const errorBody = ({ code, description }: GatewayError): string => JSON.stringify({ status: 'error', error: { code, description } });

export type MethodFamily = 'bank_account' | 'wallet' | 'card' | 'recurrent';

const refusals: Readonly<Record<MethodFamily, readonly ErrorCode[]>> = {
  bank_account: [
    'account_not_found',
    'amount_less_allowed_provider',
    'provider_exceeds_amount_limit',
    'provider_foreign_transfer_prohibited',
    'activity_count_exceeded',
  ],
  wallet: ['account_not_found', 'amount_less_allowed_provider', 'provider_exceeds_amount_limit', 'activity_count_exceeded'],
  card: ['bank_card_expired', 'card_number_does_not_exist', 'provider_exceeds_amount_limit', 'activity_count_exceeded'],
  recurrent: ['binding_is_deactivated', 'bank_card_expired', 'activity_count_exceeded'],
};

/** A documented reason to refuse this kind of payment method, selected by a number in [0, 1). */
export function refusalFor(family: MethodFamily, unit: number): ErrorCode {
  const codes = refusals[family];
  return codes[Math.floor(unit * codes.length)] ?? 'invalid_request';
}
