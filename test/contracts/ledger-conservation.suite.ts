/**
 * The conservation law as a property: whatever comes and moves, in whatever order and however concurrently, what was
 * received equals what is accounted for, occurrence by occurrence.
 */
import { array, assert, asyncProperty, boolean, constant, constantFrom, integer, oneof, record, type Arbitrary } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ledger } from '../../batches/ports/ledger.ts';
import type { Admission } from '../../batches/record/record.ts';
import { isPacked } from '../../batches/record/packed.ts';
import { mayFollow, type RecordStatus, type Status } from '../../batches/record/status.ts';
import { isBalanced, type TallyRow } from '../../batches/record/tally.ts';
import { recordStatuses, type LedgerHarness } from './ledger-harness.ts';
import { admission, at, batchA, batchB, instructionOf, lineOf, manifest, refused, valid } from '../support/builders.ts';
import { intent, step } from '../support/ledger-steps.ts';
import { admitOne, advanceOne } from '../../batches/ports/single.ts';

interface Coming {
  readonly type: 'admit';
  readonly batchId: string;
  readonly line: number;
  readonly amountMinor: bigint | undefined;
  readonly currency: string;
  readonly good: boolean;
}
interface Moving {
  readonly type: 'advance';
  readonly recordId: string;
  readonly to: RecordStatus;
}
type Act = Coming | Moving | { readonly type: 'reopen' | 'drop' };

const recordId = constantFrom('inv-1', 'inv-2', 'inv-3');
/** A place always names the same record id. */
const recordIdAt = (line: number): string => `inv-${(line % 3) + 1}`;
const coming: Arbitrary<Act> = record({
  type: constant('admit' as const),
  batchId: constantFrom(batchA, batchB),
  line: integer({ min: 2, max: 12 }),
  amountMinor: constantFrom(undefined, 1n, 500n, 9_007_199_254_740_991n),
  currency: constantFrom('EUR', 'JPY'),
  good: boolean(),
});
const moving: Arbitrary<Act> = record({ type: constant('advance' as const), recordId, to: constantFrom(...recordStatuses) });
const acts = array(
  oneof(
    { weight: 4, arbitrary: coming },
    { weight: 6, arbitrary: moving },
    { weight: 1, arbitrary: constant({ type: 'reopen' as const }) },
    { weight: 1, arbitrary: constant({ type: 'drop' as const }) },
  ),
  {
    maxLength: 40,
  },
);

const sentAndPacked: Act[] = [
  { type: 'admit', batchId: batchA, line: 2, amountMinor: undefined, currency: 'EUR', good: true },
  { type: 'advance', recordId: 'inv-3', to: 'submitting' },
  { type: 'advance', recordId: 'inv-3', to: 'failed' },
  { type: 'drop' },
  { type: 'reopen' },
];

const admissionOf = ({ batchId, line, amountMinor, currency, good }: Coming): Admission => {
  const id = recordIdAt(line);
  return admission(
    lineOf(batchId, line),
    good ? valid(instructionOf(id, { amountMinor: amountMinor ?? 7n, currency })) : refused({ recordId: id, amountMinor, currency }),
    batchId,
  );
};

/** One step that the statuses allow; nothing when they do not, or when another came first. */
async function move(ledger: Ledger, { recordId: id, to }: Moving): Promise<void> {
  const current = await ledger.record(id);
  if (current === undefined || !mayFollow[current.status].includes(to)) return;
  const change =
    to === 'submitting'
      ? intent(current, Buffer.from(id), at + current.version)
      : step(current, { status: to, ...(to === 'queued' ? { firstSentAt: null, sends: 0 } : {}) });
  await advanceOne(ledger, change);
}

/** Every place that was ever asked at, with what was asked there first. */
type Places = Map<string, Admission>;

/** Counts again, by asking at every known place what became of it. */
async function recount(ledger: Ledger, places: Places, batchId: string | undefined): Promise<TallyRow[]> {
  const rows = new Map<string, TallyRow>();
  const count = (status: Status | 'received', currency: string, amountMinor: bigint): void => {
    const name = `${status} ${currency}`;
    const row = rows.get(name) ?? { status, currency, count: 0, amountMinor: 0n };
    rows.set(name, { ...row, count: row.count + 1, amountMinor: row.amountMinor + amountMinor });
  };
  for (const asked of places.values()) {
    if (batchId !== undefined && asked.batchId !== batchId) continue;
    const { content } = asked;
    const verdict = await admitOne(ledger, asked);
    if (verdict.type === 'totals_full' || verdict.type === 'place_taken') throw new Error('a place that is known has room in the totals');
    const { amountMinor, currency } = content.type === 'valid' ? content.draft : content.refusal;
    const readable = amountMinor !== undefined && currency !== undefined;
    for (const status of ['received', verdict.type === 'settled' ? verdict.status : verdict.record.status] as const) {
      count(status, readable ? currency : '', readable ? amountMinor : 0n);
    }
  }
  return [...rows.values()];
}

const sorted = (rows: readonly TallyRow[]): TallyRow[] =>
  rows
    .filter((row) => row.count !== 0 || row.amountMinor !== 0n)
    .sort((a, b) => (`${a.status} ${a.currency}` < `${b.status} ${b.currency}` ? -1 : 1));

/**
 * @param sentIds of the records that were sent when they were looked at last: a packed record does not say any more when it
 *   was sent
 * @param wasSeen each record was looked at after each of its steps, so before it was packed too
 */
async function checkSent(ledger: Ledger, batchId: string, sentIds: Set<string>, wasSeen: boolean): Promise<void> {
  const lists = await Promise.all(recordStatuses.map((status) => ledger.list({ batchId, status, limit: 100 })));
  let [sent, unclear] = [0, 0];
  for (const { record } of lists.flat()) {
    if (!isPacked(record)) sentIds[record.firstSentAt === null ? 'delete' : 'add'](record.recordId);
    if (sentIds.has(record.recordId)) sent += 1;
    else if (isPacked(record) && !wasSeen) unclear += 1;
  }
  const counted = (await ledger.batch(batchId))?.sent;
  expect(counted).toBeGreaterThanOrEqual(sent);
  expect(counted).toBeLessThanOrEqual(sent + unclear);
}

async function check(ledger: Ledger, places: Places, sentIds: Set<string>, wasSeen: boolean): Promise<void> {
  for (const batchId of [batchA, batchB, undefined]) {
    const tallies = await ledger.tallies(batchId);
    expect(isBalanced(tallies)).toBe(true);
    expect(sorted(tallies)).toEqual(sorted(await recount(ledger, places, batchId)));
    if (batchId === undefined) continue;
    await checkSent(ledger, batchId, sentIds, wasSeen);
  }
}

export function conservationSuite(name: string, createHarness: () => Promise<LedgerHarness>): void {
  describe(`the conservation law: ${name}`, () => {
    const run = async (history: readonly Act[], concurrently: boolean): Promise<void> => {
      const harness = await createHarness();
      let ledger = await harness.open();
      const places: Places = new Map();
      const sentIds = new Set<string>();
      const note = (asked: Admission): Admission => {
        const place = `${asked.occurrence.stream}:${asked.occurrence.position}`;
        const first = places.get(place) ?? asked;
        places.set(place, first);
        // At once, it is open which of two comes first: then a place brings the same to both, as it does in truth.
        return concurrently ? first : asked;
      };
      const reopen = async (): Promise<void> => {
        await ledger.close();
        ledger = await harness.open();
      };
      const doIt = async (act: Act): Promise<unknown> => {
        switch (act.type) {
          case 'admit':
            return admitOne(ledger, note(admissionOf(act)));
          case 'advance':
            return move(ledger, act);
          case 'drop':
            return ledger.purgeDetails({ olderThanMs: 0, limit: 3 });
          case 'reopen':
            return concurrently ? undefined : reopen();
        }
      };
      try {
        await ledger.openBatch(manifest(batchA));
        await ledger.openBatch(manifest(batchB));
        if (concurrently) await Promise.all(history.map(doIt));
        for (const act of concurrently ? [] : history) {
          await doIt(act);
          await check(ledger, places, sentIds, !concurrently);
        }
        await reopen();
        await check(ledger, places, sentIds, !concurrently);
      } finally {
        await ledger.close();
        await harness.dispose();
      }
    };

    it('holds after every step of any history, and after every reopening', async () => {
      expect.hasAssertions();
      await assert(
        asyncProperty(acts, (history) => run(history, false)),
        { numRuns: 40, examples: [[sentAndPacked]] },
      );
    });

    it('holds when all calls of any history run concurrently', async () => {
      expect.hasAssertions();
      await assert(
        asyncProperty(acts, (history) => run(history, true)),
        { numRuns: 40 },
      );
    });
  });
}
