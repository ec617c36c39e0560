/**
 * Dates as programs write them into the cell of an identifier: `2026-11-28`, `28.11.2026`, `11/28/2026`, `28-Nov-26`,
 * `28. Mrz 26`, `2026年11月28日`, each also with a time behind it.
 */

const months =
  'jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|january|february|march|april|june|july|august|september|october|november|december|' +
  // German, French, Spanish, Dutch, Polish, Russian, as their short dates have them
  'mär|mrz|mai|okt|dez|janv|févr|fév|mars|avr|juin|juil|août|déc|ene|abr|mrt|mei|paź|янв|фев|мар|апр|май|мая|июн|июл|авг|сен|окт|ноя|дек';
/** Months that are words of other languages too, such as `out`: only with a year behind them. */
const ambiguousMonths =
  'ago|dic|gen|mag|giu|lug|set|ott|fev|out|maj|sty|lut|kwi|cze|lip|sie|wrz|lis|gru|oca|şub|nis|haz|tem|ağu|eyl|eki|kas|ara';
const separator = '[-./ ]{1,2}';
const monthName = new RegExp(
  `^\\d{1,2}${separator}(?:(?:${months})\\.?(?:${separator}(?:\\d{2}|\\d{4}))?|(?:${ambiguousMonths})\\.?${separator}(?:\\d{2}|\\d{4}))$`,
  'iu',
);
/** `Nov-26`, as Excel writes 11/26: exactly so, for `may-1` and `sepa-26` are good identifiers. */
const monthYear = /^(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mrz|Mai|Okt|Dez)[- ](?:\d{2}|(?:19|20)\d{2})$/;
const yearFirst = /^(\d{4})([-./])(\d{1,2})\2(\d{1,2})$/;
const yearLast = /^(\d{1,2})([-./])(\d{1,2})\2(\d{2}|\d{4})$/;
const eastAsian = /^\d{4}[年년]\s?\d{1,2}[月월]\s?\d{1,2}[日일]$/;
const time = /[T ]\d{1,2}[:.]\d{2}.{0,24}$/;

const isMonth = (text: string | undefined): boolean => Number(text) >= 1 && Number(text) <= 12;
const isDay = (text: string | undefined): boolean => Number(text) >= 1 && Number(text) <= 31;
const isYear = (text: string | undefined): boolean => Number(text) >= 1900 && Number(text) <= 2199;

/** Whether a whole text is a day of the calendar. */
export const isDate = (text: string): boolean => {
  if (text.length < 5 || text.length > 48) return false;
  const day = text.replace(time, '');
  const [, year, , month, dayOfMonth] = yearFirst.exec(day) ?? [];
  if (year !== undefined) return isYear(year) && ((isMonth(month) && isDay(dayOfMonth)) || (isMonth(dayOfMonth) && isDay(month)));
  const [, one, sign, other, last = ''] = yearLast.exec(day) ?? [];
  if (one !== undefined) {
    // `12-11-10` is a sort code: between dashes only four digits are a year.
    if (last.length === 2 ? sign === '-' : !isYear(last)) return false;
    return (isDay(one) && isMonth(other)) || (isMonth(one) && isDay(other));
  }
  return monthName.test(day) || monthYear.test(day) || eastAsian.test(day);
};
