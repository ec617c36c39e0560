/** A session of the simulated gateway, as it is and as it is shown. */

export interface Entry {
  readonly id: string;
  status: 'pending' | 'in_progress' | 'succeeded' | 'failed';
  amount: number;
}

export interface BankSession {
  readonly id: string;
  readonly recordId: string;
  readonly attempt: number;
  readonly key: string;
  readonly amount: number;
  readonly currency: string;
  readonly entries: Entry[];
  status: 'in_progress' | 'error' | 'accepted' | 'cancelled';
  readonly hidesMetadata: boolean;
  readonly hidesAmount: boolean;
}

export const waitsForConfirmation = ({ entries }: BankSession): boolean => entries.some(({ status }) => status === 'pending');

/** As the API shows it; some sessions leave things out, always the same ones. */
export function view({ id, recordId, attempt, key, currency, entries, status, hidesMetadata, hidesAmount }: BankSession): object {
  const asks = entries.some((entry) => entry.status === 'pending') && status === 'in_progress';
  return {
    id,
    status,
    ...(asks ? { next_action: 'confirm' } : {}),
    payments: entries.map((entry) => ({
      id: entry.id,
      status: entry.status,
      ...(hidesAmount ? {} : { amount_details: { amount: entry.amount, currency } }),
      ...(hidesMetadata ? {} : { metadata: { record_id: recordId, attempt, idempotency_key: key } }),
    })),
  };
}
