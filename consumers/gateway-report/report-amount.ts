/** Amounts of the report: decimals in major units, read exactly into minor units. */
import { currencyDecimals } from '../../batches/fields/currencies.ts';
import { readMajor } from '../../batches/fields/money.ts';
import { plainNumber, type Cell } from './cell.ts';

export type ReportAmount = { readonly ok: true; readonly amountMinor: bigint } | { readonly ok: false; readonly message: string };

const fault = (message: string): ReportAmount => ({ ok: false, message });
/** Above this a number cell is no longer exact: it has 15 significant digits. */
const maxExactMinor = 10n ** 15n;

/** @param currency upper case, one that is known */
export function readReportAmount(cell: Cell | undefined, currency: string): ReportAmount {
  if (cell === undefined || cell.type === 'empty') return fault('The amount is missing.');
  if (cell.type === 'date') return fault('The amount is a date: a spreadsheet has changed it. Download the report again.');
  const text = cell.type === 'number' ? plainNumber(cell.text) : cell.text.trim();
  const [, sign = '', digits = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text ?? '') ?? [];
  if (digits === '') return fault('The amount is no plain number such as 1234.50, with a decimal point and no thousands separator.');
  const decimals = currencyDecimals(currency) ?? 0;
  // Zeros behind the last decimal of the currency say nothing.
  const needed = fraction.slice(0, decimals) + fraction.slice(decimals).replace(/0+$/, '');
  const read = readMajor(needed === '' ? digits : `${digits}.${needed}`, decimals);
  if (!read.ok) {
    if (read.fault === 'zero') return { ok: true, amountMinor: 0n };
    if (read.fault === 'decimals') return fault(`The amount has more decimals than ${currency} has (${decimals}).`);
    return fault(read.fault === 'too_large' ? 'The amount is too large to be read exactly.' : 'The amount has an extra leading zero.');
  }
  if (cell.type === 'number' && read.amountMinor >= maxExactMinor)
    return fault('The amount is a number cell with more than 15 digits, which is not exact: use the CSV form of the report.');
  return { ok: true, amountMinor: sign === '' ? read.amountMinor : -read.amountMinor };
}
