/** `/batches/:id`: one batch, as `status BATCH` shows it, with what is wrong in it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Batch } from '../../../batches/record/batch.ts';
import { pauseOf, whyPaused, type SetPause } from '../../../batches/record/pause.ts';
import { isFinal, statuses } from '../../../batches/record/status.ts';
import type { Summary } from '../../../batches/record/summary.ts';
import { summaryOf } from '../../ledger/summary-of.ts';
import { grouped } from '../../terminal/format.ts';
import { chooseBatch } from '../../views/find-batch.ts';
import type { Shown } from '../answers.ts';
import { at, markup, type Markup } from '../markup.ts';
import { partsBar } from '../pieces/charts.ts';
import { dataTable } from '../pieces/table.ts';
import { ago, amounts, badge, facts, live, time } from '../pieces/values.ts';
import type { Person } from '../access/person.ts';
import type { ConsoleDeps } from '../reading.ts';
import type { ErrorGroup, ErrorGroups } from '../error-groups.ts';

export interface BatchDeps extends ConsoleDeps {
  readonly errorGroups: ErrorGroups;
  /** Who looks at it. */
  readonly person: Person;
}

/** @property actions what the person may do with it @throws {CommandError} for a batch that is not known, or several */
export async function batchPage(
  deps: BatchDeps,
  named: string,
  actions: (summary: Summary, pause: SetPause | undefined) => Markup,
): Promise<Shown> {
  const { batch, summary, pause, groups } = await deps.reader.read(async ({ ledger }) => {
    const found = await chooseBatch(ledger, named);
    const summary = await summaryOf(ledger, found, deps.now());
    const pause = pauseOf(await ledger.pauses(), found.batchId);
    return { batch: found, summary, pause, groups: await deps.errorGroups(ledger, summary) };
  });
  return {
    title: summary.file,
    json: summary,
    body: markup`<h1>${summary.file}</h1>
${live('batch', markup`${factsOf(batch, summary, pause)}${progress(summary)}${totals(summary)}`)}
${live('errors', errors(summary, groups))}
${downloads(deps, summary)}
${actions(summary, pause)}`,
  };
}

function factsOf(batch: Batch, summary: Summary, pause: SetPause | undefined): Markup {
  const verdict = summary.balanced ? markup`<span class="badge good">balanced</span>` : markup`<span class="badge bad">NOT BALANCED</span>`;
  const expected = expectedEnd(summary);
  return facts([
    ['State', markup`${badge(summary.state)} ${verdict}`],
    ['Paused', pause === undefined ? null : whyPaused(pause)],
    ['Received', `${grouped(summary.received.count)} rows, ${amounts(summary.received.amounts)}`],
    ['Paid', `${grouped(summary.statuses.succeeded.count)} records, ${amounts(summary.statuses.succeeded.amounts)}`],
    ['Started', time(summary.started_at)],
    ['Finished', summary.finished_at === null ? null : time(summary.finished_at)],
    ['Speed', summary.sent_per_second > 0 ? `${summary.sent_per_second} sent per second` : null],
    ['Everything sent', expected === null ? null : `in about ${ago(expected)}`],
    ['Oldest open', summary.open.oldest_seconds === null ? null : ago(summary.open.oldest_seconds)],
    ['Alerts', summary.alerts === 0 ? null : markup`<a href="/alerts">${summary.alerts}</a>`],
    ['Read as', `${batch.encoding}, ${grouped(batch.bytes)} bytes`],
    ['Batch', markup`<code class="long">${summary.batch_id}</code>`],
  ]);
}

/** At the speed so far. */
function expectedEnd({ state, statuses: totals, sent_per_second: speed }: Summary): number | null {
  const left = totals.queued.count;
  return state === 'running' && left > 0 && speed > 0 ? Math.ceil(left / speed) : null;
}

function progress({ statuses: totals }: Summary): Markup {
  const sum = (names: readonly (typeof statuses)[number][]): number => names.reduce((count, name) => count + totals[name].count, 0);
  return partsBar('Progress: final, at the gateway, waiting', [
    { name: 'final', count: sum(statuses.filter((name) => isFinal[name])), tone: 'final' },
    { name: 'at the gateway', count: sum(['submitting', 'in_progress', 'unknown']), tone: 'sent' },
    { name: 'waiting', count: totals.queued.count, tone: 'waiting' },
  ]);
}

function totals({ batch_id: id, statuses: byStatus }: Summary): Markup {
  const listed = statuses.filter((name) => byStatus[name].count > 0);
  return dataTable({
    label: 'Rows and money by status',
    columns: ['status', 'rows', 'money'],
    rows: listed.map((name) => {
      const isRecord = name !== 'conflict' && name !== 'duplicate';
      const shown = isRecord
        ? markup`<a href="/records?status=${name}&amp;batch=${encodeURIComponent(id)}">${badge(name)}</a>`
        : badge(name);
      return [shown, grouped(byStatus[name].count), amounts(byStatus[name].amounts)];
    }),
    right: new Set([1, 2]),
    empty: 'No row is in the ledger yet.',
  });
}

const errors = (summary: Summary, groups: readonly ErrorGroup[]): Markup =>
  groups.length === 0
    ? markup``
    : markup`<h2>What went wrong</h2>${dataTable({
        label: 'Records that did not succeed, by code and column',
        columns: ['code', 'column', 'records', 'money', 'for example'],
        rows: groups.map(({ code, column, count, amounts: money, example, status }) => [
          markup`<a href="/records?status=${status}&amp;code=${encodeURIComponent(code)}&amp;batch=${encodeURIComponent(summary.batch_id)}">${code}</a>`,
          column,
          grouped(count),
          amounts(money),
          example,
        ]),
        right: new Set([2, 3]),
      })}`;

/** The rows to correct have accounts as they were: only for those who can correct them. */
function downloads({ config, person }: BatchDeps, { batch_id: id }: Summary): Markup {
  const hasFixFile = person.roles.has('operator') && existsSync(join(config.dataDir, `${id}.errors.csv`));
  return markup`<h2>Downloads</h2><ul>
<li><a href="${at('batches', id, 'results.csv')}" download>Results of every row (CSV)</a></li>
${hasFixFile ? markup`<li><a href="${at('batches', id, 'errors.csv')}" download>Invalid rows, with what to correct (CSV)</a></li>` : null}</ul>`;
}
