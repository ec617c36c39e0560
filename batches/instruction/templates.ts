/**
 * One good row for every kind and route: what `disburse template` prints, and a start for examples and benches.
 * The identifiers are published examples or test numbers; they pay no one.
 */
import type { MemberName } from './members.ts';
import type { Kind } from './instruction.ts';

/** Columns and cells of a row, in the order of the columns. */
export type ExampleRow = { readonly [M in MemberName]?: string };

const sender = {
  sender_company_name: 'Example Trading Ltd',
  sender_registration_number: '1234567890',
  sender_country_iso3: 'USA',
  sender_code: '1234567890',
} as const satisfies ExampleRow;

const recipient = (bankName: string, currency: string, country: string): ExampleRow => ({
  recipient_bank_name: bankName,
  recipient_currency: currency,
  recipient_country_iso3: country,
  recipient_first_name: 'John',
  recipient_last_name: 'Johnson',
});

const payout = (amount: string, currency: string, ...parts: readonly ExampleRow[]): ExampleRow =>
  Object.assign({ record_id: 'inv-1', kind: 'payout', amount, currency }, ...parts) as ExampleRow;

const payment = (amount: string, currency: string, ...parts: readonly ExampleRow[]): ExampleRow =>
  Object.assign({ record_id: 'order-1', kind: 'payment', amount, currency, customer_reference: 'customer-1' }, ...parts) as ExampleRow;

const description = { description: 'Invoice 2026-001' } as const;

const sepa = payout(
  '12.30',
  'EUR',
  { iban: 'BE68539007547034' },
  description,
  recipient('All Banks Belgium / EUR / Payment System: SEPA', 'EUR', 'BEL'),
  sender,
);

const rows: { readonly [K in Kind]: Readonly<Record<string, ExampleRow>> } = {
  payout: {
    sepa,
    hungary: payout(
      '4500.00',
      'HUF',
      { iban: 'HU42117730161111101800000000' },
      description,
      recipient('All Banks Hungary', 'HUF', 'HUN'),
      sender,
    ),
    turkey: payout(
      '950.00',
      'TRY',
      { iban: 'TR330006100519786457841326' },
      description,
      recipient('All Banks Turkey', 'TRY', 'TUR'),
      sender,
    ),
    usa: payout(
      '100.00',
      'USD',
      { bank_account_number: '000123456789', account_type: 'CHECKING', routing_code: '021000021' },
      description,
      recipient('All Banks USA', 'USD', 'USA'),
      sender,
    ),
    uk: payout(
      '80.00',
      'GBP',
      { account_type: 'CHECKING', sort_code: '60-16-13', account_number: '31926819' },
      description,
      recipient('All Banks United Kingdom', 'GBP', 'GBR'),
      sender,
    ),
    'uk-iban': payout(
      '80.00',
      'GBP',
      { account_type: 'CHECKING', iban: 'GB29NWBK60161331926819', swift_bic_code: 'NWBKGB2L' },
      description,
      recipient('All Banks United Kingdom', 'GBP', 'GBR'),
      sender,
    ),
    australia: payout(
      '150.00',
      'AUD',
      { bank_account_number: '12345678', bsb_number: '062000' },
      description,
      recipient('All Banks Australia', 'AUD', 'AUS'),
      sender,
    ),
    brazil: payout(
      '500.00',
      'BRL',
      { bank_account_number: '12345-6', branch_number: '0001', account_type: 'CHECKING', recipient_id_number: '52998224725' },
      description,
      recipient('All Banks Brazil', 'BRL', 'BRA'),
      sender,
    ),
    thailand: payout(
      '3500.00',
      'THB',
      { bank_account_number: '1234567890' },
      description,
      recipient('All Banks Thailand', 'THB', 'THA'),
      sender,
    ),
    vietnam: payout(
      '2500000',
      'VND',
      { bank_account_number: '1234567890123' },
      description,
      recipient('All Banks Vietnam', 'VND', 'VNM'),
      sender,
    ),
    'hong-kong': payout(
      '780.00',
      'HKD',
      { bank_account_number: '123456789012' },
      description,
      recipient('All Banks Hong Kong', 'HKD', 'HKG'),
      sender,
    ),
    wallet: payout('50.00', 'USD', { wallet_name: 'examplepay', wallet_msisdn: '+639171234567' }, description),
    card: payout('25.00', 'EUR', { card_number: '4242424242424242', recipient_full_name: 'John Johnson' }),
    'encrypted-card': payout('25.00', 'EUR', {
      card_number_hash: 'hash-of-the-number-as-the-gateway-gave-it',
      recipient_full_name: 'John Johnson',
    }),
    'tokenized-card': payout('25.00', 'EUR', { card_token: 'token-as-the-gateway-gave-it', recipient_full_name: 'John Johnson' }),
  },
  payment: {
    card: payment('100.00', 'USD', {
      card_number: '4242424242424242',
      card_expiration_month: '12',
      card_expiration_year: '49',
      card_security_code: '123',
      customer_email: 'john@example.com',
      return_url: 'https://example.com/orders/1',
    }),
    recurrent: payment('100.00', 'USD', { recurrent_token: 'token-as-the-gateway-gave-it', recurrent_initiator: 'merchant' }),
  },
};

/** The routes that have a template; the first is meant where none is named. */
export const routeNames = (kind: Kind): readonly string[] => Object.keys(rows[kind]);

/** @returns undefined for a route that does not exist for this kind */
export const exampleRow = (kind: Kind, route?: string): ExampleRow | undefined => {
  const name = route ?? routeNames(kind)[0] ?? '';
  return Object.hasOwn(rows[kind], name) ? rows[kind][name] : undefined;
};

const quoted = (cell: string): string => (/[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

/**
 * A CSV of a header and one good row.
 *
 * @param route one of `routeNames(kind)`; the first where absent
 * @returns undefined for a route that does not exist for this kind
 */
export const templateCsv = (kind: Kind, route?: string): string | undefined => {
  const row = exampleRow(kind, route);
  if (row === undefined) return undefined;
  return `${Object.keys(row).join(',')}\n${Object.values(row).map(quoted).join(',')}\n`;
};
