/** What a person types before money is decided about: how many records, and their sum. */
import { formatMinor } from '../../../batches/fields/money.ts';
import { sumOf } from '../../views/chosen-records.ts';
import { Refusal } from '../access/guard.ts';
import type { Form } from '../routes.ts';

/** `1 EUR 12.30`; of several currencies `2 EUR 5.00 + 1 USD 7.00` */
export const confirmationOf = (...records: readonly { readonly currency: string; readonly amountMinor: bigint }[]): string =>
  [...sumOf(records)]
    .map(([currency, { count, amountMinor }]) =>
      currency === '' ? String(count) : `${count} ${currency} ${formatMinor(amountMinor, currency)}`,
    )
    .join(' + ');

/** Blanks and signs between thousands do not matter. @throws {Refusal} */
export function checkConfirmation(form: Form, expected: string): void {
  const given = (form['confirm'] ?? '').replaceAll(',', '').trim().replace(/\s+/g, ' ').toUpperCase();
  if (given === expected.toUpperCase()) return;
  throw new Refusal(422, 'not_confirmed', `Nothing was done: the field "confirm" must be ${expected} (number of records, currency, sum).`);
}
