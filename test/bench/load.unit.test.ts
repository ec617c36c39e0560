import { describe, expect, it } from 'vitest';
import { createAccounts, problemsOfGateway } from '../../bench/load/accounts.ts';
import { growthOf, thinned } from '../../bench/load/memory.ts';
import { exitCodeOf, lineOf, type Verdict } from '../../bench/load/verdict.ts';
import { createBook } from '../../bench/stub/book.ts';

const result = (number: number, event: { readonly id: string; readonly status?: string; readonly final?: boolean }, at = number) => ({
  recordId: `pay-${String(number).padStart(8, '0')}`,
  value: JSON.stringify({
    event_id: event.id,
    status: event.status ?? 'succeeded',
    final: event.final ?? true,
    amount_details: { amount: 100 },
  }),
  at,
});
const [one, two, three] = ['11111111-1111', '22222222-2222', '33333333-3333'] as [string, string, string];

describe('the accounts of a load', () => {
  it('hold when every record has one final result, which may be published again', () => {
    const accounts = createAccounts(2);
    accounts.note(result(1, { id: three, status: 'in_progress', final: false }, 5));
    accounts.note(result(1, { id: one }, 7));
    accounts.note(result(2, { id: two }, 9));
    accounts.note(result(2, { id: two }, 12));
    expect(accounts.problems()).toEqual([]);
    expect([accounts.answered(), accounts.ended(), accounts.repeated(), accounts.lastAt(), accounts.amountMinor()]).toEqual([
      2, 2, 1, 9, 200,
    ]);
    expect([...accounts.answeredAt]).toEqual([5, 9]);
  });

  it('name records without a result, without a final one, with two, with another end, and those that were not asked for', () => {
    const accounts = createAccounts(4);
    accounts.note(result(1, { id: one }));
    accounts.note(result(1, { id: two }));
    accounts.note(result(2, { id: three, status: 'in_progress', final: false }));
    accounts.note(result(3, { id: three, status: 'failed' }));
    accounts.note(result(9, { id: three }));
    expect(accounts.problems()).toEqual([
      '1 records have no result, pay-00000004 first',
      '2 records have no final result, pay-00000002 first',
      '1 records have two final results: pay-00000001',
      '1 records ended as failed',
      'results of records that were not asked for: pay-00000009',
    ]);
  });
});

describe('the account of the stub gateway', () => {
  it('counts a refused repeat as no payment, and names what was paid twice and what came under two keys', () => {
    const book = createBook();
    for (const [id, key] of [
      ['a', '1'],
      ['a', '1'],
      ['b', '2'],
      ['b', '3'],
    ] as const)
      book.note(id, key, 0);
    expect(book.accounts()).toEqual({ paid: 2, paid_twice: ['b'], under_two_keys: ['b'] });
    expect(problemsOfGateway(book.accounts(), 3)).toEqual([
      'the gateway paid 2 different records of 3',
      'paid twice: b',
      'sent under two keys: b',
    ]);
    expect(problemsOfGateway({ paid: 3, paid_twice: [], under_two_keys: [] }, 3)).toEqual([]);
  });
});

describe('the memory of a load', () => {
  const curve = (mib: readonly number[]) => mib.map((one, second) => ({ second, mib: [one, 10] }));

  it('grows by the ratio of the last quarter to the second, so that a start does not count', () => {
    expect(growthOf(curve([20, 40, 90, 90, 90, 90, 90, 90]))).toBe(1);
    expect(growthOf(curve([20, 40, 90, 90, 120, 150, 190, 190]))).toBe(2);
    expect(growthOf(curve([1, 2]))).toBe(1);
  });

  it('is shown in few points, with the first and the last', () => {
    expect(thinned(curve([1, 2, 3, 4, 5, 6, 7]), 3).map(({ second }) => second)).toEqual([0, 3, 6]);
  });
});

describe('the verdict of a load', () => {
  const verdict: Verdict = { load: 'file', problems: [], missed: [], text: '5 rows', figures: {} };

  it('is 0 when everything holds, 1 for a fault, 2 for a missed aim, and says it in one line', () => {
    expect([verdict, { ...verdict, problems: ['x'], missed: ['y'] }, { ...verdict, missed: ['y'] }].map(exitCodeOf)).toEqual([0, 1, 2]);
    expect(lineOf(verdict)).toBe('file: 5 rows; every record is paid once and has one final result');
    expect(lineOf({ ...verdict, problems: ['a', 'b'], missed: ['y'] })).toBe('file: 5 rows; DOES NOT HOLD: a; b; aims missed: y');
  });
});
