/**
 * Makes a payout file of valid SEPA rows in 14 columns, the same bytes for the same seed.
 *
 *   node bench/make-file.ts ROWS FILE [SEED] [plain|quoted|multi-line]
 */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export const payoutColumns = [
  'record_id',
  'amount',
  'currency',
  'iban',
  'description',
  'recipient_bank_name',
  'recipient_currency',
  'recipient_country_iso3',
  'recipient_first_name',
  'recipient_last_name',
  'sender_company_name',
  'sender_registration_number',
  'sender_country_iso3',
  'sender_code',
] as const;

/**
 * `quoted`: one quoted cell in each row, with a delimiter in it. `multi-line`: the same, and one more
 * column, which has three lines with doubled quotes in every tenth row.
 */
export const shapes = ['plain', 'quoted', 'multi-line'] as const;
export type Shape = (typeof shapes)[number];

/** mulberry32: small, seeded, even enough. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const countries = [
  { iso2: 'DE', iso3: 'DEU', bank: '', digits: 18, bankName: 'All Banks Germany / EUR / Payment System: SEPA' },
  { iso2: 'NL', iso3: 'NLD', bank: 'ABNA', digits: 10, bankName: 'All Banks Netherlands / EUR / Payment System: SEPA' },
  { iso2: 'AT', iso3: 'AUT', bank: '', digits: 16, bankName: 'All Banks Austria / EUR / Payment System: SEPA' },
  { iso2: 'BE', iso3: 'BEL', bank: '', digits: 12, bankName: 'All Banks Belgium / EUR / Payment System: SEPA' },
] as const;
const firstNames = ['Ada', 'Bram', 'Chloé', 'Dušan', 'Elif', 'Finn', 'Giulia', 'Håkon', 'Inês', 'Jürgen', 'Katarzyna', 'Lars'] as const;
const lastNames = ['Martin', 'Nowak', 'Öztürk', 'Peeters', 'Rossi', 'Schmidt', 'Tanaka', 'Ulrich', 'Visser', 'Weber', 'Žižek'] as const;

/** ISO 13616 check digits. */
function ibanOf(country: string, account: string): string {
  const number = [...`${account}${country}00`].map((sign) => Number.parseInt(sign, 36)).join('');
  return `${country}${String(98n - (BigInt(number) % 97n)).padStart(2, '0')}${account}`;
}

/** The cells that a shape adds to a row: line breaks are allowed in metadata only. */
function addedCells(number: number, shape: Shape): readonly string[] {
  if (shape !== 'multi-line') return [];
  return [number % 10 === 0 ? `"for invoice ${number},\nthe ""second"" line,\r\nand the last"` : ''];
}

const rowsPerChunk = 512;

/** The file's text in chunks, header first. Record ids are `pay-00000001` and on. */
export function* payoutFile(rows: number, seed = 1, shape: Shape = 'plain'): Generator<string, void, undefined> {
  const random = seeded(seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  const pick = <T>(values: readonly T[]): T => values[below(values.length)] as T;
  const digits = (count: number): string => {
    let text = '';
    while (text.length < count) text += below(10);
    return text;
  };
  const row = (number: number): string => {
    const country = pick(countries);
    const cells = [
      `pay-${String(number).padStart(8, '0')}`,
      `${1 + below(5000)}.${digits(2)}`,
      'EUR',
      ibanOf(country.iso2, country.bank + digits(country.digits)),
      shape === 'plain' ? `Invoice 2026-${number}` : `"Invoice 2026-${number}, in full"`,
      country.bankName,
      'EUR',
      country.iso3,
      pick(firstNames),
      pick(lastNames),
      'Example Trading Ltd',
      '1234567890',
      'USA',
      '1234567890',
      ...addedCells(number, shape),
    ];
    return `${cells.join(',')}\n`;
  };

  yield `${[...payoutColumns, ...(shape === 'multi-line' ? ['metadata.note'] : [])].join(',')}\n`;
  for (let start = 1; start <= rows; start += rowsPerChunk) {
    let chunk = '';
    for (let number = start; number < start + rowsPerChunk && number <= rows; number += 1) chunk += row(number);
    yield chunk;
  }
}

export const makeFile = (path: string, rows: number, seed?: number, shape?: Shape): Promise<void> =>
  pipeline(Readable.from(payoutFile(rows, seed, shape)), createWriteStream(path));

if (import.meta.main) {
  const [rows, path, seed, shape = 'plain'] = process.argv.slice(2);
  if (rows === undefined || path === undefined) throw new Error('usage: node bench/make-file.ts ROWS FILE [SEED] [SHAPE]');
  const known = shapes.find((one) => one === shape);
  if (known === undefined) throw new Error(`the shape is one of ${shapes.join(', ')}`);
  await makeFile(path, Number(rows), seed === undefined ? undefined : Number(seed), known);
}
