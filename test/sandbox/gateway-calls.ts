/** Calls to a sandbox as a merchant makes them, and the bodies of the gateway's own samples. */
import { createSandbox } from '../../sandbox/server.ts';
import type { Sandbox, SandboxOptions } from '../../sandbox/server.ts';
import { afterEach } from 'vitest';
import { bankAccount, samplePayment, samplePayout } from '../support/builders.ts';

export const payoutBody = (metadata?: unknown, amount = 1000, currency = 'usd') => ({
  ...samplePayout,
  payment_method: bankAccount('purpose of remittance'),
  amount_details: { amount, currency },
  ...(metadata === undefined ? {} : { metadata }),
});

const { card } = samplePayment.payment_details;

/** The card of the vendor's sample has expired. */
export const paymentBody = (metadata?: unknown) => ({
  ...samplePayment,
  payment_details: { type: 'card', card: { ...card, bank_card: { ...card.bank_card, expiration_year: '35' } } },
  ...(metadata === undefined ? {} : { metadata }),
});

export interface ShownSession {
  readonly id: string;
  readonly status: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly next_action?: string;
  readonly error?: { readonly code: string; readonly description: string };
  readonly payments?: readonly ShownEntry[];
  readonly acquiring_payments?: readonly ShownEntry[];
}

interface ShownEntry {
  readonly id: string;
  readonly status: string;
  readonly amount_details: { readonly amount: number; readonly currency: string };
  readonly metadata?: unknown;
  readonly error?: { readonly code: string };
  readonly customer_interaction?: { readonly type: string; readonly redirect: { readonly url: string } };
  readonly refunds?: readonly { readonly amount_details: { readonly amount: number }; readonly is_chargeback: boolean }[];
  readonly [member: string]: unknown;
}

export interface Answer {
  readonly http: number;
  readonly headers: Headers;
  readonly status: string;
  readonly session: ShownSession;
  readonly error: { readonly code: string; readonly description: string };
  readonly wallets: readonly { readonly id: string; readonly amount_details: { readonly amount: number; readonly currency: string } }[];
}

const opened: Sandbox[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((sandbox) => sandbox.close()));
});

/** A sandbox on any port that is closed after the test. */
export async function openSandbox(options: Partial<SandboxOptions> = {}): Promise<Sandbox> {
  const sandbox = await createSandbox({ port: 0, ...options });
  opened.push(sandbox);
  return sandbox;
}

/** Posts bytes; rejects when the connection is closed before the whole answer came. */
export async function post(
  sandbox: Sandbox,
  method: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${sandbox.url}/api/v1/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'X-PARTNER-PROJECT': 'shop', ...headers },
    body,
  });
  return { http: response.status, headers: response.headers, ...((await response.json()) as Omit<Answer, 'http' | 'headers'>) };
}

export const call = (sandbox: Sandbox, method: string, body: unknown, key?: string): Promise<Answer> =>
  post(sandbox, method, JSON.stringify(body), key === undefined ? {} : { 'X-PARTNER-IDEMPOTENCY-KEY': key });

/** Starts a card payment whose key is `key-<recordId>`. */
export const charge = (sandbox: Sandbox, recordId: string): Promise<Answer> =>
  call(sandbox, 'session/init/payment', paymentBody({ record_id: recordId, attempt: 1 }), `key-${recordId}`);

/** Asks one of the pages under `/_sandbox/`. */
export const admin = (sandbox: Sandbox, path: string, method: 'GET' | 'POST' = 'GET'): Promise<Response> =>
  fetch(`${sandbox.url}/_sandbox/${path}`, { method });

/** Starts a payout whose key is `key-<recordId>`. */
export const pay = (sandbox: Sandbox, recordId: string, amount?: number): Promise<Answer> =>
  call(sandbox, 'session/init/payout', payoutBody({ record_id: recordId, attempt: 1 }, amount), `key-${recordId}`);

export const outcomeOf = (answer: Promise<Answer>): Promise<string> =>
  answer.then(
    ({ status, error }) => (status === 'ok' ? 'ok' : error.code),
    () => 'closed',
  );

export async function jsonLinesOf<Line>(sandbox: Sandbox, path: string): Promise<Line[]> {
  const text = await (await fetch(sandbox.url + path)).text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}
