/** What a ledger file notes about moves: whether it is being imported, where it was moved, and where it came from. */
import type { DatabaseSync } from 'node:sqlite';
import type { LedgerState } from '../may-pay.ts';
import { readMeta, writeMeta } from './schema.ts';

const stateName = 'move_state';
/** Generations of the shared ledgers that this one came from, a JSON array. */
export const lineageName = 'lineage';
/** How many dead letters the shared ledger had that this one came from. */
export const deadLettersMoved = 'dead_letters';

export function moveStateOf(db: DatabaseSync): LedgerState {
  const text = readMeta(db, stateName);
  return text === null ? { state: 'live' } : (JSON.parse(text) as LedgerState);
}

export const writeMoveState = (db: DatabaseSync, state: LedgerState): void => writeMeta(db, stateName, JSON.stringify(state));
