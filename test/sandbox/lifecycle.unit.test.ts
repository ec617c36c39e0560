import { describe, expect, it } from 'vitest';
import { confirmationMs, eventsOf, stateOf } from '../../sandbox/lifecycle.ts';
import type { Lifecycle } from '../../sandbox/lifecycle.ts';

const settleMs = 100;
const life = (changes: Partial<Lifecycle> = {}): Lifecycle => ({
  recordedAtMs: 1000,
  isEarly: false,
  asks: ['confirm'],
  decisions: [],
  fundedAtMs: 0,
  outcome: 'succeeds',
  failCode: 'account_not_found',
  reversal: 'none',
  ...changes,
});
const short = (subject: Lifecycle, atMs: number): string => {
  const { session, entry, nextAction, error } = stateOf(subject, settleMs, atMs);
  return [session, entry, nextAction, error].filter((part) => part !== undefined).join(' ');
};
const confirmed = { decisions: [{ kind: 'confirmed', atMs: 1500 }] } as const;
const cancelled = { decisions: [{ kind: 'cancelled', atMs: 1500 }] } as const;

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
    ['cancelled by us', life(cancelled), 1600, 'cancelled failed'],
    ['cancelled by the merchant, whatever its outcome', life({ ...cancelled, outcome: 'fails-accepted' }), 1600, 'cancelled failed'],
    ['settles by itself', life({ asks: [] }), 1100, 'accepted succeeded'],
    ['fails', life({ ...confirmed, outcome: 'fails-accepted' }), 1600, 'accepted failed account_not_found'],
    ['fails and is cancelled', life({ ...confirmed, outcome: 'fails-cancelled' }), 1600, 'cancelled failed account_not_found'],
    ['shows an error that is not final', life({ ...confirmed, outcome: 'fails-after-error' }), 1699, 'error failed provider_timeout'],
    ['is early', life({ isEarly: true }), 1001, 'in_progress pending confirm'],
    ['waits for its customer', life({ asks: ['action', 'capture'] }), 1100, 'in_progress in_progress'],
    ['is ready to be captured', life({ asks: ['action', 'capture'], ...confirmed }), 1600, 'in_progress pending capture'],
    ['never captured', life({ asks: ['capture'] }), 1100 + confirmationMs, 'cancelled failed capture_timeout'],
    [
      'captured',
      life({ asks: ['action', 'capture'], decisions: [...confirmed.decisions, { kind: 'confirmed', atMs: 1700 }] }),
      1800,
      'accepted succeeded',
    ],
    ['confirmed without money', life({ ...confirmed, fundedAtMs: Infinity }), 1e15, 'in_progress pending'],
    ['confirmed, and has its money later', life({ ...confirmed, fundedAtMs: 9000 }), 9099, 'in_progress pending'],
    ['has its money for long enough', life({ ...confirmed, fundedAtMs: 9000 }), 9100, 'accepted succeeded'],
    ['keeps its status after a return', life({ ...confirmed, reversal: 'return' }), 1800, 'accepted succeeded'],
    ['and then its end', life({ ...confirmed, outcome: 'fails-after-error' }), 1700, 'cancelled failed account_not_found'],
  ])('%s', (_, subject, atMs, expected) => {
    expect(short(subject, atMs)).toBe(expected);
  });

  it('leaves updated_at as it is when a bank returns the money, and advances it with a refund', () => {
    const updatedAt = (reversal: Lifecycle['reversal']) => stateOf(life({ ...confirmed, reversal }), settleMs, 1e15);
    expect(updatedAt('return')).toMatchObject({ isReversed: true, updatedAtMs: 1600 });
    expect(updatedAt('refund')).toMatchObject({ isReversed: true, updatedAtMs: 1700 });
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
    ['by itself', life({ asks: [] }), ['payment_finished 1100']],
    [
      'error first',
      life({ ...confirmed, outcome: 'fails-after-error' }),
      ['ready_to_confirm 1100', 'payment_finished 1600', 'payment_finished 1700'],
    ],
    ['cancelled by us', life({ ...cancelled, outcome: 'fails-after-error' }), ['ready_to_confirm 1100', 'payment_finished 1600']],
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
