/**
 * The amount of a row: exactly one of `amount` (major units) and `amount_minor`, read under its currency.
 */
import { amountFault, limitFault } from '../fields/amount-rules.ts';
import { slotOf } from '../instruction/members.ts';
import { currencyDecimals } from '../fields/currencies.ts';
import { violation } from '../fields/rule-violation.ts';
import type { ValidationErrors } from '../instruction/validation-errors.ts';
import { readMajor, readMinor } from '../fields/money.ts';
import type { ReadingOptions } from '../instruction/reading-options.ts';
import type { Values } from '../instruction/validation.ts';

const amountSlot = slotOf('amount');
const minorSlot = slotOf('amount_minor');
const currencySlot = slotOf('currency');

/** What could be read; the amount only together with its currency, in upper case. */
export interface Amount {
  readonly amountMinor: bigint | undefined;
  readonly currency: string | undefined;
}

const unreadable: Amount = { amountMinor: undefined, currency: undefined };

/** Reports what is wrong with the amount; the rules of the currency column report what is wrong with the currency. */
export const readAmount = (values: Values, limits: ReadingOptions['maxAmount'], findings: ValidationErrors): Amount => {
  const given = values[currencySlot];
  if (given === undefined) findings.missing(currencySlot, 'Every row needs');
  const upper = given?.toUpperCase();
  const decimals = upper === undefined ? undefined : currencyDecimals(upper);
  const currency = decimals === undefined ? undefined : upper;
  const major = values[amountSlot];
  const minor = values[minorSlot];
  if (major !== undefined && minor !== undefined) {
    findings.addRecordError(
      violation('amount_twice', 'Both amount and amount_minor are filled: leave one of them empty.'),
      findings.columnOf(amountSlot) ?? undefined,
    );
    return { amountMinor: undefined, currency };
  }
  const slot = major === undefined ? minorSlot : amountSlot;
  const text = major ?? minor;
  if (text === undefined) {
    findings.missing(findings.columnOf(amountSlot) === null ? minorSlot : amountSlot, 'Every row needs');
    return { amountMinor: undefined, currency };
  }
  const reading = slot === amountSlot ? readMajor(text, decimals) : readMinor(text);
  if (!reading.ok) {
    findings.value(slot, text, amountFault(reading.fault, text, currency, slot === minorSlot));
    return { amountMinor: undefined, currency };
  }
  if (currency === undefined) return unreadable;
  const above = limitFault(reading.amountMinor, currency, limits);
  if (above !== undefined) findings.value(slot, text, above);
  return { amountMinor: reading.amountMinor, currency };
};
