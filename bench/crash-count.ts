/** What a kill and a second start did to a file's records: the stub's calls held against the file and the results. */
import type { PeerResult } from './peers/payout.ts';
import type { Call } from './stub/book.ts';

/** What a contender says of a record afterwards. */
export type Reported = 'succeeded' | 'failed' | 'open';

export interface CrashCount {
  /** Records that reached the gateway under two different keys. */
  readonly twoKeys: number;
  /** Records that the gateway accepted twice: money that left twice. */
  readonly paidTwice: number;
  /** Calls that the gateway refused, because it knew their key. */
  readonly repeats: number;
  /** Records of the file that never reached it. */
  readonly neverSent: number;
  /** Records of the file of which nothing is reported. */
  readonly noResult: number;
  /** Records reported as failed that the gateway has paid. */
  readonly reportedWrong: number;
  /** Records reported as open, which a person or a later response of the gateway ends. */
  readonly reportedOpen: number;
}

export function countCrash(recordIds: Iterable<string>, calls: readonly Call[], reported: ReadonlyMap<string, Reported>): CrashCount {
  const keys = new Map<string, Set<string>>();
  const accepted = new Map<string, number>();
  for (const { record_id, idempotency_key, accepted: paid } of calls) {
    const known = keys.get(record_id) ?? new Set();
    keys.set(record_id, known.add(idempotency_key));
    if (paid) accepted.set(record_id, (accepted.get(record_id) ?? 0) + 1);
  }
  const ids = [...recordIds];
  const count = (holds: (id: string) => boolean): number => ids.filter(holds).length;
  return {
    twoKeys: count((id) => (keys.get(id)?.size ?? 0) > 1),
    paidTwice: count((id) => (accepted.get(id) ?? 0) > 1),
    repeats: calls.filter((call) => !call.accepted).length,
    neverSent: count((id) => !keys.has(id)),
    noResult: count((id) => !reported.has(id)),
    reportedWrong: count((id) => reported.get(id) === 'failed' && accepted.has(id)),
    reportedOpen: count((id) => reported.get(id) === 'open'),
  };
}

/** What a contender says afterwards. */
export interface Told {
  /** Of each record's payment. */
  readonly reported: ReadonlyMap<string, Reported>;
  /** Records of which it says that they were asked for with different content. */
  readonly conflicts: ReadonlySet<string>;
}

/** A record that was reported as succeeded once has a result, whatever was reported of its repeat. */
export function reportedByPeer(results: readonly PeerResult[]): Told {
  const reported = new Map<string, Reported>();
  for (const { record_id, status } of results)
    if (reported.get(record_id) !== 'succeeded') reported.set(record_id, status === 'succeeded' ? 'succeeded' : 'failed');
  return { reported, conflicts: new Set() };
}

export interface OurResult {
  readonly record_id?: string;
  readonly sequence: number;
  readonly status: string;
  readonly final: boolean;
}

/** The event with the highest sequence counts. A conflict or a duplicate says nothing of the payment. */
export function reportedByDisburse(events: readonly OurResult[]): Told {
  const last = new Map<string, OurResult>();
  const conflicts = new Set<string>();
  for (const event of events) {
    const { record_id: recordId } = event;
    if (recordId === undefined || event.status === 'duplicate') continue;
    if (event.status === 'conflict') conflicts.add(recordId);
    else if ((last.get(recordId)?.sequence ?? 0) < event.sequence) last.set(recordId, event);
  }
  const status = (event: OurResult): Reported => (event.final ? (event.status === 'succeeded' ? 'succeeded' : 'failed') : 'open');
  return { reported: new Map([...last].map(([recordId, event]) => [recordId, status(event)])), conflicts };
}

/** What became of a second file that asks for records again, with other amounts. */
export interface OtherAmounts {
  /** Reported as succeeded, with nothing sent: the payee gets the first amount, and the sender believes in the second. */
  readonly silent: number;
  /** Money left again. */
  readonly paidAgain: number;
  readonly conflicts: number;
  /** Anything else. */
  readonly other: number;
}

/** @param paidBefore how often the gateway had accepted each record before the second file */
export function countOtherAmounts(
  recordIds: Iterable<string>,
  params: { readonly paidBefore: ReadonlyMap<string, number>; readonly paidAfter: ReadonlyMap<string, number>; readonly told: Told },
): OtherAmounts {
  const { paidBefore, paidAfter, told } = params;
  const counts = { silent: 0, paidAgain: 0, conflicts: 0, other: 0 };
  for (const id of recordIds) {
    if ((paidAfter.get(id) ?? 0) > (paidBefore.get(id) ?? 0)) counts.paidAgain += 1;
    else if (told.conflicts.has(id)) counts.conflicts += 1;
    else if (told.reported.get(id) === 'succeeded') counts.silent += 1;
    else counts.other += 1;
  }
  return counts;
}

/** How often the gateway accepted each record. */
export function paidCounts(calls: readonly Call[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { record_id, accepted } of calls) if (accepted) counts.set(record_id, (counts.get(record_id) ?? 0) + 1);
  return counts;
}
