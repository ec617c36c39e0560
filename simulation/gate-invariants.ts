/** What must hold of approvals and limits after every schedule: what left, and when, against what persons and settings allow. */
import { dayOf, type Gates } from '../batches/record/gates.ts';
import type { LedgerRecord } from '../batches/record/record.ts';
import { trail } from '../src/ledger/memory/queries.ts';
import type { WorldGates } from './gates.ts';
import type { World } from './world.ts';

/** @returns a sentence for each thing that does not hold */
export function gateViolations(world: World): string[] {
  const { gates } = world;
  if (gates === null) return [];
  const intents = [...world.store.records.values()].flatMap(({ record }) => intentsOf(world, record));
  return [
    ...notApproved(gates),
    ...ofRefused(gates),
    ...aboveBatchTotal(world, gates),
    ...aboveDayTotal(world, intents),
    ...tooEarly(gates, intents),
    ...(gates.asked.confirm === 'manual' && world.bank.confirmed.size > 0 ? ['a session was confirmed, which is left to persons'] : []),
  ];
}

/** Each payment that left is a row of a file that a second person had asked to approve, with the totals of that file. */
function notApproved({ asked, sent, plans, rightApprovals }: WorldGates): string[] {
  if (asked.approval !== 'required') return [];
  return sent.flatMap(({ recordId, batchId, amountMinor, at }) => {
    if (plans.get(batchId)?.amounts.get(recordId) !== amountMinor)
      return [`${recordId} was sent with ${amountMinor}, which is no row of an approved file`];
    const isApproved = [...rightApprovals.values()].some((approval) => approval.batchId === batchId && approval.at <= at);
    return isApproved ? [] : [`${recordId} was sent before a second person approved its file`];
  });
}

function ofRefused({ sent, refused, approved }: WorldGates): string[] {
  const found = sent.filter(({ batchId }) => refused.has(batchId)).map(({ recordId }) => `${recordId} of a refused file was sent`);
  const both = [...refused].filter((batchId) => approved.has(batchId));
  return [...found, ...both.map((batchId) => `batch ${batchId.slice(0, 8)} was approved and refused`)];
}

function aboveBatchTotal({ store }: World, { asked, plans }: WorldGates): string[] {
  const limit = asked.maxBatchTotal['EUR'];
  if (limit === undefined) return [];
  const above = [...plans.values()].filter(({ totals }) => (totals.get('EUR')?.amountMinor ?? 0n) > BigInt(limit));
  return above
    .filter(({ file, amounts }) =>
      [...(store.batches.get(file.batchId)?.records.values() ?? [])].some(
        ({ record }) => record.amountMinor === amounts.get(record.recordId),
      ),
    )
    .map(({ file }) => `rows of batch ${file.batchId.slice(0, 8)} were admitted, whose total is above the limit`);
}

/** An intent that counts: it was not taken back. */
interface Intent {
  readonly recordId: string;
  readonly batchId: string;
  readonly amountMinor: bigint;
  /** By the time of the ledger. */
  readonly at: number;
}

/** First sends of each attempt, as the trail has them. */
function intentsOf({ store }: World, { recordId, batchId, amountMinor }: LedgerRecord): Intent[] {
  const entries = trail(store, recordId).map(({ text }) => JSON.parse(text) as { readonly event: string; readonly at: number });
  const counted: Intent[] = [];
  let isSent = false;
  for (const { event, at } of entries.slice(entries.findLastIndex((entry) => entry.event === 'admitted'))) {
    if (event === 'intent' && !isSent) counted.push({ recordId, batchId, amountMinor, at });
    if (event === 'not_sent') counted.pop();
    if (event === 'intent') isSent = true;
    if (event === 'not_sent' || event === 'retried') isSent = false;
  }
  return counted;
}

const minuteMs = 60_000;

function aboveDayTotal({ store }: World, intents: readonly Intent[]): string[] {
  const sums = new Map<number, bigint>();
  for (const { at, amountMinor } of intents) {
    const day = dayOf(at);
    // It is decided just before it is written: around midnight it may count on the next day.
    if (dayOf(at + minuteMs) === day) sums.set(day, (sums.get(day) ?? 0n) + amountMinor);
  }
  return [...sums].flatMap(([day, sum]) => {
    const limit = limitOf(store.gates, day);
    return limit === null || sum <= limit ? [] : [`${sum} was sent on day ${day}, whose limit is ${limit}`];
  });
}

/** The highest limit that the ledger held on this day. */
function limitOf(gates: Gates | null, day: number): bigint | null {
  const log = gates?.log ?? [];
  const before = log.findLast(({ at }) => dayOf(at) < day);
  const held = [...(before === undefined ? [] : [before]), ...log.filter(({ at }) => dayOf(at) === day)].map(
    ({ to }) => to.maxDayTotal['EUR'],
  );
  const limits = held.filter((limit) => limit !== undefined).map(BigInt);
  return limits.length === 0 || limits.length < held.length ? null : limits.reduce((one, other) => (one > other ? one : other));
}

function tooEarly({ plans }: WorldGates, intents: readonly Intent[]): string[] {
  return intents.flatMap(({ recordId, batchId, at }) => {
    const notBefore = plans.get(batchId)?.notBefore ?? null;
    return notBefore !== null && at < notBefore ? [`${recordId} was sent ${notBefore - at} ms before its time`] : [];
  });
}

/** Waits for a person, or for a limit that is below its amount. */
export function isExplainedWait({ gates, store }: World, { batchId, reason, amountMinor }: LedgerRecord): boolean {
  if (gates === null) return false;
  if (reason?.code === 'awaiting_approval')
    return store.gates?.approval === 'required' && (store.terms.get(batchId)?.approval ?? null) === null;
  return reason?.code === 'day_total_reached' && amountMinor > BigInt(store.gates?.maxDayTotal['EUR'] ?? amountMinor);
}
