/** The members of a valid init body that are stored, and how they are shown again. */
import type { MethodFamily } from './errors.ts';
import { isObject } from './body-rules.ts';
import type { Json, JsonObject, Kind } from './body-rules.ts';

/**
 * @property amountMinor minor units, as requested
 * @property currency as sent
 * @property echo JSON members for the entry, without braces: method, participants, customer, options, metadata
 */
export interface Order {
  readonly kind: Kind;
  readonly family: MethodFamily;
  readonly amountMinor: number;
  readonly currency: string;
  readonly echo: string;
}

const member = (value: Json | undefined, name: string): Json | undefined =>
  isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;

/** The caller's record, read from `metadata.record_id`; null when there is none. */
export function recordIdOf(body: Json): string | null {
  const recordId = member(member(body, 'metadata'), 'record_id');
  return typeof recordId === 'string' ? recordId : null;
}

/** Cards are shown as brand, first six and last four digits, in whatever form they were sent. */
function shownCard(card: Json | undefined): JsonObject {
  const number = member(member(card, 'bank_card'), 'number');
  // A hash or token represents a card that only the gateway knows: a fixed one here.
  const digits = typeof number === 'string' ? number : '4000000000000002';
  const brand = digits.startsWith('4') ? 'visa' : /^(?:5[1-5]|2[2-7])/.test(digits) ? 'mastercard' : 'other';
  return { brand, bin: digits.slice(0, 6), last4: digits.slice(-4) };
}

function shownMethod(method: Json | undefined): Json | undefined {
  return member(method, 'type') === 'card' ? { type: 'card', card: shownCard(member(method, 'card')) } : method;
}

/** Reads a body for which `bodyError` returned undefined. */
export function readOrder(kind: Kind, body: Json): Order {
  const method = kind === 'payout' ? 'payment_method' : 'payment_details';
  const details = member(body, 'amount_details');
  const echo = JSON.stringify({
    customer: member(body, 'customer'),
    [method]: shownMethod(member(body, method)),
    participant_details: member(body, 'participant_details'),
    payment_options: kind === 'payment' ? member(body, 'payment_options') : undefined,
    metadata: member(body, 'metadata'),
  });
  return {
    kind,
    family: member(member(body, method), 'type') as MethodFamily,
    amountMinor: Number(member(details, 'amount')),
    currency: String(member(details, 'currency')),
    echo: echo.slice(1, -1),
  };
}
