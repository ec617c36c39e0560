import { describe, expect, it } from 'vitest';
import { confirmationMs, eventsOf, stateOf } from '../../sandbox/lifecycle.ts';
import type { Lifecycle } from '../../sandbox/lifecycle.ts';

const settleMs = 100;
const life = (changes: Partial<Lifecycle> = {}): Lifecycle => ({
  recordedAtMs: 1000,
  waitsForConfirmation: true,
  outcome: 'succeeds',
  failCode: 'account_not_found',
  decision: 'none',
  decidedAtMs: 0,
  ...changes,
});
const short = (subject: Lifecycle, atMs: number): string => {
  const { session, entry, nextAction, error } = stateOf(subject, settleMs, atMs);
  return [session, entry, nextAction, error].filter((part) => part !== undefined).join(' ');
};
const confirmed = { decision: 'confirmed', decidedAtMs: 1500 } as const;

describe('stateOf', () => {
  it.each([
    ['young', life(), 1099, 'in_progress in_progress'],
    ['ready', life(), 1100, 'in_progress pending confirm'],
    ['waits to the last moment', life(), 1099 + confirmationMs, 'in_progress pending confirm'],
    ['never confirmed', life(), 1100 + confirmationMs, 'cancelled failed confirm_timeout'],
    ['confirmed', life(confirmed), 1599, 'in_progress pending'],
    ['confirmed and settled', life(confirmed), 1600, 'accepted succeeded'],
    ['confirmed, long after the deadline', life(confirmed), 1100 + confirmationMs, 'accepted succeeded'],
    ['as it was before the confirmation', life(confirmed), 1499, 'in_progress pending confirm'],
    ['cancelled by us', life({ decision: 'cancelled', decidedAtMs: 1500 }), 1600, 'cancelled failed'],
    [
      'cancelled by the merchant, whatever its outcome',
      life({ decision: 'cancelled', decidedAtMs: 1500, outcome: 'fails-accepted' }),
      1600,
      'cancelled failed',
    ],
    ['settles by itself', life({ waitsForConfirmation: false }), 1100, 'accepted succeeded'],
    ['fails', life({ ...confirmed, outcome: 'fails-accepted' }), 1600, 'accepted failed account_not_found'],
    ['fails and is cancelled', life({ ...confirmed, outcome: 'fails-cancelled' }), 1600, 'cancelled failed account_not_found'],
    ['shows an error that is not final', life({ ...confirmed, outcome: 'fails-after-error' }), 1699, 'error failed provider_timeout'],
    ['and then its end', life({ ...confirmed, outcome: 'fails-after-error' }), 1700, 'cancelled failed account_not_found'],
  ])('%s', (_, subject, atMs, expected) => {
    expect(short(subject, atMs)).toBe(expected);
  });

  it('advances updated_at with every change', () => {
    const subject = life({ ...confirmed, outcome: 'fails-after-error' });
    expect([1000, 1100, 1500, 1600, 1700].map((atMs) => stateOf(subject, settleMs, atMs).updatedAtMs)).toEqual([
      1000, 1100, 1500, 1600, 1700,
    ]);
  });
});

describe('eventsOf', () => {
  it.each([
    ['undecided', life(), ['ready_to_confirm 1100', `payment_finished ${1100 + confirmationMs}`]],
    ['confirmed', life(confirmed), ['ready_to_confirm 1100', 'payment_finished 1600']],
    ['by itself', life({ waitsForConfirmation: false }), ['payment_finished 1100']],
    [
      'error first',
      life({ ...confirmed, outcome: 'fails-after-error' }),
      ['ready_to_confirm 1100', 'payment_finished 1600', 'payment_finished 1700'],
    ],
    [
      'cancelled by us',
      life({ decision: 'cancelled', decidedAtMs: 1500, outcome: 'fails-after-error' }),
      ['ready_to_confirm 1100', 'payment_finished 1600'],
    ],
  ])('%s', (_, subject, expected) => {
    expect(eventsOf(subject, settleMs).map(({ type, atMs }) => `${type} ${atMs}`)).toEqual(expected);
  });

  it('has an event at the time of every final state', () => {
    for (const outcome of ['succeeds', 'fails-accepted', 'fails-cancelled', 'fails-after-error'] as const) {
      const subject = life({ ...confirmed, outcome });
      const last = eventsOf(subject, settleMs).at(-1)?.atMs ?? 0;
      expect(short(subject, last)).toBe(short(subject, Infinity));
      expect(short(subject, last - 1)).not.toBe(short(subject, last));
    }
  });
});
