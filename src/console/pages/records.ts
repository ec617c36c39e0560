/** `/records`: the state of records, as `records` lists it; the filters are in the address. */
import { formatMinor } from '../../../batches/fields/money.ts';
import { recordOrders, type SelectedRecords } from '../../../batches/record/record-selection.ts';
import { recordView, type RecordView } from '../../../batches/record/record-view.ts';
import { openStatuses, statuses, type RecordStatus } from '../../../batches/record/status.ts';
import { counted, grouped } from '../../terminal/format.ts';
import { nextText } from '../../terminal/record-list.ts';
import { isIndexed, selectionFrom, type WantedRecords } from '../../views/select-records.ts';
import type { FoundRecords } from '../../ledger/looks.ts';
import { Refusal } from '../access/guard.ts';
import type { Person } from '../access/person.ts';
import { isAllowed } from '../actions/act.ts';
import type { Shown } from '../answers.ts';
import { hidden } from '../layout.ts';
import { markup, type Markup } from '../markup.ts';
import { dataTable } from '../pieces/table.ts';
import { ago, badge, batchLink, live, recordLink } from '../pieces/values.ts';
import { readDuration, readLimit, readOneOf, readText, readWhole } from '../query.ts';
import type { ConsoleDeps } from '../reading.ts';
import type { Query, Visit } from '../routes.ts';

const recordStatuses = statuses.filter((status): status is RecordStatus => status !== 'conflict' && status !== 'duplicate');
const fallbackLimit = 100;
/** What comes before a page is found again for it. */
const mostSkipped = 100_000;
/** In Redis, which has no index of amounts, currencies, reasons and ids. */
const mostRead = 5_000;

export async function recordsPage({ config, reader, now: clock }: ConsoleDeps, { url, query, person }: Visit): Promise<Shown> {
  const last = config.servers === null ? mostSkipped : mostRead;
  const [limit, from, now] = [readLimit(query, fallbackLimit), readWhole(query, 'from', { fallback: 0, from: 0, to: last }), clock()];
  const wanted = { ...wantedOf(url, query), from, limit, ...(config.servers === null ? {} : { mostRead }) };
  const { selected, views } = await reader.read(async ({ ledger }) => {
    const found = await selectionFrom(ledger, wanted, now);
    const pauses = await ledger.pauses();
    return { selected: found, views: found.records.map((record) => recordView(record, now, pauses)) };
  });
  const next = selected.count > from + limit && from + limit <= last ? addressWith(url, { from: String(from + limit) }) : undefined;
  const before = from > 0 ? addressWith(url, { from: String(Math.max(0, from - limit)) }) : undefined;
  // A list that looks at all records is not read again and again: it is as old as its page.
  const shown = (list: Markup): Markup => (isIndexed(wanted) ? live('records', list) : list);
  return {
    title: 'Records',
    json: { items: views, ...(next === undefined ? {} : { next }), ...(selected.isCut ? { partial: true } : {}) },
    body: markup`<h1>Records</h1>
${filters(wanted, query, limit)}
${shown(markup`${sums(selected)}${limits(selected)}${recordTable(views, isAllowed(person))}`)}
${isAllowed(person) && views.length > 0 ? decideForm(person, url) : null}
<nav class="pages" aria-label="Pages of the list">${before === undefined ? null : markup`<a href="${before}" rel="prev">Earlier</a>`}
${selected.count === 0 ? null : markup`<span>${grouped(from + 1)} to ${grouped(from + views.length)} of ${grouped(selected.count)}</span>`}
${next === undefined ? null : markup`<a href="${next}" rel="next">Further</a>`}</nav>`,
  };
}

/** @throws {Refusal} for a status that no record has */
export function wantedOf(url: URL, query: Query): Omit<WantedRecords, 'limit'> {
  // The form sends each status by itself, a command line all of them at once.
  const named = url.searchParams
    .getAll('status')
    .flatMap((list) => list.split(',').map((one) => one.trim()))
    .filter((one) => one !== '');
  const unknown = named.filter((name) => !recordStatuses.some((status) => status === name));
  if (unknown.length > 0) throw new Refusal(422, 'wrong_parameter', `The parameter status: expected ${recordStatuses.join(', ')}.`);
  const [batch, currency, code, olderThan] = [
    readText(query, 'batch'),
    readText(query, 'currency'),
    readText(query, 'code'),
    readDuration(query, 'older-than'),
  ];
  return {
    sort: readOneOf(query, 'sort', recordOrders) ?? 'age',
    ...(named.length === 0 ? {} : { status: recordStatuses.filter((status) => named.includes(status)) }),
    ...(batch === undefined ? {} : { batch }),
    ...(currency === undefined ? {} : { currency }),
    ...(code === undefined ? {} : { code }),
    ...(olderThan === undefined ? {} : { olderThan }),
  };
}

function addressWith(url: URL, changes: Readonly<Record<string, string>>): string {
  const params = new URLSearchParams(url.searchParams);
  params.delete('note');
  for (const [name, value] of Object.entries(changes)) params.set(name, value);
  return `${url.pathname}?${params.toString()}`;
}

function filters(wanted: Omit<WantedRecords, 'limit'>, query: Query, limit: number): Markup {
  const chosen: readonly RecordStatus[] = wanted.status ?? openStatuses;
  const field = (name: string, label: string, hint: string): Markup =>
    markup`<label>${label} <input name="${name}" value="${readText(query, name) ?? ''}" placeholder="${hint}" autocomplete="off"></label>`;
  return markup`<form class="filters" method="get" action="/records">
<fieldset><legend>Status</legend>${recordStatuses.map((status) => markup`<label class="tick"><input type="checkbox" name="status" value="${status}"${chosen.includes(status) ? markup` checked` : null}> ${status.replace('_', ' ')}</label>`)}</fieldset>
<div class="fields">${field('batch', 'Batch', 'id or file')}${field('currency', 'Currency', 'EUR')}${field('code', 'Reason', 'code')}${field('older-than', 'Older than', '1h')}
<label>Order <select name="sort">${recordOrders.map((order) => markup`<option value="${order}"${order === wanted.sort ? markup` selected` : null}>${order}</option>`)}</select></label>
<label>Rows <input name="limit" inputmode="numeric" value="${limit}" size="5"></label>
<button type="submit">Show</button></div></form>`;
}

const sums = ({ count, totals }: SelectedRecords): Markup =>
  markup`<p class="sums"><strong>${counted(count, 'record', 'records')}</strong>${[...totals].map(
    ([currency, { amountMinor, count: of }]) =>
      markup` · <span class="money">${currency} ${grouped(formatMinor(amountMinor, currency))}</span> in ${grouped(of)}`,
  )}</p>`;

/** Of a ledger that would have to read all records for this list. */
const limits = ({ isCut }: FoundRecords): Markup | null =>
  isCut
    ? markup`<p class="note warn">These are the records that match among about ${grouped(mostRead)} that were read, and their sum: the ledger in Redis has no index for this filter and order. Choose a batch or a status to narrow it; <code>disburse records</code> with the same options reads all.</p>`
    : null;

/** What is ticked in the list, or all that match, is looked at once more before anything is decided. */
const decideForm = (person: Person, url: URL): Markup =>
  markup`<form class="row" id="decide" method="post" action="/decide">${hidden(person)}<input type="hidden" name="filter" value="${url.searchParams.toString()}">
<button type="submit" class="plain">Decide about what is ticked</button> <button type="submit" class="plain" name="all" value="yes">Decide about all that match</button></form>`;

const tick = (recordId: string, index: number): Markup =>
  markup`<input class="choose" type="checkbox" form="decide" name="record.${index}" value="${recordId}" aria-label="Choose ${recordId}"> `;

/** @param ticks whether records can be chosen */
export const recordTable = (views: readonly RecordView[], ticks = false): Markup =>
  dataTable({
    label: 'Records',
    columns: ['record', 'status', 'amount', 'destination', 'age', 'source', 'next', 'reason'],
    rows: views.map((view, index) => [
      ticks ? markup`${tick(view.record_id, index)}${recordLink(view.record_id)}` : recordLink(view.record_id),
      badge(view.status),
      markup`<span class="money">${view.amount_details.currency === '' ? '' : `${view.amount_details.currency} ${grouped(formatMinor(BigInt(view.amount_details.amount), view.amount_details.currency))}`}</span>`,
      view.destination,
      ago(view.age_seconds),
      'file' in view.source
        ? batchLink(view.batch_id, `${view.source.file}:${view.source.line}`)
        : batchLink(view.batch_id, `${view.source.topic}/${view.source.partition}:${view.source.offset}`),
      nextText(view.next),
      [
        ...(view.alerts ?? []).map(({ alert }) => markup`<span class="badge bad">alert ${alert}</span> `),
        view.reason === undefined ? null : markup`<code>${view.reason.code}</code> ${view.reason.description}`,
      ],
    ]),
    right: new Set([2, 4]),
    empty: 'No records.',
  });
