/** The gates, the terms of batches, and what is sent on a day. The one process that writes keeps what intents ask for in memory. */
import type { DatabaseSync } from 'node:sqlite';
import type { Ledger } from '../../../batches/ports/ledger.ts';
import {
  addToDay,
  dayHold,
  dayOf,
  holdOf,
  noTerms,
  takeFromDay,
  type BatchTerms,
  type DayTotal,
  type Gates,
  type Hold,
} from '../../../batches/record/gates.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';

export interface GateStore {
  /** What keeps an intent of the record from being written now. */
  holdOf(record: LedgerRecord, now: number): Hold | null;
  /** The first send is written. */
  sent(record: LedgerRecord, now: number): void;
  /** The first send surely did not happen. */
  takeBack(record: LedgerRecord): void;
  /** @returns false when others are kept than was expected */
  setGates(gates: Gates, expected: number): boolean;
  /** @returns false when others are kept than was expected */
  setTerms(params: Parameters<Ledger['setTerms']>[0]): boolean;
  /** Of an import. */
  setDay(currency: string, total: DayTotal): void;
  /** Writes the sums that changed; part of a transaction. */
  write(): void;
  /** Forgets everything that is not on disk. */
  forget(): void;
}

/** The name of the gates among the terms of batches. */
const ofAll = '';
const keptLimit = 1_000;

const readGate = (db: DatabaseSync, name: string): unknown => {
  const row = db.prepare('SELECT value FROM gate WHERE name = ?').get(name) as { readonly value: string } | undefined;
  return row === undefined ? undefined : JSON.parse(row.value);
};

export const readGates = (db: DatabaseSync): Gates | null => (readGate(db, ofAll) as Gates | undefined) ?? null;
export const readTerms = (db: DatabaseSync, batchId: string): BatchTerms => (readGate(db, batchId) as BatchTerms | undefined) ?? noTerms;

/** The terms of all batches that have any. */
export const readAllTerms = (db: DatabaseSync): readonly { readonly batchId: string; readonly terms: BatchTerms }[] =>
  (db.prepare('SELECT name, value FROM gate WHERE name <> ? ORDER BY name').all(ofAll) as unknown as { name: string; value: string }[]).map(
    ({ name, value }) => ({ batchId: name, terms: JSON.parse(value) as BatchTerms }),
  );

export const readDays = (db: DatabaseSync): readonly (DayTotal & { readonly currency: string })[] =>
  (db.prepare('SELECT currency, day, amount FROM day_total').all() as unknown as { currency: string; day: number; amount: string }[]).map(
    ({ currency, day, amount }) => ({ currency, day, minor: BigInt(amount) }),
  );

/** The sums of the newest day, in memory; written once a group. */
function createDays(db: DatabaseSync) {
  const putDay = db.prepare(
    'INSERT INTO day_total (currency, day, amount) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET day = excluded.day, amount = excluded.amount',
  );
  const days = new Map<string, DayTotal>();
  const changed = new Set<string>();
  return {
    of: (currency: string): DayTotal | undefined => days.get(currency),
    set(currency: string, total: DayTotal | undefined): void {
      if (total === undefined || total === days.get(currency)) return;
      days.set(currency, total);
      changed.add(currency);
    },
    write(): void {
      for (const currency of changed) {
        const total = days.get(currency);
        if (total !== undefined) putDay.run(currency, total.day, String(total.minor));
      }
      changed.clear();
    },
    forget(): void {
      days.clear();
      changed.clear();
      for (const { currency, day, minor } of readDays(db)) days.set(currency, { day, minor });
    },
  };
}

export function createGates(db: DatabaseSync): GateStore {
  const put = db.prepare(
    'INSERT INTO gate (name, number, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET number = excluded.number, value = excluded.value',
  );
  const days = createDays(db);
  let gates: Gates | null = null;
  const terms = new Map<string, BatchTerms>();
  const forget = (): void => {
    gates = readGates(db);
    terms.clear();
    days.forget();
  };
  forget();
  const termsOf = (batchId: string): BatchTerms => {
    const known = terms.get(batchId);
    if (known !== undefined) return known;
    if (terms.size >= keptLimit) terms.clear();
    const read = readTerms(db, batchId);
    terms.set(batchId, read);
    return read;
  };
  const limitOf = (currency: string): bigint | null => {
    const limit = gates?.maxDayTotal[currency];
    return limit === undefined ? null : BigInt(limit);
  };
  return {
    holdOf({ batchId, currency, amountMinor: minor, firstSentAt }, now) {
      const hold = holdOf(batchId, { gates, terms: termsOf(batchId), now });
      const limit = limitOf(currency);
      // A resend pays nothing more.
      if (hold !== null || limit === null || firstSentAt !== null) return hold;
      return addToDay(days.of(currency), { minor, limit, now }) === null ? dayHold(currency, limit, dayOf(now)) : null;
    },
    sent({ currency, amountMinor: minor }, now) {
      const limit = limitOf(currency);
      if (limit !== null) days.set(currency, addToDay(days.of(currency), { minor, limit, now }) ?? undefined);
    },
    takeBack: ({ currency, amountMinor: minor, firstSentAt }) =>
      days.set(currency, takeFromDay(days.of(currency), { minor, sentAt: firstSentAt ?? 0 })),
    setGates(next, expected) {
      if (gates?.number === next.number && expected === next.number) return true;
      if ((gates?.number ?? 0) !== expected) return false;
      put.run(ofAll, next.number, JSON.stringify(next));
      gates = next;
      return true;
    },
    setTerms({ batchId, terms: next, expected }) {
      if (termsOf(batchId).number !== expected) return false;
      put.run(batchId, next.number, JSON.stringify(next));
      terms.set(batchId, next);
      return true;
    },
    setDay: days.set,
    write: days.write,
    forget,
  };
}
