/**
 * A ledger in memory: the rules of the port without a disk. Any number of instances share one store, as instances share
 * one Redis; a single one is a stand-alone ledger. For simulations and tests: it keeps bodies unsealed and its queries read
 * everything.
 */
import type { Clock } from '../../../batches/ports/clock.ts';
import type { SharedLedger } from '../../../batches/ports/ledger.ts';
import type { AdmissionRules } from '../../../batches/record/admission.ts';
import { noTerms } from '../../../batches/record/gates.ts';
import { eachOf } from '../each-of.ts';
import { LedgerClosedError } from '../errors.ts';
import type { LedgerTime } from '../ledger-time.ts';
import { admit, type Writer } from './admit.ts';
import { admitWithIntent } from './admit-with-intent.ts';
import { advance, bodyOf } from './advance.ts';
import { enqueueProgress, openBatch, saveEnqueueProgress, setPause, unfinishedFiles, updateBatch } from './batches.ts';
import * as queries from './queries.ts';
import { setGates, setTerms } from './gates.ts';
import { claimDue, purgeDetails, restore, restoreSettled, takeOverOutbox } from './sharing.ts';
import { placeOf, type MemoryStore } from './store.ts';

export { createMemoryStore, restoreMemoryStore, timesIn, type MemoryStore } from './store.ts';

export type WriteName =
  | 'openBatch'
  | 'updateBatch'
  | 'admit'
  | 'admitWithIntent'
  | 'advance'
  | 'published'
  | 'purgeDetails'
  | 'claimDue'
  | 'takeOverOutbox'
  | 'saveEnqueueProgress'
  | 'countDeadLetter'
  | 'restore'
  | 'restoreSettled'
  | 'setPause'
  | 'setGates'
  | 'setTerms';

/**
 * Carries one atomic write to the store: calls `apply` at most once and returns what it returns. It may wait before and
 * after, throw instead of calling it (the write is lost), or throw after it (its answer is lost).
 */
export type CarryWrite = <Result>(name: WriteName, apply: () => Result) => Promise<Result>;

export interface MemoryLedgerOptions {
  readonly store: MemoryStore;
  readonly rules: AdmissionRules;
  readonly clock: Pick<Clock, 'now'>;
  /** Names this instance: `outbox` returns the events of this owner. */
  readonly owner: string;
  /** The time of a ledger that one process pays from: then `clock` is this. */
  readonly time?: LedgerTime;
  /** Applies every write at once by default. */
  readonly carry?: CarryWrite;
}

const applyAtOnce: CarryWrite = async (_, apply) => apply();

/** Admits calls until it is closed, and waits for those under way. */
function createGate(carry: CarryWrite) {
  const underWay = new Set<Promise<unknown>>();
  let isClosed = false;
  const assertOpen = (): void => {
    if (isClosed) throw new LedgerClosedError();
  };
  return {
    async read<Result>(ask: () => Result): Promise<Result> {
      assertOpen();
      return ask();
    },
    async write<Result>(name: WriteName, apply: () => Result): Promise<Result> {
      assertOpen();
      const written = carry(name, apply);
      underWay.add(written);
      return written.finally(() => underWay.delete(written));
    },
    async close(): Promise<void> {
      isClosed = true;
      await Promise.allSettled(underWay);
    },
  };
}

export function openMemoryLedger({ store, rules, clock, owner, time, carry = applyAtOnce }: MemoryLedgerOptions): SharedLedger {
  const gate = createGate((name, apply) =>
    carry(name, () => {
      const result = apply();
      time?.write();
      return result;
    }),
  );
  const writer: Writer = { store, rules, owner, now: () => clock.now(), ...(time === undefined ? {} : { time }) };
  const { read, write } = gate;
  return {
    openBatch: (manifest) => write('openBatch', () => openBatch(store, manifest)),
    updateBatch: (change) => write('updateBatch', () => updateBatch(store, change)),
    // What comes in is cloned: the port promises that every value can be, and no caller can change the store afterwards.
    admit: (admissions) => eachOf(structuredClone(admissions), (admission) => write('admit', () => admit(writer, admission))),
    advance: (changes) => eachOf(structuredClone(changes), (change) => write('advance', () => advance(writer, change))),
    admitWithIntent: async (admission, intent) => {
      const [one, its] = structuredClone([admission, intent] as const);
      return write('admitWithIntent', () => admitWithIntent(writer, one, its));
    },
    published: ({ numbers, mark }) =>
      write('published', () => {
        for (const number of numbers) store.outbox.delete(number);
        store.publishedMark = mark ?? store.publishedMark;
      }),
    purgeDetails: (which) => write('purgeDetails', () => purgeDetails(writer, which)),
    claimDue: (which) => write('claimDue', () => claimDue(writer, which)),
    takeOverOutbox: (which) => write('takeOverOutbox', () => takeOverOutbox(writer, which)),
    saveEnqueueProgress: (progress) => write('saveEnqueueProgress', () => saveEnqueueProgress(store, progress)),
    countDeadLetter: (place) => write('countDeadLetter', () => void store.deadLetters.add(placeOf(place))),
    restore: (params) => write('restore', () => restore(writer, structuredClone(params))),
    restoreSettled: (params) => write('restoreSettled', () => restoreSettled(writer, params)),
    batch: (batchId) =>
      read(() => {
        const stored = store.batches.get(batchId);
        return stored && { ...stored.batch };
      }),
    batches: (params) => read(() => queries.batches(store, params?.newest)),
    record: (recordId) => read(() => store.records.get(recordId)?.record),
    trail: (recordId) => read(() => queries.trail(store, recordId)),
    alerted: (which) => read(() => queries.alerted(store, which)),
    recount: (batchId) => read(() => queries.recount(store, batchId)),
    pauses: () => read(() => [...store.pauses.values()]),
    setPause: (params) => write('setPause', () => setPause(store, params)),
    gates: () => read(() => store.gates),
    setGates: (gates, expected) => write('setGates', () => setGates(store, gates, expected)),
    terms: (batchId) => read(() => store.terms.get(batchId) ?? noTerms),
    setTerms: (params) => write('setTerms', () => setTerms(store, params)),
    recordOfSession: (sessionId) => read(() => store.records.get(store.sessions.get(sessionId) ?? '')?.record),
    body: (recordId) =>
      read(() => {
        const stored = store.records.get(recordId);
        return stored && bodyOf(stored, clock.now());
      }),
    due: (which) => read(() => queries.due(store, which)),
    list: (which) => read(() => queries.list(store, which)),
    records: (which) => read(() => queries.records(store, which)),
    countUnsettledDuplicates: (which) => read(() => queries.countUnsettledDuplicates(store, which)),
    outbox: (which) => read(() => queries.outbox(store, owner, which)),
    publishedMark: () => read(() => store.publishedMark),
    tallies: (batchId) => read(() => queries.tallies(store, batchId)),
    unfinishedFiles: () => read(() => unfinishedFiles(store)),
    enqueueProgress: (batchId) => read(() => enqueueProgress(store, batchId)),
    overview: () => read(() => queries.overview(store)),
    close: gate.close,
  };
}
