/** Two ledgers on the same history: whatever one of them answers or holds, the other one does too. */
import {
  array,
  assert,
  asyncProperty,
  boolean,
  constant,
  constantFrom,
  integer,
  oneof,
  record,
  uniqueArray,
  type Arbitrary,
} from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { Admission, LedgerRecord } from '../../batches/record/record.ts';
import type { Change } from '../../batches/record/change.ts';
import { isFinal, mayFollow, type RecordStatus } from '../../batches/record/status.ts';
import type { TallyRow } from '../../batches/record/tally.ts';
import { admission, at, batchA, batchB, instructionOf, lineOf, manifest, refused, valid } from '../support/builders.ts';
import type { Histories } from '../support/histories.ts';
import { intent, step } from '../support/ledger-steps.ts';
import { recordStatuses, type LedgerHarness } from './ledger-harness.ts';
import { packed } from './ledger-retention.suite.ts';

interface Coming {
  readonly batchId: string;
  readonly line: number;
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly content: string;
  readonly isGood: boolean;
}
interface Moving {
  readonly recordId: string;
  readonly to: RecordStatus;
  readonly session: string | null;
  readonly isStale: boolean;
  readonly dueAt: number | null;
}
type Act =
  | { readonly type: 'admit'; readonly all: readonly Coming[] }
  | { readonly type: 'advance'; readonly all: readonly Moving[] }
  | { readonly type: 'publish' }
  | { readonly type: 'pause'; readonly batchId: string | null; readonly isOn: boolean }
  | { readonly type: 'phase'; readonly batchId: string; readonly state: 'running' | 'waiting' | 'finished' }
  | { readonly type: 'purge' }
  | { readonly type: 'reopen' };

const recordIds = ['inv-1', 'inv-2', 'inv-3'] as const;
const sessions = ['ps_1', 'ps_2'] as const;
const batch = constantFrom(batchA, batchB);

const coming: Arbitrary<Coming> = record({
  batchId: batch,
  line: integer({ min: 2, max: 10 }),
  amountMinor: constantFrom(1n, 500n, 9_007_199_254_740_991n),
  currency: constantFrom('EUR', 'JPY'),
  content: constantFrom('same', 'other'),
  isGood: boolean(),
});
const moving: Arbitrary<Moving> = record({
  recordId: constantFrom(...recordIds),
  to: constantFrom(...recordStatuses),
  session: constantFrom(null, ...sessions),
  isStale: constantFrom(false, false, false, true),
  dueAt: constantFrom(null, at, at + 1_000),
});
/** In a group, no two concern the same record or session: a shared ledger may write them in any order. */
const acts: Arbitrary<Act[]> = array(
  oneof(
    {
      weight: 5,
      arbitrary: uniqueArray(coming, { minLength: 1, maxLength: 3, selector: ({ line }) => line % 3 }).map((all): Act => ({
        type: 'admit',
        all,
      })),
    },
    {
      weight: 8,
      arbitrary: uniqueArray(moving, {
        minLength: 1,
        maxLength: 3,
        comparator: (a, b) => a.recordId === b.recordId || (a.session !== null && a.session === b.session),
      }).map((all): Act => ({ type: 'advance', all })),
    },
    { weight: 1, arbitrary: constant<Act>({ type: 'publish' }) },
    { weight: 1, arbitrary: record({ type: constant('pause' as const), batchId: constantFrom(null, batchA), isOn: boolean() }) },
    {
      weight: 1,
      arbitrary: record({
        type: constant('phase' as const),
        batchId: batch,
        state: constantFrom('running' as const, 'waiting' as const, 'finished' as const),
      }),
    },
    { weight: 1, arbitrary: constant<Act>({ type: 'reopen' }) },
    { weight: 1, arbitrary: constant<Act>({ type: 'purge' }) },
  ),
  { maxLength: 30 },
);

const admissionOf = ({ batchId, line, amountMinor, currency, content, isGood }: Coming): Admission => {
  // A place always names the same record id.
  const recordId = recordIds[line % recordIds.length] ?? 'inv-1';
  const about = { amountMinor, currency };
  return admission(
    lineOf(batchId, line),
    isGood ? valid(instructionOf(recordId, about), content) : refused({ recordId, ...about }),
    batchId,
  );
};

/** A step that the statuses allow; undefined when they do not. */
async function changeOf(ledger: Ledger, { recordId, to, session, isStale, dueAt }: Moving): Promise<Change | undefined> {
  const current = await ledger.record(recordId);
  if (current === undefined || !mayFollow[current.status].includes(to)) return undefined;
  const from = isStale ? { ...current, version: current.version + 100 } : current;
  if (to === 'submitting') return intent(from, Buffer.from(recordId));
  const isBack = to === 'queued' || to === 'rejected';
  // Only what was sent has a session, and what has one is not returned to the queue.
  if (isBack && current.sessionId !== null) return undefined;
  const claim = session === null || isStale || isBack || current.sends === 0 ? {} : { sessionId: session, isSessionProven: true };
  return step(from, {
    status: to,
    dueAt: isBack || isFinal[to] ? null : dueAt,
    ...claim,
    ...(to === 'queued' ? { firstSentAt: null, sends: 0 } : {}),
  });
}

/** What a ledger adds of its own, or has in an order of its own. */
const ownMembers = new Set(['cursor', 'number', 'changedAt', 'admittedAt', 'hash', 'head', 'ledger_mark']);

const trailMembers: ReadonlySet<string> = new Set(['audit', 'alerts', 'audit_head', 'audit_number']);

/** As text: members in one order, texts for what JSON does not have. */
const plain = (value: unknown, without: ReadonlySet<string> = ownMembers): unknown => {
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map((one) => plain(one, without));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([name, member]) => !without.has(name) && member !== undefined);
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, plain(member, without)]));
};
/**
 * A ledger that packs what has ended keeps less of it than one that only drops details: of both, what both keep. Whether a
 * content is the same and a session is taken is compared by what admissions and steps answer.
 */
const asPacked = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(asPacked);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const members = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, asPacked(member)]));
  const isEnded = 'recordId' in value && 'fingerprint' in value && isFinal[(value as LedgerRecord).status];
  return isEnded ? { ...members, ...packed(value as LedgerRecord) } : members;
};

const byText = (rows: readonly unknown[]): unknown[] =>
  rows.map((row) => plain(row)).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
const byRecordId = (records: readonly LedgerRecord[]): LedgerRecord[] => records.toSorted((a, b) => (a.recordId < b.recordId ? -1 : 1));
const counted = (rows: readonly TallyRow[]): unknown[] => byText(rows.filter((row) => row.count !== 0));

/** The events of each record in their order; those of several records may come in any. */
async function outboxOf(ledger: Ledger): Promise<unknown> {
  const events = (await ledger.outbox({ limit: 1_000 })).map(({ json }) => JSON.parse(json) as { record_id?: string });
  return recordIds.map((recordId) => events.filter((event) => event.record_id === recordId));
}

/** Everything that can be asked of a ledger. */
async function contents(ledger: Ledger, keepsTrails: boolean): Promise<unknown> {
  const ofBatch = async (batchId: string) => ({
    batch: await ledger.batch(batchId),
    tallies: counted(await ledger.tallies(batchId)),
    due: byRecordId((await ledger.due({ batchId, now: at + 500, limit: 100 })).records),
    lists: await Promise.all(
      recordStatuses.map(async (status) => (await ledger.list({ batchId, status, limit: 100 })).map((one) => one.record.recordId).sort()),
    ),
    unsettled: await ledger.countUnsettledDuplicates({ batchId, exceptInProgress: true }),
  });
  const ofRecord = async (recordId: string) => ({
    record: await ledger.record(recordId),
    body: await ledger.body(recordId),
    trail: keepsTrails ? await ledger.trail(recordId) : [],
  });
  const { open, isBalanced, unpublished } = await ledger.overview();
  return plain({
    batches: [await ofBatch(batchA), await ofBatch(batchB), (await ledger.batches()).map((one) => one.batchId)],
    records: await Promise.all(recordIds.map(ofRecord)),
    listed: byRecordId((await ledger.records({ statuses: recordStatuses, limit: 100 })).map((one) => one.record)),
    holders: await Promise.all(sessions.map(async (session) => (await ledger.recordOfSession(session))?.recordId)),
    outbox: await outboxOf(ledger),
    pauses: keepsTrails ? byText(await ledger.pauses()) : [],
    all: counted(await ledger.tallies()),
    ...{ open: counted(open), isBalanced, unpublished },
  });
}

async function act(ledger: Ledger, one: Exclude<Act, { type: 'reopen' }>, pass: () => Promise<void>): Promise<unknown> {
  switch (one.type) {
    case 'admit':
      return plain(await ledger.admit(one.all.map(admissionOf)));
    case 'advance': {
      const changes = await Promise.all(one.all.map((moved) => changeOf(ledger, moved)));
      return plain(await ledger.advance(changes.filter((change) => change !== undefined)));
    }
    case 'publish': {
      const entries = await ledger.outbox({ limit: 1_000 });
      if (entries.length > 0) await ledger.published({ numbers: entries.map((entry) => entry.number), mark: 'mark' });
      return entries.map(({ eventId }) => eventId).sort();
    }
    case 'pause':
      return ledger.setPause({ batchId: one.batchId, pause: one.isOn ? { at, by: 'somebody', code: 'paused', reason: 'look' } : null });
    case 'purge':
      await pass();
      return ledger.purgeDetails({ olderThanMs: 0, limit: 100 });
    case 'phase':
      await ledger.updateBatch({ batchId: one.batchId, state: one.state, at });
      return null;
  }
}

/** Counting again from records and occurrences gives the tallies. */
async function checkRecount(ledger: Ledger): Promise<void> {
  for (const batchId of [batchA, batchB, undefined])
    expect(counted(await ledger.recount(batchId))).toEqual(counted(await ledger.tallies(batchId)));
}

interface Telling {
  readonly keepsTrails: boolean;
  readonly packs: boolean;
  /** What must hold of the ledger at the end. */
  readonly check: (ledger: Ledger) => Promise<void>;
}

/** Every answer on the way, and what is held at the end. */
async function tell(harness: LedgerHarness, history: readonly Act[], { keepsTrails, packs, check }: Telling): Promise<readonly unknown[]> {
  let ledger = await harness.open();
  const told: unknown[] = [];
  try {
    for (const batchId of [batchA, batchB]) await ledger.openBatch(manifest(batchId));
    for (const one of history) {
      if (one.type === 'reopen') {
        await ledger.close();
        ledger = await harness.open();
      } else told.push({ act: one.type, answer: await act(ledger, one, () => harness.pass(3)) });
    }
    told.push(await contents(ledger, keepsTrails));
    await check(ledger);
    const shown = packs ? told.map(asPacked) : told;
    return keepsTrails ? shown : shown.map((one) => plain(one, trailMembers));
  } finally {
    await ledger.close();
    await harness.dispose();
  }
}

/** @property keepsTrails false: audit trails, pauses and recounting are left out of the comparison */
export interface DifferentialOptions extends Histories {
  readonly keepsTrails?: boolean;
  /** Of records that have ended only what a packed one keeps is compared. */
  readonly packs?: boolean;
  readonly one: () => Promise<LedgerHarness>;
  readonly other: () => Promise<LedgerHarness>;
}

export function ledgerDifferentialSuite(
  name: string,
  { runs, seed, keepsTrails = true, packs = false, one, other }: DifferentialOptions,
): void {
  describe(`two ledgers on one history: ${name}`, () => {
    it('give the same verdicts, and hold the same records, tallies, trails and outbox', async () => {
      expect.hasAssertions();
      await assert(
        asyncProperty(acts, async (every) => {
          const history = keepsTrails ? every : every.filter(({ type }) => type !== 'pause');
          const found = await tell(await other(), history, {
            keepsTrails,
            packs,
            check: keepsTrails ? checkRecount : async () => undefined,
          });
          expect(found).toEqual(await tell(await one(), history, { keepsTrails, packs, check: async () => undefined }));
        }),
        { numRuns: runs, ...(seed === undefined ? {} : { seed }) },
      );
    });
  });
}
