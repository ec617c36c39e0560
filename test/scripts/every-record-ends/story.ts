/** What a run of the story is about: its records, the faults, and the moments at which processes are killed. */
import type { Fault, FaultRates } from '../../../sandbox/faults.ts';
import { row, type Row } from '../../support/builders.ts';

export type Profile = 'standalone' | 'distributed';
/** How disburse learns what became of a session, besides the answers of its own calls. */
export type Told = 'both' | 'webhooks' | 'status';

/**
 * @property seed of the faults and of the kills
 * @property confirm whether payouts wait for our confirmation
 * @property quietMs what is still open when nothing changed for so long stays open
 */
export interface Story {
  readonly profile: Profile;
  readonly told: Told;
  readonly records: number;
  readonly kills: number;
  readonly seed: number;
  readonly confirm: 'auto' | 'manual';
  readonly quietMs: number;
}

/** Numbers from 0 to 1 that follow from the seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Of ten records, three are payments; two carry card numbers. */
export const rowsOf = (count: number): readonly Row[] =>
  Array.from({ length: count }, (_, index) => {
    const id = `e-${index + 1}`;
    const amount = `${(index % 900) + 1}.07`;
    if (index % 10 === 3) return row(id, { amount }, 'payment', 'card');
    if (index % 5 === 4) return row(id, { amount }, 'payment', 'recurrent');
    if (index % 10 === 7) return row(id, { amount }, 'payout', 'card');
    return row(id, { amount });
  });

/** Whether the record of this id carries a card number. */
export const cardRecord = (recordId: string): boolean => [3, 7].includes((Number(recordId.slice(2)) - 1) % 10);

const everyFault: Readonly<Record<Fault, number>> = {
  'lost-request': 0.04,
  'lost-answer': 0.06,
  slow: 0.03,
  'http-500': 0.04,
  'http-429': 0.005,
  refuse: 0.03,
  'fail-later': 0.05,
  'wrong-amount': 0.02,
  'repeat-webhook': 0.1,
  'lost-webhook': 0.05,
  'late-webhook': 0.05,
  'early-webhook': 0.1,
  'reorder-webhook': 0.1,
  'action-required': 0.3,
  capture: 0.3,
  refund: 0.05,
  'charge-back': 0.03,
  return: 0.03,
  'second-session': 0.03,
  'several-entries': 0.1,
  'not-found': 0.1,
  maintenance: 0.03,
};

/** With webhooks only, `session/status` never finds its session, and no webhook is lost for good. */
const always = (told: Told): FaultRates => (told === 'webhooks' ? { 'not-found': 1, 'lost-webhook': 0 } : {});

export const faultsOf = (told: Told): FaultRates => ({ ...everyFault, ...always(told) });

export const faultsThatStay = (told: Told): FaultRates => ({
  ...(Object.fromEntries(Object.keys(everyFault).map((name) => [name, 0])) as FaultRates),
  ...always(told),
});

/** How many calls the gateway has had when a process is killed. */
export function killMoments({ kills, records, seed }: Story): readonly number[] {
  const random = randomOf(seed);
  return Array.from({ length: kills }, () => 1 + Math.floor(random() * records * 1.5)).toSorted((one, other) => one - other);
}
