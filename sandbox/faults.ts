/**
 * What goes wrong, and how often.
 *
 * All faults of calls strike `session/init/*` only. `session/status`, `session/confirm`, `session/cancel` and
 * `wallet/balance` always answer: nothing is paid by asking, and so what the witness lists can be reckoned from
 * the init calls alone.
 */
import type { Chance } from './seeded-random.ts';

/** In the order in which their draws are laid out; append only, or old seeds change their meaning. */
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
] as const;

type FaultName = (typeof faultNames)[number];

/** Rates from 0 (never, the default) to 1 (always). */
export type FaultRates = Readonly<Partial<Record<FaultName, number>>>;

const isFaultName = (name: string): name is FaultName => (faultNames as readonly string[]).includes(name);
const decimal = /^(?:\d+\.?\d*|\.\d+)$/;

/**
 * Reads `lost-answer=0.05,slow=0.1`; an empty text means no faults.
 *
 * @throws Error that names every unknown fault, repeated fault and bad rate, and lists the faults there are
 */
export function parseFaults(text: string): FaultRates {
  const rates: Partial<Record<FaultName, number>> = {};
  const problems: string[] = [];
  for (const item of text.split(',').map((part) => part.trim())) {
    if (item === '') continue;
    const [name = '', rate = '', ...rest] = item.split('=').map((part) => part.trim());
    if (!isFaultName(name)) problems.push(`unknown fault "${name}"`);
    else if (rest.length > 0 || !decimal.test(rate) || Number(rate) > 1)
      problems.push(`"${item}": a rate is a number from 0 to 1, as in ${name}=0.05`);
    else if (rates[name] !== undefined) problems.push(`fault "${name}" is named twice`);
    else rates[name] = Number(rate);
  }
  if (problems.length > 0) throw new Error(`${problems.join('; ')}. Faults are: ${faultNames.join(', ')}`);
  return rates;
}

/** Slots of `Chance` behind those of the faults of calls. */
const slowSlot = 8;
export const codeSlot = 9;
export const variantSlot = 10;
export const spellingSlot = 11;
const cutSlot = 12;

/**
 * What one init call meets.
 *
 * @property before stops the call before anything is recorded
 * @property slowMs the answer waits this long, 1000 to 3000, or 0
 * @property lostAnswer recorded, and the connection closed: before the first byte or, one time in four, within the body
 */
export interface Misfortune {
  readonly before: 'lost-request' | 'http-500' | 'http-429' | undefined;
  readonly refuse: boolean;
  readonly failLater: boolean;
  readonly wrongAmount: boolean;
  readonly slowMs: number;
  readonly lostAnswer: 'no' | 'silent' | 'cut';
}

const strikes = (rates: FaultRates, chance: Chance, name: FaultName, slot = faultNames.indexOf(name)): boolean =>
  chance.unit(slot) < (rates[name] ?? 0);

export function meet(rates: FaultRates, chance: Chance): Misfortune {
  return {
    before: (['lost-request', 'http-500', 'http-429'] as const).find((name) => strikes(rates, chance, name)),
    refuse: strikes(rates, chance, 'refuse'),
    failLater: strikes(rates, chance, 'fail-later'),
    wrongAmount: strikes(rates, chance, 'wrong-amount'),
    slowMs: strikes(rates, chance, 'slow') ? 1000 + Math.floor(chance.unit(slowSlot) * 2000) : 0,
    lostAnswer: strikes(rates, chance, 'lost-answer') ? (chance.unit(cutSlot) < 0.25 ? 'cut' : 'silent') : 'no',
  };
}

/**
 * What one webhook meets. Its chance is its own, drawn for the session and the event.
 *
 * @property lost never sent at all, and never sent again
 * @property repeatAfterMs sent once more, unchanged, this long after it was taken: later events may come between
 */
export function meetWebhook(rates: FaultRates, chance: Chance): { readonly lost: boolean; readonly repeatAfterMs: number | undefined } {
  return {
    lost: strikes(rates, chance, 'lost-webhook', 0),
    repeatAfterMs: strikes(rates, chance, 'repeat-webhook', 1) ? Math.floor(chance.unit(2) * 2000) : undefined,
  };
}
