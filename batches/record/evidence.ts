/**
 * What the gateway said, and what we may conclude from it. Answers to init, status, confirm and cancel all come
 * through here, so that nothing is believed in one place that would not be believed in another.
 */
import type { GatewayResponse } from '../gateway/gateway-response.ts';
import { failureClass, isGatewayCode, haltsRun, type FailureCode } from '../gateway/failure-codes.ts';
import { maskQuoted } from '../instruction/masks.ts';
import type { LedgerRecord, Reason } from './record.ts';

/** A session as the gateway shows it, reduced to what matters, and held against the ledger. */
export interface SessionEvidence {
  readonly sessionId: string;
  readonly entryId: string | null;
  readonly state: 'pending' | 'awaiting_confirmation' | 'succeeded' | 'failed' | 'cancelled';
  /** Currency and amount against the ledger's; `missing` when the gateway does not show them. */
  readonly amount: 'equal' | 'different' | 'missing';
  readonly reason: Reason | null;
}

/**
 * What one exchange taught us.
 *
 * `code` is set for everything but a sighting; `stop` says that the whole run meets the same fate.
 */
export type Evidence =
  | { readonly type: 'sighting'; readonly sighting: SessionEvidence }
  | {
      readonly type: 'not_sent' | 'refused' | 'open' | 'arrived' | 'person';
      readonly code: FailureCode;
      readonly reason: Reason;
      readonly stop: boolean;
      readonly retryAfterMs?: number;
    };

type JsonMap = Record<string, unknown>;
const toMap = (value: unknown): JsonMap | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonMap) : undefined;
const toText = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' && value.length <= 256 ? value : undefined;

/** What the gateway says may quote an account; the end is cut after masking, so that no half of a number stays. */
const maskedText = (text: string): string => maskQuoted(text).slice(0, 500);

/** Turns an answer to anything but an accepted call into what it means for a first send. */
function failure(code: FailureCode, description: string, gatewayCode?: string, retryAfterMs?: number): Evidence {
  const decision = failureClass[code];
  return {
    type: decision === 'setup' ? 'not_sent' : decision,
    code,
    reason: { code: gatewayCode ?? code, description: maskedText(description) },
    stop: haltsRun[code] === true,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** Reads an answer to `init`, for a send that was the first of its attempt. */
export function readResponse(answer: GatewayResponse, record: LedgerRecord): Evidence {
  if (answer.type === 'transport') return failure(answer.code, answer.message);
  const { httpStatus, json, retryAfterMs } = answer;
  if (httpStatus === 429) return failure('too_many_requests', 'The gateway asks to send more slowly.', undefined, retryAfterMs);
  if (httpStatus >= 500) return failure('server_error', `The gateway answered HTTP ${httpStatus}.`, undefined, retryAfterMs);
  if (httpStatus >= 300 && httpStatus < 400)
    return failure('redirected', `The gateway answered with a redirect (HTTP ${httpStatus}), which is not followed. Check GATEWAY_URL.`);

  const body = toMap(json);
  const error = toMap(body?.['error']);
  const code = toText(error?.['code']);
  if (body?.['status'] === 'error' && code !== undefined) {
    const description = toText(error?.['description']) ?? 'The gateway gave no description.';
    if (isGatewayCode(code)) return failure(code, description);
    return failure('code_unlisted', `The gateway answered a code that is not in our table: ${description}`, maskedText(code.slice(0, 64)));
  }
  if (httpStatus >= 400)
    return failure(
      'http_unexpected',
      `HTTP ${httpStatus} without the gateway's error form: this does not look like its API. Check GATEWAY_URL.`,
    );
  if (body?.['status'] !== 'ok') return failure('answer_untrusted', `HTTP ${httpStatus} with a body that is neither ok nor error.`);
  const sighting = readSession(body['session'], record);
  return sighting === undefined
    ? failure('answer_untrusted', 'The gateway said ok and showed no session that names this record.')
    : { type: 'sighting', sighting };
}

/**
 * The same for a repeat of an open send: the first send is what matters, and no answer to a repeat can prove
 * that it did not arrive. Only a session, or the word that the key is known, teaches anything.
 */
export function readResendResponse(answer: GatewayResponse, record: LedgerRecord): Evidence {
  const finding = readResponse(answer, record);
  return finding.type === 'not_sent' || finding.type === 'refused' ? { ...finding, type: 'open' } : finding;
}

/**
 * Reads a session object: of an answer or a webhook.
 *
 * @returns undefined when it is no session, or speaks of another record or attempt, or of another session than
 *   the one this record is known to have
 */
export function readSession(value: unknown, record: LedgerRecord): SessionEvidence | undefined {
  const session = toMap(value);
  const sessionId = toText(session?.['id']);
  const status = toText(session?.['status']);
  if (session === undefined || sessionId === undefined || status === undefined) return undefined;
  if (record.sessionId !== null && record.sessionId !== sessionId) return undefined;

  const listed = session[record.kind === 'payout' ? 'payments' : 'acquiring_payments'];
  const entries = (Array.isArray(listed) ? listed : []).map(toMap).filter((entry) => entry !== undefined);
  const ours = entries.filter((entry) => namesRecord(entry['metadata'], record) !== 'other');
  // Several entries under one session are not documented: without one that is surely ours, nothing is believed.
  if (entries.length > 0 && ours.length === 0) return undefined;
  if (namesRecord(session['metadata'], record) === 'other') return undefined;
  const entry = ours.length === 1 ? ours[0] : ours.find((one) => namesRecord(one['metadata'], record) === 'ours');
  const entryStatus = toText(entry?.['status']);

  return {
    sessionId,
    entryId: toText(entry?.['id']) ?? null,
    state: says(status, entryStatus, session['next_action'], record.cancelSession === sessionId),
    amount: compareAmount(entry?.['amount_details'] ?? session['amount_details'], record),
    reason: readReason(entry?.['error']) ?? readReason(session['error']),
  };
}

/**
 * Source: the life cycle in docs/gateway.md. A session in `error` is not final. The entry of a session that we had
 * cancelled is called failed, and yet nothing failed: we called it off.
 */
function says(session: string, entry: string | undefined, nextAction: unknown, cancelledByUs: boolean): SessionEvidence['state'] {
  const cancelled = session === 'cancelled' || session === 'canceled';
  if (entry === 'succeeded') return 'succeeded';
  if (cancelled && cancelledByUs) return 'cancelled';
  if (entry === 'failed' && (session === 'accepted' || cancelled)) return 'failed';
  if (cancelled) return 'cancelled';
  if (nextAction === 'confirm' && (entry === 'pending' || entry === undefined)) return 'awaiting_confirmation';
  return 'pending';
}

function namesRecord(metadata: unknown, record: LedgerRecord): 'ours' | 'other' | 'silent' {
  const map = toMap(metadata);
  const recordId = map?.['record_id'];
  const attempt = map?.['attempt'];
  if (recordId === undefined && attempt === undefined) return 'silent';
  const same =
    (recordId === undefined || recordId === record.recordId) &&
    (attempt === undefined || String(attempt as number) === String(record.attempt));
  return same ? 'ours' : 'other';
}

function compareAmount(value: unknown, record: LedgerRecord): SessionEvidence['amount'] {
  const details = toMap(value);
  const amount = details?.['amount'];
  const currency = details?.['currency'];
  if (amount === undefined || amount === null || currency === undefined || currency === null) return 'missing';
  const sameAmount = Number.isSafeInteger(amount) && BigInt(amount as number) === record.amountMinor;
  return sameAmount && typeof currency === 'string' && currency.toUpperCase() === record.currency ? 'equal' : 'different';
}

function readReason(value: unknown): Reason | null {
  const error = toMap(value);
  const code = toText(error?.['code']);
  if (code === undefined) return null;
  return {
    code: maskedText(code.slice(0, 64)),
    description: maskedText(toText(error?.['description']) ?? 'The gateway gave no description.'),
  };
}
