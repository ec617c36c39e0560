/** What a world of crashes must come to, whatever died in it: the sandbox's payments and the results held against what was asked for. */
import type { ResultEvent } from '../../batches/record/result-event.ts';
import type { WitnessLine } from '../../sandbox/witness.ts';

export interface Asked {
  /** Minor units by record id. */
  readonly amounts: ReadonlyMap<string, number>;
  readonly payments: readonly WitnessLine[];
  readonly events: readonly ResultEvent[];
  /** A topic may hold an event twice, a results file must not. */
  readonly mayRepeat: boolean;
}

export interface Account {
  readonly succeeded: number;
  readonly unknown: number;
  /** A sentence for each thing that does not hold. */
  readonly problems: readonly string[];
}

const mostNamed = 5;
const named = (ids: readonly string[], what: string): string[] =>
  ids.length === 0 ? [] : [`${ids.length} records ${what}: ${ids.slice(0, mostNamed).join(', ')}`];

export function accountOf({ amounts, payments, events, mayRepeat }: Asked): Account {
  const ids = [...amounts.keys()];
  const once = [...new Map(events.map((event) => [event.event_id, event])).values()];
  const sessions = Map.groupBy(payments, ({ record_id: id }) => id ?? '');
  const told = Map.groupBy(once, ({ record_id: id }) => id ?? '');
  const newest = new Map([...told].map(([id, all]) => [id, all.reduce((last, one) => (one.sequence >= last.sequence ? one : last))]));
  const statusOf = (id: string): string => newest.get(id)?.status ?? 'without a result';
  const keysOf = (id: string): number => new Set(sessions.get(id)?.map((one) => one.idempotency_key)).size;
  const isPaid = (id: string): boolean => sessions.get(id)?.some(({ entry_status: status }) => status === 'succeeded') === true;
  const finals = (id: string): number => told.get(id)?.filter(({ final }) => final).length ?? 0;
  const problems = [
    ...named(
      ids.filter((id) => (sessions.get(id)?.length ?? 0) > 1),
      'were paid twice',
    ),
    ...named(
      ids.filter((id) => keysOf(id) > 1),
      'were sent under two keys',
    ),
    ...named(
      ids.filter((id) => sessions.get(id)?.some(({ amount }) => amount !== amounts.get(id)) === true),
      'were paid with another amount',
    ),
    ...named(
      [...sessions.keys()].filter((id) => !amounts.has(id)),
      'were paid and never asked for',
    ),
    ...named(
      ids.filter((id) => finals(id) > 1),
      'have two final results',
    ),
    ...named(
      ids.filter((id) => !['succeeded', 'unknown'].includes(statusOf(id))),
      `are neither succeeded nor unknown (${[...new Set(ids.map(statusOf))].join(', ')})`,
    ),
    ...named(
      ids.filter((id) => statusOf(id) === 'succeeded' && !isPaid(id)),
      'are succeeded and were not paid',
    ),
    ...named(
      ids.filter((id) => statusOf(id) === 'unknown' && (newest.get(id)?.error?.code ?? '') === ''),
      'are unknown without a reason',
    ),
    ...(mayRepeat || once.length === events.length ? [] : [`${events.length - once.length} results were published twice`]),
  ];
  const count = (status: string): number => ids.filter((id) => statusOf(id) === status).length;
  return { succeeded: count('succeeded'), unknown: count('unknown'), problems };
}

/** What the summary of the whole must say. */
export function problemsOfSummary(
  summary: { readonly balanced: boolean; readonly received: { readonly count: number } } | undefined,
  rows: number,
): string[] {
  if (summary === undefined) return ['there is no summary'];
  const { balanced, received } = summary;
  return [
    ...(balanced ? [] : ['the tallies do not balance']),
    ...(received.count === rows ? [] : [`${received.count} records were received instead of ${rows}`]),
  ];
}
