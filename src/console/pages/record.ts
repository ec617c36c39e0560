/** `/records/:id`: one record with its audit trail, as `explain` shows it. */
import { formatMinor } from '../../../batches/fields/money.ts';
import { recordView, type RecordView } from '../../../batches/record/record-view.ts';
import type { LedgerRecord } from '../../../batches/record/record.ts';
import { counted, grouped } from '../../terminal/format.ts';
import { sourceText } from '../../terminal/event-line.ts';
import type { ExplainedEntry, Explanation } from '../../terminal/explanation-text.ts';
import { nextText } from '../../terminal/record-list.ts';
import { explanationOf, publishedHeads, readConsistently } from '../../views/explanation.ts';
import { Refusal } from '../access/guard.ts';
import type { Shown } from '../answers.ts';
import { at, markup, type Markup } from '../markup.ts';
import { dataTable } from '../pieces/table.ts';
import { ago, badge, batchLink, facts, live, time } from '../pieces/values.ts';
import type { ConsoleDeps } from '../reading.ts';

/** @param actions what the person may do with it */
export async function recordPage(
  deps: ConsoleDeps,
  recordId: string,
  { verify, actions }: { readonly verify: boolean; readonly actions: (record: LedgerRecord) => Markup },
): Promise<Shown> {
  const { record, explanation } = await deps.reader.read(async (reader) => {
    const published = verify ? await publishedHeads(deps.config, recordId, () => undefined) : [];
    const found = await readConsistently(reader.ledger, recordId);
    if (found === undefined) throw new Refusal(404, 'no_record', `There is no record ${recordId} in this ledger.`);
    const trail = { entries: found.entries, head: found.timed.record.audit, published };
    const verification = verify ? (await reader.auditChain()).verify(recordId, trail) : undefined;
    const view = recordView(found.timed, deps.now(), await reader.ledger.pauses());
    return { record: found.timed.record, explanation: explanationOf(view, trail, verification) };
  });
  const { record: view } = explanation;
  return {
    title: view.record_id,
    json: explanation,
    body: markup`<h1>${view.record_id}</h1>
${live('record', markup`${factsOf(view)}${verdictOf(explanation)}`)}
${live('evidence', evidence(view, explanation.trail))}
<h2>Audit trail</h2>
${live('trail', timeline(explanation.trail))}
<p><a href="${at('records', recordId)}?verify">Verify the audit trail</a> against its hashes and the published results.</p>
${view.commands.length === 0 ? null : markup`<h2>On the command line</h2><ul class="commands">${view.commands.map((command) => markup`<li><code>${command}</code></li>`)}</ul>`}
${actions(record)}`,
  };
}

const money = ({ amount, currency }: RecordView['amount_details']): string =>
  currency === '' ? 'unknown' : `${currency} ${grouped(formatMinor(BigInt(amount), currency))}`;

const factsOf = (view: RecordView): Markup =>
  facts([
    ['Status', badge(view.status)],
    ['Amount', markup`<span class="money">${money(view.amount_details)}</span>`],
    ['To', view.destination],
    ['Kind', view.kind],
    ['Reason', view.reason === undefined ? null : markup`<code>${view.reason.code}</code> ${view.reason.description}`],
    ['Newest resend', view.resend === undefined ? null : markup`<code>${view.resend.code}</code> ${view.resend.description}`],
    [
      'Alerts',
      view.alerts === undefined
        ? null
        : markup`${view.alerts.map(({ alert, at: since }) => markup`<span class="badge bad">${alert}</span> since ${time(since)} `)}<a href="/alerts">Alerts</a>`,
    ],
    ['Next', view.next === undefined ? 'nothing: it has ended' : nextText(view.next)],
    ['Age', ago(view.age_seconds)],
    ['Admitted', view.admitted_at === undefined ? null : time(view.admitted_at)],
    ['First sent', view.first_sent_at === undefined ? null : time(view.first_sent_at)],
    ['Attempt', `${view.attempt}, ${view.sends === 0 ? 'not sent' : `sent ${counted(view.sends, 'time', 'times')}`}`],
    ['Source', sourceText(view.source)],
    ['Batch', batchLink(view.batch_id)],
    ['Key', markup`<code class="long">${view.idempotency_key}</code>`],
    ['Details', view.details_dropped === undefined ? null : 'dropped at the end of LEDGER_RETENTION'],
  ]);

function verdictOf({ verified, verified_from: from, broken }: Explanation): Markup | null {
  if (broken !== undefined)
    return markup`<p class="verdict bad">The audit trail was changed: entry ${broken.number} ${broken.problem}. Keep the ledger as it is, and find out who can write to it.</p>`;
  if (verified !== true) return null;
  return markup`<p class="verdict good">The audit trail is as it was written, from entry ${from ?? 1}.</p>`;
}

/** What the gateway has shown, beside what the ledger says. */
function evidence(view: RecordView, trail: readonly ExplainedEntry[]): Markup {
  const shown = trail.filter(({ detail }) => 'seen' in detail || 'session_id' in detail || 'seen_amount' in detail);
  const newest = shown.at(-1);
  const seen =
    newest === undefined
      ? ''
      : Object.entries(newest.detail)
          .filter(([name]) => name.startsWith('seen'))
          .map(([name, value]) => `${name} ${value}`)
          .join(', ');
  const rows = [
    ['Amount', money(view.amount_details), seen === '' ? 'no other was seen' : seen],
    [
      'Session',
      view.session_id ?? view.session_hash ?? 'none',
      newest === undefined ? 'none' : String(newest.detail['session_id'] ?? 'as in the ledger'),
    ],
    ['Entry', view.entry_id ?? 'none', view.entry_id ?? 'none'],
    ['Status', view.status.replace('_', ' '), view.reason?.code ?? ''],
  ];
  return markup`<h2>Evidence</h2>${dataTable({ label: 'Ledger and gateway', columns: ['', 'ledger', 'gateway'], rows })}`;
}

const timeline = (trail: readonly ExplainedEntry[]): Markup =>
  trail.length === 0
    ? markup`<p class="empty">No audit trail is kept of this record.</p>`
    : markup`<ol class="timeline">${trail.map(entryOf)}</ol>`;

function entryOf({ number, at: when, event, by, detail, hash }: ExplainedEntry): Markup {
  const { status, ...others } = detail;
  const rest = Object.entries(others).map(
    ([name, value]) => markup`<div><dt>${name.replaceAll('_', ' ')}</dt><dd>${String(value)}</dd></div>`,
  );
  return markup`<li><p><strong>${event.replaceAll('_', ' ')}</strong>${status === undefined ? null : markup` ${badge(String(status))}`}${by === undefined ? null : markup` by <strong>${by}</strong>`}
<small>${when === undefined ? 'unknown time' : time(when)} · entry ${number} · <span title="${hash}">${hash.slice(0, 8)}</span></small></p>
${rest.length === 0 ? null : markup`<dl class="detail">${rest}</dl>`}</li>`;
}
