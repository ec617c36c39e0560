/** What a kill and a second start did to a file's records: the stub's calls held against the file and the results. */
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
