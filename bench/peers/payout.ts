/**
 * What the peers share: a row becomes a body, a body is signed and sent. Written the way such a script is commonly
 * written, and no slower than it has to be: the key is parsed once, signing runs in the thread pool, connections are
 * kept. The body is what `disburse run` sends, in as many bytes, so that everybody signs and sends the same.
 */
import { createPrivateKey, hash, randomUUID, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Pool } from 'undici';
import type { payoutColumns } from '../make-file.ts';

export type PayoutRow = Readonly<Record<(typeof payoutColumns)[number], string>>;

/** @param key the idempotency key, which is sent in the body too */
export const payoutBody = (row: PayoutRow, key: string) => ({
  payment_method: {
    type: 'bank_account',
    bank_account: { system_type: 'global', global: { iban: row.iban, description: row.description } },
  },
  amount_details: { amount: Math.round(Number(row.amount) * 100), currency: row.currency.toLowerCase() },
  participant_details: {
    recipient: {
      bank_name: row.recipient_bank_name,
      currency: row.recipient_currency.toLowerCase(),
      country_iso3: row.recipient_country_iso3,
      first_name: row.recipient_first_name,
      last_name: row.recipient_last_name,
    },
    sender: {
      company_name: row.sender_company_name,
      registration_number: row.sender_registration_number,
      country_iso3: row.sender_country_iso3,
      code: row.sender_code,
    },
  },
  metadata: { record_id: row.record_id, attempt: 1, idempotency_key: key },
});

/**
 * `random`: a new key for each send, as such scripts commonly do. `derived`: always the same key for the same record;
 * the careful form, which lets the gateway refuse the second payout.
 */
export const keyStyles = ['random', 'derived'] as const;
export type KeyStyle = (typeof keyStyles)[number];

/** As long as a UUID, so that the bodies of all contenders have as many bytes. */
export const uuidOf = (text: string): string => hash('sha256', text).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');

const derivedKey = (project: string, recordId: string): string => uuidOf(`${project}:${recordId}`);

/** What a peer knows of a record afterwards. */
export interface PeerResult {
  readonly record_id: string;
  readonly status: string;
  readonly session_id?: string;
  readonly entry_id?: string;
  readonly code?: string;
}

interface Answer {
  readonly status: string;
  readonly session?: { readonly id: string; readonly payments: readonly { readonly id: string; readonly status: string }[] };
  readonly error?: { readonly code: string };
}

interface PeerConfig {
  readonly url: string;
  readonly project: string;
  readonly privateKeyFile: string;
  readonly concurrency: number;
  readonly keys: KeyStyle;
}

const needed = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
};

/** The same variables that `disburse` reads. */
export const readPeerConfig = (keys: string | undefined): PeerConfig => ({
  url: needed('GATEWAY_URL'),
  project: needed('GATEWAY_PROJECT'),
  privateKeyFile: needed('GATEWAY_PRIVATE_KEY_FILE'),
  concurrency: Number(needed('DISPATCH_CONCURRENCY')),
  keys: keyStyles.find((known) => known === keys) ?? 'random',
});

interface Payer {
  /** Rejects when the network fails or the gateway is not available; queues then run the job again, as they commonly do. */
  pay(row: PayoutRow): Promise<PeerResult>;
  close(): Promise<void>;
}

export function createPayer(config: PeerConfig): Payer {
  const key = createPrivateKey(readFileSync(config.privateKeyFile));
  const pool = new Pool(config.url, { connections: config.concurrency, pipelining: 1 });
  const signature = (bytes: Buffer): Promise<string> =>
    new Promise((resolve, reject) => {
      sign('sha256', bytes, key, (error, made) => (error === null ? resolve(made.toString('base64')) : reject(error)));
    });

  return {
    async pay(row) {
      const idempotencyKey = config.keys === 'random' ? randomUUID() : derivedKey(config.project, row.record_id);
      const bytes = Buffer.from(JSON.stringify(payoutBody(row, idempotencyKey)));
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path: '/api/v1/session/init/payout',
        headers: {
          'content-type': 'application/json',
          'x-partner-project': config.project,
          'x-partner-sign': await signature(bytes),
          'x-partner-idempotency-key': idempotencyKey,
        },
        body: bytes,
      });
      if (statusCode >= 500) {
        await body.dump();
        throw new Error(`HTTP ${statusCode}`);
      }
      const { status, session, error } = (await body.json()) as Answer;
      const [entry] = session?.payments ?? [];
      if (statusCode !== 200 || status !== 'ok' || session === undefined || entry === undefined) {
        return { record_id: row.record_id, status: 'failed', code: error?.code ?? `http_${statusCode}` };
      }
      return { record_id: row.record_id, status: entry.status, session_id: session.id, entry_id: entry.id };
    },
    close: () => pool.close(),
  };
}
