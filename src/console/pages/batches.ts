/** `/batches`: the newest batches, as `status` lists them. */
import type { Summary } from '../../../batches/record/summary.ts';
import { summariesOf } from '../../ledger/summary-of.ts';
import { grouped } from '../../terminal/format.ts';
import type { Shown } from '../answers.ts';
import { markup, type Markup } from '../markup.ts';
import { dataTable } from '../pieces/table.ts';
import { amounts, badge, batchLink, live, time } from '../pieces/values.ts';
import { readLimit } from '../query.ts';
import type { ConsoleDeps } from '../reading.ts';
import type { Query } from '../routes.ts';

const fallbackLimit = 50;

export async function batchesPage({ reader, now }: ConsoleDeps, query: Query): Promise<Shown> {
  const limit = readLimit(query, fallbackLimit);
  const { summaries, hasMore } = await reader.read(async ({ ledger }) => {
    const batches = await ledger.batches({ newest: limit + 1 });
    return { summaries: await summariesOf(ledger, batches.slice(0, limit), now()), hasMore: batches.length > limit };
  });
  const next = hasMore ? `/batches?limit=${Math.min(limit * 2, 1_000)}` : undefined;
  return {
    title: 'Batches',
    json: { items: summaries, ...(next === undefined ? {} : { next }) },
    body: markup`<h1>Batches</h1>
${live('batches', batchTable(summaries))}
${next === undefined ? null : markup`<p><a href="${next}">Show more</a></p>`}`,
  };
}

const batchTable = (summaries: readonly Summary[]): Markup =>
  dataTable({
    label: 'Batches, the newest first',
    columns: ['file', 'state', 'rows', 'open', 'unknown', 'failed', 'succeeded', 'amount', 'balanced', 'started', 'batch'],
    rows: summaries.map(({ batch_id: id, file, state, received, open, statuses, balanced, started_at: started }) => [
      batchLink(id, file),
      badge(state),
      grouped(received.count),
      grouped(open.count),
      grouped(statuses.unknown.count),
      grouped(statuses.failed.count),
      grouped(statuses.succeeded.count),
      amounts(received.amounts),
      balanced ? 'yes' : markup`<span class="badge bad">NOT BALANCED</span>`,
      time(started),
      batchLink(id),
    ]),
    right: new Set([2, 3, 4, 5, 6, 7]),
    empty: 'No batches yet.',
  });
