import type { JsonObject, ValidInstruction } from '../instruction/instruction.ts';

/** The exact bytes of an instruction: the caller's metadata beside ours, serialised once. */
export function serialise(draft: ValidInstruction, attempt: number): Buffer {
  const ours = { record_id: draft.recordId, attempt };
  const { metadata } = draft;
  const merged: JsonObject =
    metadata === undefined ? ours : typeof metadata === 'object' ? { ...metadata, ...ours } : { ...ours, metadata };
  return Buffer.from(JSON.stringify({ ...draft.body, metadata: merged }), 'utf8');
}
