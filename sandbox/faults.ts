/**
 * Faults, and how often they occur.
 *
 * Faults of calls apply to `session/init/*`, `not-found` to `session/status`, and `maintenance` to every method.
 */
import type { Kind } from './body-rules.ts';
import type { Ask, Reversal } from './lifecycle.ts';
import type { Draws } from './seeded-random.ts';

/** In the order of their draws; append only, otherwise existing seeds change their meaning. */
export const faultNames = [
  'lost-request',
  'lost-answer',
  'slow',
  'http-500',
  'http-429',
  'refuse',
  'fail-later',
  'wrong-amount',
  'repeat-webhook',
  'lost-webhook',
  'late-webhook',
  'early-webhook',
  'reorder-webhook',
  'action-required',
  'capture',
  'refund',
  'charge-back',
  'return',
  'second-session',
  'several-entries',
  'not-found',
  'maintenance',
] as const;

export type Fault = (typeof faultNames)[number];

/** Rates from 0 (never, the default) to 1 (always). */
export type FaultRates = Readonly<Partial<Record<Fault, number>>>;

const isFaultName = (name: string): name is Fault => (faultNames as readonly string[]).includes(name);
const decimal = /^(?:\d+\.?\d*|\.\d+)$/;

/**
 * Parses `lost-answer=0.05,slow=0.1`; an empty text means no faults.
 *
 * @throws Error that names every unknown fault, repeated fault and invalid rate, and lists all faults
 */
export function parseFaults(text: string): FaultRates {
  const rates: Partial<Record<Fault, number>> = {};
  const problems: string[] = [];
  for (const item of text.split(',').map((part) => part.trim())) {
    if (item === '') continue;
    const [name = '', rate = '', ...rest] = item.split('=').map((part) => part.trim());
    if (!isFaultName(name)) problems.push(`unknown fault "${name}"`);
    else if (rest.length > 0 || !decimal.test(rate) || Number(rate) > 1)
      problems.push(`"${item}": a rate is a number from 0 to 1, as in ${name}=0.05`);
    else if (rates[name] !== undefined) problems.push(`fault "${name}" is given twice`);
    else rates[name] = Number(rate);
  }
  if (problems.length > 0) throw new Error(`${problems.join('; ')}. Faults are: ${faultNames.join(', ')}`);
  return rates;
}

/** Slots of `Draws` after those of the faults of calls. */
const slowSlot = 8;
export const codeSlot = 9;
export const variantSlot = 10;
export const spellingSlot = 11;
const cutSlot = 12;

/**
 * The faults of one init call.
 *
 * @property before stops the call before anything is recorded
 * @property slowMs delay of the response, 1000 to 3000, or 0
 * @property lostAnswer recorded, and the connection closed: before the first byte or, one time in four, within the body
 */
export interface CallFaults {
  readonly before: 'lost-request' | 'http-500' | 'http-429' | undefined;
  readonly refuse: boolean;
  readonly failLater: boolean;
  readonly wrongAmount: boolean;
  readonly slowMs: number;
  readonly lostAnswer: 'no' | 'silent' | 'cut';
}

const occurs = (rates: FaultRates, draws: Draws, name: Fault, slot = faultNames.indexOf(name)): boolean =>
  draws.unit(slot) < (rates[name] ?? 0);

export function applyFaults(rates: FaultRates, draws: Draws): CallFaults {
  return {
    before: (['lost-request', 'http-500', 'http-429'] as const).find((name) => occurs(rates, draws, name)),
    refuse: occurs(rates, draws, 'refuse'),
    failLater: occurs(rates, draws, 'fail-later'),
    wrongAmount: occurs(rates, draws, 'wrong-amount'),
    slowMs: occurs(rates, draws, 'slow') ? 1000 + Math.floor(draws.unit(slowSlot) * 2000) : 0,
    lostAnswer: occurs(rates, draws, 'lost-answer') ? (draws.unit(cutSlot) < 0.25 ? 'cut' : 'silent') : 'no',
  };
}

/**
 * What is unusual about one session, in draws of its own.
 *
 * @property isEarly its first webhook is sent before the init call is answered
 * @property asks what a payment waits for before it ends
 * @property reversedShare 1: all of the money comes back; 2: half of it
 * @property hasSecond the gateway records one more session for the same call
 * @property failsFirst an entry fails before the one that counts
 */
export interface SessionFaults {
  readonly isEarly: boolean;
  readonly asks: readonly Ask[];
  readonly reversal: Reversal;
  readonly reversedShare: number;
  readonly hasSecond: boolean;
  readonly failsFirst: boolean;
}

export function applySessionFaults(rates: FaultRates, kind: Kind, draws: Draws): SessionFaults {
  const isPayment = kind === 'payment';
  const asks: Ask[] = [];
  if (isPayment && occurs(rates, draws, 'action-required', 1)) asks.push('action');
  if (isPayment && occurs(rates, draws, 'capture', 2)) asks.push('capture');
  const reversals: readonly (readonly [Reversal, boolean])[] = [
    ['refund', isPayment && occurs(rates, draws, 'refund', 3)],
    ['charge-back', isPayment && occurs(rates, draws, 'charge-back', 4)],
    ['return', !isPayment && occurs(rates, draws, 'return', 5)],
  ];
  const [reversal] = reversals.find(([, happens]) => happens) ?? ['none' as const];
  return {
    isEarly: occurs(rates, draws, 'early-webhook', 0),
    asks,
    reversal,
    reversedShare: reversal === 'refund' && draws.unit(6) < 0.5 ? 2 : 1,
    hasSecond: !isPayment && occurs(rates, draws, 'second-session', 7),
    failsFirst: occurs(rates, draws, 'several-entries', 8),
  };
}

/** One call of `session/status` that does not find its session. */
export const isNotFound = (rates: FaultRates, draws: Draws): boolean => occurs(rates, draws, 'not-found', 0);

/** The HTTP status of a maintenance page instead of the answer, or undefined. */
export const maintenanceStatus = (rates: FaultRates, draws: Draws): 200 | 503 | undefined =>
  occurs(rates, draws, 'maintenance', 0) ? (draws.unit(1) < 0.5 ? 200 : 503) : undefined;

/**
 * The faults of one webhook, drawn for its session and event.
 *
 * @property lost never sent
 * @property lateMs sent so much later, as it was at the event: later events overtake it; 0: in time
 * @property isReordered held until the next webhook of its session was sent, or for a while when there is none
 * @property repeatAfterMs sent once more, unchanged, this long after it was accepted: later events may come between
 */
export function applyWebhookFaults(
  rates: FaultRates,
  draws: Draws,
): { readonly lost: boolean; readonly lateMs: number; readonly isReordered: boolean; readonly repeatAfterMs: number | undefined } {
  return {
    lost: occurs(rates, draws, 'lost-webhook', 0),
    lateMs: occurs(rates, draws, 'late-webhook', 3) ? 1000 + Math.floor(draws.unit(4) * 4000) : 0,
    isReordered: occurs(rates, draws, 'reorder-webhook', 5),
    repeatAfterMs: occurs(rates, draws, 'repeat-webhook', 1) ? Math.floor(draws.unit(2) * 2000) : undefined,
  };
}
