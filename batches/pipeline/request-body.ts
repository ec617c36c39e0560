import type { JsonObject, ValidInstruction } from '../instruction/instruction.ts';
import type { LedgerRecord } from '../record/record.ts';

/** The exact bytes of an instruction: the caller's metadata beside ours, serialised once. */
export function serialise(draft: ValidInstruction, { attempt, idempotencyKey }: Pick<LedgerRecord, 'attempt' | 'idempotencyKey'>): Buffer {
  // Short members first: one report of the gateway shows only the beginning.
  const ours = { record_id: draft.recordId, attempt, idempotency_key: idempotencyKey };
  const { metadata } = draft;
  const merged: JsonObject =
    metadata === undefined ? ours : typeof metadata === 'object' ? { ...metadata, ...ours } : { ...ours, metadata };
  return Buffer.from(JSON.stringify({ ...draft.body, metadata: merged }), 'utf8');
}
