/** What the results say of every record of a load, in flat arrays: millions of records are counted beside what is measured. */
import { indexOfRecord } from '../distributed/events.ts';
import type { BookAccounts } from '../stub/book.ts';

export interface ResultSeen {
  readonly recordId: string;
  /** The event, as JSON. */
  readonly value: string | Buffer;
  /** When it appeared, milliseconds since the epoch. */
  readonly at: number;
}

export interface Accounts {
  note(result: ResultSeen): void;
  /** When the first result of each record appeared; 0 while there is none. */
  readonly answeredAt: Float64Array;
  /** Records that have a result, and records that have a final one. */
  answered(): number;
  ended(): number;
  /** Results that were published again. */
  readonly repeated: () => number;
  /** When the first final result appeared, and the last first one of a record. */
  lastAt(): number;
  /** Minor units of all final results. */
  amountMinor(): number;
  /** A sentence for each thing that does not hold. */
  problems(): string[];
}

interface Event {
  readonly event_id: string;
  readonly status: string;
  readonly final: boolean;
  readonly amount_details?: { readonly amount: number };
}

const mostNamed = 5;

/** 48 bits of an event id, which is a hash. */
const shortOf = (eventId: string): number => Number.parseInt(eventId.replaceAll('-', '').slice(0, 12), 16) + 1;

/** @param count of the records, `pay-00000001` and on */
export function createAccounts(count: number): Accounts {
  const answeredAt = new Float64Array(count);
  const finalIds = new Float64Array(count);
  const strange: string[] = [];
  const twice = new Set<number>();
  const others = new Map<string, number>();
  let [answered, ended, repeated, lastAt, amountMinor] = [0, 0, 0, 0, 0];
  const nameOf = (index: number): string => `pay-${String(index + 1).padStart(8, '0')}`;
  return {
    answeredAt,
    answered: () => answered,
    ended: () => ended,
    repeated: () => repeated,
    lastAt: () => lastAt,
    amountMinor: () => amountMinor,
    note({ recordId, value, at }) {
      const index = indexOfRecord(recordId);
      if (!(index >= 0 && index < count)) {
        if (strange.length < mostNamed) strange.push(recordId);
        return;
      }
      if (answeredAt[index] === 0) {
        answeredAt[index] = at;
        answered += 1;
      }
      const event = JSON.parse(value.toString()) as Event;
      if (!event.final) return;
      const id = shortOf(event.event_id);
      if (finalIds[index] !== 0) {
        if (finalIds[index] === id) repeated += 1;
        else twice.add(index);
        return;
      }
      finalIds[index] = id;
      ended += 1;
      lastAt = Math.max(lastAt, at);
      amountMinor += event.amount_details?.amount ?? 0;
      if (event.status !== 'succeeded') others.set(event.status, (others.get(event.status) ?? 0) + 1);
    },
    problems() {
      const without = (times: Float64Array, what: string, missing: number): string[] =>
        missing === 0 ? [] : [`${missing} records have no ${what}, ${nameOf(times.indexOf(0))} first`];
      return [
        ...without(answeredAt, 'result', count - answered),
        ...without(finalIds, 'final result', count - ended),
        ...(twice.size === 0
          ? []
          : [`${twice.size} records have two final results: ${[...twice].slice(0, mostNamed).map(nameOf).join(', ')}`]),
        ...[...others].map(([status, number]) => `${number} records ended as ${status}`),
        ...(strange.length === 0 ? [] : [`results of records that were not asked for: ${strange.join(', ')}`]),
      ];
    },
  };
}

/** The gateway's own account of them. */
export function problemsOfGateway({ paid, paid_twice: twice, under_two_keys: keys }: BookAccounts, count: number): string[] {
  return [
    ...(paid === count ? [] : [`the gateway paid ${paid} different records of ${count}`]),
    ...(twice.length === 0 ? [] : [`paid twice: ${twice.join(', ')}`]),
    ...(keys.length === 0 ? [] : [`sent under two keys: ${keys.join(', ')}`]),
  ];
}
