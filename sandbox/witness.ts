/** What the sandbox reports beside the gateway's API: its payments and the calls that it received. */
import { stateOf } from './lifecycle.ts';
import { shareOf } from './sessions.ts';
import type { Session } from './sessions.ts';
import type { Kind } from './body-rules.ts';

/**
 * One line of `GET /_sandbox/payments`.
 *
 * @property amount minor units, as requested, whatever amount the gateway shows
 * @property currency as sent
 * @property status `cancelled` is always spelled so here
 * @property refunded minor units that the payer got back by then; `charged_back` and `returned` (by the payee's bank)
 * likewise. The entry stays succeeded
 * @property second_of the session of the same call that its answer shows; this one was recorded beside it
 */
export interface WitnessLine {
  readonly session_id: string;
  readonly record_id: string | null;
  readonly kind: Kind;
  readonly idempotency_key: string | null;
  readonly amount: number;
  readonly currency: string;
  readonly status: 'in_progress' | 'accepted' | 'cancelled' | 'error';
  readonly entry_status: 'in_progress' | 'pending' | 'succeeded' | 'failed';
  readonly refunded?: number;
  readonly charged_back?: number;
  readonly returned?: number;
  readonly second_of?: string;
}

function reversalOf(session: Session): Pick<WitnessLine, 'refunded' | 'charged_back' | 'returned'> {
  const amount = shareOf(session, session.amountMinor);
  switch (session.reversal) {
    case 'refund':
      return { refunded: amount };
    case 'charge-back':
      return { charged_back: amount };
    case 'return':
      return { returned: amount };
    case 'none':
      return {};
  }
}

export function witnessLine(session: Session, settleMs: number, nowMs: number): WitnessLine {
  const state = stateOf(session, settleMs, nowMs);
  return {
    session_id: session.id,
    record_id: session.recordId,
    kind: session.kind,
    idempotency_key: session.idempotencyKey,
    amount: session.amountMinor,
    currency: session.currency,
    status: state.session,
    entry_status: state.entry,
    ...(state.isReversed === true ? reversalOf(session) : {}),
    ...(session.secondOf === null ? {} : { second_of: session.secondOf }),
  };
}

/**
 * One line of `GET /_sandbox/calls`.
 *
 * @property at milliseconds since the epoch with a fraction, when the head of the call was read; lines are in the order
 * in which bodies were complete, so sort by `at` before measuring rates
 * @property outcome `ok`, the error's code, `lost-request`, `lost-answer`, or `internal_error`
 */
export interface CallLine {
  readonly at: number;
  readonly method: string;
  readonly idempotency_key: string | null;
  readonly record_id: string | null;
  readonly outcome: string;
}

export interface CallLog {
  add(line: CallLine): void;
  /** Oldest first. */
  lines(): Generator<CallLine>;
}

/** @param capacity number of the latest calls that are kept; `Infinity` keeps all */
export function createCallLog(capacity: number): CallLog {
  const kept: CallLine[] = [];
  let oldest = 0;
  return {
    add(line) {
      if (kept.length < capacity) {
        kept.push(line);
      } else if (capacity > 0) {
        kept[oldest] = line;
        oldest = (oldest + 1) % capacity;
      }
    },
    *lines() {
      yield* kept.slice(oldest);
      yield* kept.slice(0, oldest);
    },
  };
}

const linesAtOnce = 500;

/** JSON lines in chunks, so that a long list neither fills memory nor delays other calls. */
export function* jsonLines(lines: Iterable<unknown>): Generator<string> {
  let chunk: string[] = [];
  for (const line of lines) {
    chunk.push(JSON.stringify(line));
    if (chunk.length === linesAtOnce) {
      yield `${chunk.join('\n')}\n`;
      chunk = [];
    }
  }
  if (chunk.length > 0) yield `${chunk.join('\n')}\n`;
}
