/**
 * Sample data for all tests: a valid instance of everything that crosses a boundary, with what a test wants changed.
 * The instruction `inv-1` pays 12.30 EUR from line 2 of a file.
 */
import { createAuditChain } from '../../batches/audit/hash-chain.ts';
import type { InvalidInstruction, Kind, Occurrence, ValidInstruction } from '../../batches/instruction/instruction.ts';
import { exampleRow } from '../../batches/instruction/templates.ts';
import { queuedRecord as newRecord } from '../../batches/record/admission.ts';
import type { FieldDigests } from '../../batches/record/fingerprint.ts';
import { createKeyDerivation } from '../../batches/record/idempotency-key.ts';
import type { Admission, LedgerRecord } from '../../batches/record/record.ts';
import type { TransitionSettings } from '../../batches/record/resend-rules.ts';

export const keys = createKeyDerivation('shop');
/** The moment at which most tests happen. */
export const at = Date.parse('2026-11-21T08:00:00.000Z');

export const batchA = 'a'.repeat(64);
export const batchB = 'b'.repeat(64);

// Rows and files

export type Cells = Readonly<Record<string, string | undefined>>;
export type Row = Readonly<Record<string, string>>;

/** The example row of a route with some cells changed; undefined removes a column. */
export const rowOf = (kind: Kind, route: string | undefined, changes: Cells = {}): Record<string, string> => {
  const example = exampleRow(kind, route);
  if (example === undefined) throw new Error(`no route ${kind} ${route}`);
  return Object.fromEntries(
    Object.entries({ ...example, ...changes }).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
};

export const row = (recordId: string, changes: Cells = {}, kind: Kind = 'payout', route = 'sepa'): Row =>
  rowOf(kind, route, { ...changes, record_id: recordId });

/** `count` valid payouts of 1.07, 2.07, … EUR. */
export const payouts = (count: number, prefix = 'p'): Row[] =>
  Array.from({ length: count }, (_, index) => row(`${prefix}-${index + 1}`, { amount: `${index + 1}.07` }));

const quoted = (cell: string): string => (/[",;\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

/** @param columns the header; by default every column of any row, in the order of first appearance */
export function csvOf(rows: readonly Row[], delimiter = ',', columns?: readonly string[]): string {
  const header = columns ?? [...new Set(rows.flatMap((one) => Object.keys(one)))];
  return [header, ...rows.map((one) => header.map((name) => one[name] ?? ''))]
    .map((cells) => `${cells.map(quoted).join(delimiter)}\n`)
    .join('');
}

// Bodies and events

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

/** A bank account that passes validation; the vendor's sample has a placeholder. */
export const bankAccount = (description = 'purpose') => ({
  type: 'bank_account',
  bank_account: { system_type: 'global', global: { iban: 'BE68539007547034', description } },
});

/** The body that the row of `disburse template --route sepa` becomes. */
export const templatePayout = {
  payment_method: bankAccount('Invoice 2026-001'),
  amount_details: { amount: 1230, currency: 'eur' },
  participant_details: {
    recipient: samplePayout.participant_details.recipient,
    sender: { ...samplePayout.participant_details.sender, company_name: 'Example Trading Ltd' },
  },
};

/** The body that the row of `disburse template --kind payment --route card` becomes. */
export const templatePayment = {
  payment_details: {
    type: 'card',
    card: {
      type: 'bank_card',
      bank_card: { number: '4242424242424242', expiration_month: '12', expiration_year: '49', security_code: '123' },
    },
  },
  amount_details: { amount: 10_000, currency: 'usd' },
  customer: { reference: 'customer-1', contacts: [{ email: 'john@example.com' }] },
  payment_options: { return_url: 'https://example.com/orders/1' },
};

/** A valid instruction event. @param amount in minor units */
export const payoutEvent = (recordId: string, amount = 1000, changes: object = {}) => ({
  record_id: recordId,
  kind: 'payout',
  ...samplePayout,
  payment_method: bankAccount(),
  amount_details: { amount, currency: 'eur' },
  ...changes,
});

// Instructions and admissions

export const lineOf = (batchId: string, line: number, file = 'may.csv'): Occurrence => ({
  stream: `file:${batchId}`,
  position: line,
  source: { file, line },
});

export const manifest = (batchId: string) => ({
  batchId,
  file: 'may.csv',
  policy: null,
  encoding: 'utf-8',
  delimiter: ',',
  bytes: 1_000,
  blockDigests: ['d1', 'd2'],
  at,
});

export const instructionOf = (recordId: string, patch: Partial<ValidInstruction> = {}): ValidInstruction => ({
  recordId,
  kind: 'payout',
  amountMinor: 1230n,
  currency: 'EUR',
  body: {},
  metadata: undefined,
  destination: 'DE**…3000',
  hasCardNumber: false,
  ...patch,
});

/** Digests of two fields: the amount, and one for all other content. */
const fieldsOf = (instruction: ValidInstruction, rest: string): FieldDigests => {
  const digests = Buffer.alloc(16);
  digests.writeBigUInt64BE(instruction.amountMinor, 0);
  digests.write(rest.slice(0, 8).padEnd(8), 8, 'latin1');
  return { paths: 'amount_details.amount\ndescription', digests };
};

/** @param content what the fingerprint covers beside the amount */
export const valid = (instruction: ValidInstruction, content = 'same'): Admission['content'] => ({
  type: 'valid',
  draft: instruction,
  fingerprint: `${instruction.amountMinor}:${content}`,
  fields: fieldsOf(instruction, content),
});

export const refused = (patch: Partial<InvalidInstruction> = {}): Admission['content'] => ({
  type: 'refused',
  refusal: {
    recordId: 'inv-1',
    kind: 'payout',
    amountMinor: 1230n,
    currency: 'EUR',
    problems: [{ code: 'iban_check_digits', column: 'iban', message: 'Correct it.', value: null }],
    ...patch,
  },
});

export const admission = (occurrence: Occurrence, content: Admission['content'], batchId = batchA): Admission => ({
  occurrence,
  batchId,
  at,
  content,
});

// Records

export const transitionSettings: TransitionSettings = {
  keys,
  random: () => 0.5,
  followIntervalMs: 2000,
  keyLifetimeMs: 12 * 3_600_000,
  idempotencyHeader: 'X-PARTNER-IDEMPOTENCY-KEY',
  timeoutMs: 30_000,
  audit: createAuditChain(Buffer.alloc(32, 7)),
};

export const queuedRecord = (patch: Partial<LedgerRecord> = {}): LedgerRecord => ({
  ...newRecord(keys, {
    occurrence: lineOf('f'.repeat(64), 2),
    batchId: 'f'.repeat(64),
    draft: instructionOf('inv-1'),
    fingerprint: 'print',
  }),
  ...patch,
});

export const sentRecord = (patch: Partial<LedgerRecord> = {}): LedgerRecord =>
  queuedRecord({
    status: 'submitting',
    sends: 1,
    firstSentAt: at - 100,
    sentClocks: { wallAt: at - 100, uptimeMs: null },
    keyLifetimeMs: transitionSettings.keyLifetimeMs,
    idempotencyHeader: transitionSettings.idempotencyHeader,
    leaseOwner: 'me',
    leaseUntil: at + 60_000,
    version: 2,
    ...patch,
  });

// Gateway sessions

interface SessionParts {
  readonly id?: string;
  readonly status?: string;
  readonly entryStatus?: string;
  readonly nextAction?: string;
  readonly amount?: unknown;
  readonly currency?: unknown;
  readonly metadata?: unknown;
  readonly entryError?: unknown;
  readonly error?: unknown;
}

/** A session of `inv-1` with one entry, as the gateway shows it. */
export function session(parts: SessionParts = {}): Record<string, unknown> {
  const amount = 'amount' in parts ? parts.amount : 1230;
  return {
    id: parts.id ?? 'ps_1',
    status: parts.status ?? 'in_progress',
    ...(parts.nextAction === undefined ? {} : { next_action: parts.nextAction }),
    ...(parts.error === undefined ? {} : { error: parts.error }),
    payments: [
      {
        id: 'po_1',
        status: parts.entryStatus ?? 'in_progress',
        ...(amount === undefined ? {} : { amount_details: { amount, currency: parts.currency ?? 'eur' } }),
        metadata: 'metadata' in parts ? parts.metadata : { record_id: 'inv-1', attempt: 1 },
        ...(parts.entryError === undefined ? {} : { error: parts.entryError }),
      },
    ],
  };
}
