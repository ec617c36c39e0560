/** The gates, the terms of batches, and what is sent on a day. */
import type { Ledger } from '../../../batches/ports/ledger.ts';
import { addToDay, dayHold, dayOf, holdOf, noTerms, takeFromDay, type Gates, type Hold } from '../../../batches/record/gates.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import type { MemoryStore } from './store.ts';

/** @returns false when others are kept than was expected */
export function setGates(store: MemoryStore, gates: Gates, expected: number): boolean {
  if (store.gates?.number === gates.number && expected === gates.number) return true;
  if ((store.gates?.number ?? 0) !== expected) return false;
  store.gates = structuredClone(gates);
  return true;
}

/** @returns false when others are kept than was expected */
export function setTerms({ terms: kept }: MemoryStore, { batchId, terms, expected }: Parameters<Ledger['setTerms']>[0]): boolean {
  if ((kept.get(batchId) ?? noTerms).number !== expected) return false;
  kept.set(batchId, structuredClone(terms));
  return true;
}

/** What keeps an intent of the record from being written now. */
export function holdOfSend(store: MemoryStore, { batchId, currency, amountMinor, firstSentAt }: LedgerRecord, now: number): Hold | null {
  const hold = holdOf(batchId, { gates: store.gates, terms: store.terms.get(batchId) ?? noTerms, now });
  const limit = store.gates?.maxDayTotal[currency];
  // A resend pays nothing more.
  if (hold !== null || limit === undefined || firstSentAt !== null) return hold;
  const total = addToDay(store.dayTotals.get(currency), { minor: amountMinor, limit: BigInt(limit), now });
  return total === null ? dayHold(currency, BigInt(limit), dayOf(now)) : null;
}

export function countForDay({ gates, dayTotals }: MemoryStore, { currency, amountMinor: minor }: LedgerRecord, now: number): void {
  const limit = gates?.maxDayTotal[currency];
  const total = limit === undefined ? null : addToDay(dayTotals.get(currency), { minor, limit: BigInt(limit), now });
  if (total !== null) dayTotals.set(currency, total);
}

/** The send surely did not happen. */
export function takeBackFromDay({ dayTotals }: MemoryStore, { currency, amountMinor: minor, firstSentAt }: LedgerRecord): void {
  const total = takeFromDay(dayTotals.get(currency), { minor, sentAt: firstSentAt ?? 0 });
  if (total !== undefined) dayTotals.set(currency, total);
}
