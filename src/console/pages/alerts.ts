/** `/alerts`: what contradicts and no person has acknowledged. */
import { createKeyDerivation } from '../../../batches/record/idempotency-key.ts';
import { openAlerts, type KnownAlert } from '../../views/open-alerts.ts';
import type { Shown } from '../answers.ts';
import { markup, type Markup } from '../markup.ts';
import { recordLink, time } from '../pieces/values.ts';
import { readLimit } from '../query.ts';
import type { ConsoleDeps } from '../reading.ts';
import type { Query } from '../routes.ts';

/** @param action what the person may do with an alert */
export async function alertsPage(
  { reader, config }: ConsoleDeps,
  query: Query,
  action: (recordId: string) => Markup | null,
): Promise<Shown> {
  const limit = readLimit(query, 100);
  const keys = createKeyDerivation(config.settings.GATEWAY_PROJECT ?? '');
  const { items, hasMore } = await reader.read(async ({ ledger }) => {
    const found: KnownAlert[] = [];
    for await (const alert of openAlerts(ledger, keys)) {
      if (found.length === limit) return { items: found, hasMore: true };
      found.push(alert);
    }
    return { items: found, hasMore: false };
  });
  const next = hasMore && limit < 1_000 ? `/alerts?limit=${Math.min(limit * 2, 1_000)}` : undefined;
  return {
    title: 'Alerts',
    json: { items, ...(next === undefined ? {} : { next }) },
    body: markup`<h1>Alerts</h1>
<p>What contradicts itself, and no person has acknowledged yet.</p>
${items.length === 0 ? markup`<p class="empty">No alert waits for a person.</p>` : markup`<ul class="cards">${items.map((alert) => card(alert, action))}</ul>`}
${next === undefined ? null : markup`<p><a href="${next}">Show more</a></p>`}`,
  };
}

const card = (
  { alert, record_id: recordId, description, occurred_at: at }: KnownAlert,
  action: (recordId: string) => Markup | null,
): Markup =>
  markup`<li><h2><span class="badge bad">${alert.replaceAll('_', ' ')}</span> ${recordId === undefined ? 'no record' : recordLink(recordId)}</h2>
<p>${description}</p><p><small>since ${time(at)}</small></p>${recordId === undefined ? null : action(recordId)}</li>`;
