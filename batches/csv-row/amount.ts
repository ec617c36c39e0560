/**
 * The amount of a row: exactly one of `amount` (major units) and `amount_minor`, read under its currency.
 */
import { amountFault, limitFault } from '../fields/amount-rules.ts';
import type { Mapping } from './mapping.ts';
import { slotOf } from '../instruction/members.ts';
import { currencyDecimals } from '../fields/currencies.ts';
import { violation, type RuleViolation } from '../fields/rule-violation.ts';
import type { ValidationErrors } from '../instruction/validation-errors.ts';
import { readMajor, readMinor, type AmountReading } from '../fields/money.ts';
import type { ReadingOptions } from '../instruction/reading-options.ts';
import type { Values } from '../instruction/validation.ts';

/** The decimal sign of `amount`: never guessed. */
export type DecimalSign = 'point' | 'comma';

/** @property decimal absent: a point; `mapping` absent: the columns have our names */
export interface RowReadingOptions extends ReadingOptions {
  readonly decimal?: DecimalSign;
  readonly mapping?: Mapping;
}

const amountSlot = slotOf('amount');
const minorSlot = slotOf('amount_minor');
const currencySlot = slotOf('currency');

/** What could be read; the amount only together with its currency, in upper case. */
export interface Amount {
  readonly amountMinor: bigint | undefined;
  readonly currency: string | undefined;
}

const unreadable: Amount = { amountMinor: undefined, currency: undefined };

type Reading = { readonly ok: true; readonly amountMinor: bigint } | { readonly ok: false; readonly found: RuleViolation };

const reading = (read: AmountReading, toViolation: (fault: Extract<AmountReading, { ok: false }>['fault']) => RuleViolation): Reading =>
  read.ok ? read : { ok: false, found: toViolation(read.fault) };

function readPoint(text: string, currency: string | undefined, decimals: number | undefined): Reading {
  return reading(readMajor(text, decimals), (fault) => {
    const found = amountFault(fault, text, currency, false);
    if (found.code !== 'amount_decimal_comma') return found;
    return violation(found.code, `${found.message} If every amount of the file has a decimal comma, run the command with --decimal comma.`);
  });
}

function readComma(text: string, currency: string | undefined, decimals: number | undefined): Reading {
  if (/^\d+\.\d+$/.test(text)) {
    const message =
      'The amount has a decimal point, and --decimal comma says that the decimal sign is a comma: write 1234,50, or leave the option out.';
    return { ok: false, found: violation('amount_decimal_point', message) };
  }
  // A text with a point in it stays as it is, and is refused.
  const plain = /^\d+,\d+$/.test(text) ? text.replace(',', '.') : text;
  return reading(readMajor(plain, decimals), (fault) => {
    const { code, message } = amountFault(fault, plain, currency, false);
    return violation(code, message.replaceAll('1234.50', '1234,50').replace('one decimal point', 'one decimal comma'));
  });
}

const readMinorUnits = (text: string, currency: string | undefined): Reading =>
  reading(readMinor(text), (fault) => amountFault(fault, text, currency, true));

/** Reports what is wrong with the amount; the rules of the currency column report what is wrong with the currency. */
export const readAmount = (
  values: Values,
  { maxAmount, decimal }: Pick<RowReadingOptions, 'maxAmount' | 'decimal'>,
  findings: ValidationErrors,
): Amount => {
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
  const readMajorUnits = decimal === 'comma' ? readComma : readPoint;
  const read = slot === amountSlot ? readMajorUnits(text, currency, decimals) : readMinorUnits(text, currency);
  if (!read.ok) {
    findings.value(slot, text, read.found);
    return { amountMinor: undefined, currency };
  }
  if (currency === undefined) return unreadable;
  const above = limitFault(read.amountMinor, currency, maxAmount);
  if (above !== undefined) findings.value(slot, text, above);
  return { amountMinor: read.amountMinor, currency };
};
