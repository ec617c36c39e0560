import { packedSession } from '../../../batches/record/packed.ts';
import type { MovedItem, MovedRecord } from '../moved-items.ts';
import { packedMembers, type PackedReads } from './packed-list.ts';
import { recordIdOf, unknownRest } from './sessions.ts';

/** The packed records of a batch, for a move. When they were admitted and ended is not known. */
export async function* packedRecords(reads: PackedReads, batchId: string, nextOrder: () => number): AsyncGenerator<MovedRecord> {
  for await (const members of packedMembers(reads, batchId)) {
    for (const { stored } of members) {
      const { record, trail = [] } = stored;
      const unknown = { admittedAt: null, changedAt: null, endedAt: null, fields: null, body: null };
      yield { type: 'record', record, order: nextOrder(), trail, ...unknown };
    }
  }
}

/** As `sessions.ts` encodes it. */
export async function packedSessionItem(reads: PackedReads, field: string, claim: string): Promise<MovedItem> {
  const [rest, holder] = [claim.slice(0, unknownRest.length), claim.slice(unknownRest.length)];
  const hex = (text: string): string => Buffer.from(text, 'base64url').toString('hex');
  const sessionId = packedSession(`${hex(field)}${rest === unknownRest ? '' : hex(rest)}`);
  return { type: 'session', sessionId, recordId: await recordIdOf(reads, holder) };
}
