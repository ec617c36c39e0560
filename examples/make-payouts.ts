/**
 * Generates the demo's file: 1,200 rows of payouts and payments in seven currencies over ten routes, with the mistakes
 * of real files. Seeded, so that the bytes are always the same.
 *
 *   node examples/make-payouts.ts > examples/payouts.csv
 */
import { exampleRow, type ExampleRow } from '../batches/instruction/templates.ts';
import type { Kind } from '../batches/instruction/instruction.ts';

const rowCount = 1200;

/** mulberry32: a small seeded generator. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const random = seeded(2026);
const digits = (count: number): string => Array.from({ length: count }, () => Math.floor(random() * 10)).join('');
const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;

/** ISO 13616 check digits. */
function iban(country: string, account: string): string {
  const number = [...`${account}${country}00`].map((sign) => Number.parseInt(sign, 36)).join('');
  return `${country}${String(98n - (BigInt(number) % 97n)).padStart(2, '0')}${account}`;
}

/** A routing number whose weighted digits (3 7 1) add up to a multiple of ten. */
function aba(): string {
  const first = `0${1 + Math.floor(random() * 9)}${digits(6)}`;
  const sum = [...first].reduce((total, digit, index) => total + Number(digit) * ([3, 7, 1][index % 3] as number), 0);
  return `${first}${(10 - (sum % 10)) % 10}`;
}

const firstNames = ['Ada', 'Bram', 'Chloé', 'Dušan', 'Elif', 'Finn', 'Giulia', 'Håkon', 'Inês', 'Jürgen', 'Katarzyna', 'Lars'];
const lastNames = ['Martin', 'Nowak', 'Öztürk', 'Peeters', 'Rossi', 'Schmidt', 'Tanaka', 'Ulrich', 'Visser', 'Weber', 'Yılmaz', 'Žižek'];

/** The variable part of each route; the rest comes from its template. */
const routes: readonly { readonly kind: Kind; readonly route: string; readonly share: number; readonly vary: () => ExampleRow }[] = [
  {
    kind: 'payout',
    route: 'sepa',
    share: 40,
    vary: () => ({ iban: pick([iban('DE', digits(18)), iban('NL', `ABNA${digits(10)}`), iban('AT', digits(16))]) }),
  },
  {
    kind: 'payout',
    route: 'usa',
    share: 15,
    vary: () => ({ routing_code: aba(), bank_account_number: digits(10), account_type: pick(['CHECKING', 'SAVINGS']) }),
  },
  {
    kind: 'payout',
    route: 'uk',
    share: 10,
    vary: () => ({ sort_code: `${digits(2)}-${digits(2)}-${digits(2)}`, account_number: digits(8) }),
  },
  { kind: 'payout', route: 'australia', share: 5, vary: () => ({ bsb_number: `06${digits(4)}`, bank_account_number: digits(9) }) },
  { kind: 'payout', route: 'vietnam', share: 5, vary: () => ({ bank_account_number: digits(13) }) },
  { kind: 'payout', route: 'hungary', share: 5, vary: () => ({ iban: iban('HU', digits(24)) }) },
  { kind: 'payout', route: 'wallet', share: 5, vary: () => ({ wallet_msisdn: `+63917${digits(7)}` }) },
  { kind: 'payout', route: 'tokenized-card', share: 5, vary: () => ({ card_token: `tok_${digits(12)}` }) },
  { kind: 'payment', route: 'recurrent', share: 5, vary: () => ({ recurrent_token: `rec_${digits(12)}` }) },
  { kind: 'payment', route: 'card', share: 5, vary: () => ({ customer_email: `customer${digits(4)}@example.com` }) },
];

const wheel = routes.flatMap((route) => Array.from({ length: route.share }, () => route));
const wholeUnits = new Set(['VND']);

function row(number: number): ExampleRow {
  const { kind, route, vary } = pick(wheel);
  const template = exampleRow(kind, route);
  if (template === undefined) throw new Error(`there is no template for ${kind} by ${route}`);
  const units = 5 + Math.floor(random() * 2000);
  const id = `${kind === 'payout' ? 'inv' : 'ord'}-${String(number).padStart(4, '0')}`;
  const people =
    template.recipient_first_name === undefined ? {} : { recipient_first_name: pick(firstNames), recipient_last_name: pick(lastNames) };
  const text = template.description === undefined ? {} : { description: `Invoice 2026-${number}` };
  return {
    ...template,
    ...people,
    ...text,
    ...vary(),
    record_id: id,
    amount: wholeUnits.has(template.currency ?? '') ? `${units * 1000}` : `${units}.${digits(2)}`,
  };
}

const rows = Array.from({ length: rowCount }, (_, index) => row(index + 1));
const at = (number: number, patch: ExampleRow): void => {
  const found = rows[number - 1];
  if (found !== undefined) rows[number - 1] = { ...found, ...patch };
};
/** Replaces a row by one of this route. */
const put = (number: number, route: string, patch: ExampleRow): void => {
  const template = exampleRow('payout', route);
  if (template !== undefined) rows[number - 1] = { ...template, record_id: `inv-${String(number).padStart(4, '0')}`, ...patch };
};

// Mistakes of real files.
put(57, 'sepa', { iban: 'DE89370400440532013001' });
put(143, 'usa', { routing_code: '21000021' });
put(260, 'usa', { bank_account_number: '1.23457E+11' });
put(388, 'sepa', { amount: '1250,00' });
put(512, 'sepa', { amount: '1,250.00' });
put(633, 'vietnam', { amount: '250000.50' });
put(704, 'sepa', { currency: 'HRK' });
put(777, 'uk', { sort_code: '601613' });
put(850, 'sepa', { amount: '€120.00' });
put(921, 'sepa', { recipient_first_name: 'Zero\u200bWidth' });
at(1010, { record_id: 'inv 1010' });
// A duplicate: one row twice under one record id. It is paid once.
rows[1099] = rows[1049] as ExampleRow;
// Two different rows under one record id: neither is paid.
put(1120, 'sepa', { record_id: 'inv-1119', amount: '77.00' });
put(1119, 'sepa', { record_id: 'inv-1119', amount: '78.00' });
// The same payout under two record ids. Both are paid, with a warning.
put(1150, 'sepa', { amount: '333.33' });
put(1151, 'sepa', { amount: '333.33' });

const columns = [...new Set(rows.flatMap((one) => Object.keys(one) as (keyof ExampleRow)[]))];
const cell = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
process.stdout.write(`${columns.join(',')}\n${rows.map((one) => columns.map((column) => cell(one[column] ?? '')).join(',')).join('\n')}\n`);
