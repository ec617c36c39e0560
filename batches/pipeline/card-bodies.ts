/**
 * Bodies with a card number, which no ledger keeps: in the memory of the process that sent them, so that an open send can be
 * resent while it lives.
 */
import type { LedgerRecord } from '../record/record.ts';
import { isFinal } from '../record/status.ts';

export interface CardBodies {
  /** Keeps the bytes of an instruction that has a card number; those kept longest go first. */
  keep(record: LedgerRecord, bytes: Uint8Array): void;
  /** Undefined when they are not kept, or belong to another attempt. */
  of(record: LedgerRecord): Uint8Array | undefined;
  /** Forgets them when the record needs no resend any more. */
  settle(record: LedgerRecord): void;
}

/** A few megabytes. */
const keptLimit = 4_096;

export function createCardBodies(): CardBodies {
  const kept = new Map<string, { readonly idempotencyKey: string; readonly bytes: Uint8Array }>();
  return {
    keep({ recordId, hasCardNumber, idempotencyKey }, bytes) {
      if (!hasCardNumber) return;
      kept.set(recordId, { idempotencyKey, bytes });
      const [oldest] = kept.keys();
      if (kept.size > keptLimit && oldest !== undefined) kept.delete(oldest);
    },
    of({ recordId, idempotencyKey }) {
      const found = kept.get(recordId);
      return found?.idempotencyKey === idempotencyKey ? found.bytes : undefined;
    },
    settle({ recordId, status, sessionId }) {
      if (isFinal[status] || sessionId !== null) kept.delete(recordId);
    },
  };
}
