/** Rows and events for tests: a good one of each route, with what a test wants otherwise. */
import type { ValidInstruction, Kind, Problem, ParseResult } from '../../../batches/instruction/instruction.ts';
import { createRowParser, type RowParser } from '../../../batches/csv-row/parse-row.ts';
import { exampleRow } from '../../../batches/instruction/templates.ts';

export const now = Date.UTC(2026, 10, 21, 8);

export type Cells = Readonly<Record<string, string | undefined>>;

/** The good row of a route with some cells otherwise; undefined takes a column away. */
export const rowOf = (kind: Kind, route: string | undefined, changes: Cells = {}): Record<string, string> => {
  const row = exampleRow(kind, route);
  if (row === undefined) throw new Error(`no route ${kind} ${route}`);
  return Object.fromEntries(Object.entries({ ...row, ...changes }).filter((entry): entry is [string, string] => entry[1] !== undefined));
};

export const readerOf = (header: readonly string[], maxAmount?: ReadonlyMap<string, bigint>): RowParser => {
  const made = createRowParser(header, maxAmount === undefined ? { now } : { now, maxAmount });
  if (!made.ok) throw new Error(made.problems.map(({ message }) => message).join(' '));
  return made.reader;
};

export const readRow = (row: Record<string, string>, maxAmount?: ReadonlyMap<string, bigint>): ParseResult =>
  readerOf(Object.keys(row), maxAmount).read(Object.values(row));

export const problemsOf = (reading: ParseResult): readonly Problem[] => (reading.ok ? [] : reading.refusal.problems);

/** `code@column` of each problem. */
export const codesOf = (reading: ParseResult): string[] =>
  problemsOf(reading).map(({ code, column }) => (column === null ? code : `${code}@${column}`));

export const draftOf = (reading: ParseResult): ValidInstruction => {
  if (!reading.ok) throw new Error(JSON.stringify(reading.refusal.problems));
  return reading.draft;
};

/** The body of the vendor's sample of `session/init/payout`, as it is in its documentation. */
export const samplePayout = {
  payment_method: {
    type: 'bank_account',
    bank_account: { system_type: 'global', global: { iban: 'NUMBER_VALUE', description: 'purpose of remittance' } },
  },
  amount_details: { amount: 1000, currency: 'usd' },
  participant_details: {
    recipient: {
      bank_name: 'All Banks Belgium / EUR / Payment System: SEPA',
      currency: 'eur',
      country_iso3: 'BEL',
      first_name: 'John',
      last_name: 'Johnson',
    },
    sender: { company_name: 'Company name', registration_number: '1234567890', country_iso3: 'USA', code: '1234567890' },
  },
};

/** The body of the vendor's sample of `session/init/payment`, as it is in its documentation. */
export const samplePayment = {
  payment_details: {
    type: 'card',
    card: {
      type: 'bank_card',
      bank_card: { number: '4242424242424242', expiration_month: '05', expiration_year: '25', security_code: '123' },
    },
  },
  amount_details: { amount: 10000, currency: 'usd' },
  customer: { reference: 'lucky' },
  payment_options: { return_url: 'https://website.com' },
};
