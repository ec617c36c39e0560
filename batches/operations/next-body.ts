import type { KeyDerivation } from '../record/idempotency-key.ts';
import { nextAttempt } from '../record/person-steps.ts';
import type { LedgerRecord } from '../record/record.ts';

/** The bytes of the next attempt: the same instruction with that attempt and its key in the metadata. @param kept as they were sent */
export function nextBody(keys: KeyDerivation, record: LedgerRecord, kept: Uint8Array): Uint8Array {
  const body = JSON.parse(Buffer.from(kept).toString('utf8')) as { readonly metadata?: Record<string, unknown> };
  const attempt = nextAttempt(record);
  const ours = { attempt, idempotency_key: keys.idempotencyKey(record.kind, record.recordId, attempt) };
  return Buffer.from(JSON.stringify({ ...body, metadata: { ...body.metadata, ...ours } }), 'utf8');
}
