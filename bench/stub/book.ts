/** What the stub gateway was asked to pay: every call, and whether it became a payout. */

export interface Call {
  readonly record_id: string;
  readonly idempotency_key: string;
  /** False for a repeat of a known key, which the gateway refuses and does not pay. */
  readonly accepted: boolean;
}

export interface BookStats {
  readonly calls: number;
  readonly accepted: number;
  /** Milliseconds since the epoch; null before the first call. */
  readonly first_at: number | null;
  readonly last_at: number | null;
}

export interface BookAccounts {
  /** Different records that were paid. */
  readonly paid: number;
  /** Records that were paid more than once, the first of them only. */
  readonly paid_twice: readonly string[];
  /** Records that came under more than one key, the first of them only. */
  readonly under_two_keys: readonly string[];
}

const mostNamed = 10;

export interface Book {
  /** Notes a call; true when its key is new. A call without a key is new every time. */
  note(recordId: string, key: string | undefined, now: number): boolean;
  calls(): Iterable<Call>;
  stats(): BookStats;
  /** Counted when it is asked for. */
  accounts(): BookAccounts;
  /** Resolves as soon as so many calls were noted since the last reset. */
  reached(calls: number): Promise<void>;
  /** Every key is new again, as for a gateway that keeps them for a limited time; the calls stay noted. */
  forgetKeys(): void;
  reset(): void;
}

export function createBook(): Book {
  // Flat arrays: a million calls as objects would be a load for the garbage collector in the middle of a measurement.
  let recordIds: string[] = [];
  let keys: string[] = [];
  let repeats = new Set<number>();
  let known = new Set<string>();
  let firstAt: number | null = null;
  let lastAt: number | null = null;
  let waiting: { readonly calls: number; readonly wake: () => void }[] = [];

  return {
    note(recordId, key, now) {
      const fresh = key === undefined || !known.has(key);
      if (key !== undefined) known.add(key);
      if (!fresh) repeats.add(recordIds.length);
      recordIds.push(recordId);
      keys.push(key ?? '');
      firstAt ??= now;
      lastAt = now;
      if (waiting.length > 0) {
        const due = waiting.filter(({ calls }) => calls <= recordIds.length);
        waiting = waiting.filter(({ calls }) => calls > recordIds.length);
        for (const { wake } of due) wake();
      }
      return fresh;
    },
    *calls() {
      for (const [index, recordId] of recordIds.entries()) {
        yield { record_id: recordId, idempotency_key: keys[index] ?? '', accepted: !repeats.has(index) };
      }
    },
    stats: () => ({ calls: recordIds.length, accepted: recordIds.length - repeats.size, first_at: firstAt, last_at: lastAt }),
    accounts() {
      const paid = new Set<string>();
      const keyOf = new Map<string, string>();
      const [paidTwice, underTwoKeys] = [new Set<string>(), new Set<string>()];
      for (const [index, recordId] of recordIds.entries()) {
        const key = keys[index] ?? '';
        if ((keyOf.get(recordId) ?? key) !== key) underTwoKeys.add(recordId);
        keyOf.set(recordId, key);
        if (repeats.has(index)) continue;
        if (paid.has(recordId)) paidTwice.add(recordId);
        paid.add(recordId);
      }
      return {
        paid: paid.size,
        paid_twice: [...paidTwice].slice(0, mostNamed),
        under_two_keys: [...underTwoKeys].slice(0, mostNamed),
      };
    },
    reached: (calls) => (recordIds.length >= calls ? Promise.resolve() : new Promise((wake) => waiting.push({ calls, wake }))),
    forgetKeys() {
      known = new Set();
    },
    reset() {
      recordIds = [];
      keys = [];
      repeats = new Set();
      known = new Set();
      firstAt = null;
      lastAt = null;
    },
  };
}
