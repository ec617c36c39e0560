/** `/dead-letters`: messages that are no instruction, as `dead-letters list` shows them. */
import type { DeadLetter } from '../../kafka/dead-letters.ts';
import { letterView } from '../../views/dead-letters.ts';
import type { Shown } from '../answers.ts';
import { markup, type Markup } from '../markup.ts';
import { dataTable } from '../pieces/table.ts';
import { time } from '../pieces/values.ts';
import { readLimit } from '../query.ts';
import type { Query } from '../routes.ts';

/** Null in the stand-alone profile, which has none. */
export type ReadLetters = (() => AsyncIterable<DeadLetter>) | null;

/** @param action what the person may do with one */
export async function deadLettersPage(letters: ReadLetters, query: Query, action: (place: string) => Markup | null): Promise<Shown> {
  const limit = readLimit(query, 100);
  const items: ReturnType<typeof letterView>[] = [];
  let hasMore = false;
  for await (const letter of letters?.() ?? []) {
    hasMore = items.length === limit;
    if (hasMore) break;
    items.push(letterView(letter));
  }
  const next = hasMore && limit < 1_000 ? `/dead-letters?limit=${Math.min(limit * 2, 1_000)}` : undefined;
  return {
    title: 'Dead letters',
    json: { items, ...(next === undefined ? {} : { next }) },
    body: markup`<h1>Dead letters</h1>
${letters === null ? markup`<p>Messages come from Kafka, which the stand-alone profile does not use: there are none here.</p>` : letterTable(items, action)}
${next === undefined ? null : markup`<p><a href="${next}">Show more</a></p>`}`,
  };
}

const letterTable = (items: readonly ReturnType<typeof letterView>[], action: (place: string) => Markup | null): Markup =>
  dataTable({
    label: 'Dead letters',
    columns: ['position', 'reason', 'message', 'source', 'since', 'bytes', 'action'],
    rows: items.map(({ place, reason, message, source, failed_at: at, bytes, truncated }) => [
      place,
      markup`<code>${reason}</code>`,
      message,
      `${source.topic}/${source.partition}/${source.offset}`,
      Number.isNaN(Date.parse(at)) ? at : time(at),
      bytes ?? '',
      truncated ? 'not whole' : action(place),
    ]),
    right: new Set([5]),
    empty: 'There are no dead letters.',
  });
