/** The file of HOLIDAYS_FILE: banking days and cut-offs by currency. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { currencyDecimals } from '../../batches/fields/currencies.ts';
import { parseStrictJson, withNumbers } from '../../batches/fields/strict-json.ts';
import { alwaysOpen, createBankingDays, type BankingDays, type CurrencyDays } from '../../batches/record/banking-days.ts';
import { CommandError, exitCodes } from '../exit.ts';
import type { Config } from './config.ts';

const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;

const isZone = (zone: string): boolean => {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
};

const hour = z
  .string()
  .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'expected an hour such as 15:30')
  .transform((text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)));

const isDate = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) && new Date(text).toISOString().startsWith(text);

const date = z.string().refine(isDate, 'expected a date such as 2026-12-25');

const currency = z
  .strictObject({
    calendar: z.literal('TARGET').optional(),
    holidays: z.array(date).default([]),
    weekend: z.array(z.enum(weekdays)).max(6).default(['Sat', 'Sun']),
    opens: hour.optional(),
    cut_off: hour.optional(),
    zone: z.string().refine(isZone, 'expected the name of a time zone such as Europe/Brussels').default('UTC'),
  })
  .refine(({ opens = 0, cut_off: cutOff }) => cutOff === undefined || cutOff > opens, 'expected cut_off after opens');

const holidaysFile = z.strictObject({
  version: z.literal(1),
  /** When the dates were compared with their source. */
  date,
  currencies: z.record(
    z.string().refine((code) => currencyDecimals(code) !== undefined, 'expected a current currency in upper case'),
    currency,
  ),
});

/** @throws {CommandError} exit 1, with what is wrong where */
export function loadBankingDays({ settings }: Config): BankingDays {
  const path = settings.HOLIDAYS_FILE;
  if (path === undefined) return alwaysOpen;
  const fail = (why: string): never => {
    throw new CommandError(exitCodes.usage, `HOLIDAYS_FILE=${path}: ${why}. Nothing is sent by another calendar.`);
  };
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    return fail(`the file cannot be read (${(cause as Error).message})`);
  }
  let value: unknown;
  try {
    value = withNumbers(parseStrictJson(text));
  } catch (cause) {
    return fail(`the file is not JSON (${(cause as Error).message})`);
  }
  const read = holidaysFile.safeParse(value);
  if (!read.success) {
    const mistakes = read.error.issues.map(({ path: place, message }) => `${place.join('.')}: ${message}`);
    return fail(mistakes.slice(0, 5).join('; '));
  }
  return createBankingDays(new Map(Object.entries(read.data.currencies).map(([code, one]) => [code, daysOf(one)])));
}

const daysOf = ({ calendar, holidays, weekend, opens = 0, cut_off: cutOff, zone }: z.infer<typeof currency>): CurrencyDays => ({
  zone,
  opens,
  cutOff: cutOff ?? null,
  weekend: weekend.map((name) => weekdays.indexOf(name)),
  holidays: new Set(holidays),
  isTarget: calendar === 'TARGET',
});
