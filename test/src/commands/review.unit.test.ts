/** What `run` shows and asks at a terminal before it pays. */
import type { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { BalanceReading } from '../../../batches/gateway/balance.ts';
import { isAsked, questionText, reviewText, type Terminal } from '../../../src/commands/review.ts';
import type { Inspection } from '../../../src/files/payout-file.ts';

const terminal = (input: boolean, output: boolean): Terminal => ({
  input: { isTTY: input } as Readable & { isTTY: boolean },
  output: { isTTY: output } as NodeJS.WriteStream,
});

describe('the question before a file is paid', () => {
  it.each([
    [true, true, {}, true],
    [false, true, {}, false],
    [true, false, {}, false],
    [true, true, { json: true }, false],
    [true, true, { yes: true }, false],
  ])('with a terminal as stdin %j and as stderr %j, and %j: asked is %j', (input, output, given, asked) => {
    expect(isAsked({ json: false, yes: false, ...given }, terminal(input, output))).toBe(asked);
  });

  const totals = new Map([['EUR', { count: 2, amountMinor: 246_000n }]]);
  const preflight = { rows: 4, valid: 2, invalid: 1, duplicates: 1, totals, errors: [], errorsTotal: 0, warnings: [], warningsTotal: 0 };
  const inspection = { file: 'may.csv', encoding: 'utf-8', delimiter: ',', sha256: 'a'.repeat(64), preflight } as unknown as Inspection;
  const plain = (_style: unknown, text: string): string => text;

  it('names rows and totals, and says that the file is only submitted where it needs an approval', () => {
    expect(questionText(inspection, false)).toBe('Pay 2 rows of may.csv (EUR 2,460.00)?');
    expect(questionText(inspection, true)).toBe('Submit 2 rows of may.csv (EUR 2,460.00) for approval?');
  });

  it.each<[string, BalanceReading, string]>([
    ['shown', { type: 'balance', wallets: [{ id: 'w', currency: 'EUR', amountMinor: 246_000n }] }, '  Balance: EUR 2,460.00'],
    [
      'too small',
      { type: 'balance', wallets: [{ id: 'w', currency: 'EUR', amountMinor: 1n }] },
      '  Balance: EUR 0.01\n  The balance does not cover the file: EUR 2459.99 is missing: 2460.00 is to be paid, and the balance is 0.01',
    ],
    ['not shown', { type: 'none', why: 'it answered HTTP 500' }, '  Balance: the gateway does not show it (it answered HTTP 500).'],
  ])('is preceded by the balance, which is %s', (_, balance, text) => {
    expect(reviewText(inspection, balance, plain)).toContain(`1 invalid, 1 duplicate\n  EUR 2,460.00 in 2 rows\n${text}`);
  });
});
