/** `/`: whether everything received is accounted for, and what needs a person. */
import { formatMinor } from '../../../batches/fields/money.ts';
import { whyPaused, type SetPause } from '../../../batches/record/pause.ts';
import { statuses, type Status } from '../../../batches/record/status.ts';
import { isBalanced, receivedOf, type TallyRow } from '../../../batches/record/tally.ts';
import type { CheckResult } from '../../service/http/routes.ts';
import { counted, grouped } from '../../terminal/format.ts';
import type { Shown } from '../answers.ts';
import { markup, type Markup } from '../markup.ts';
import { barChart, type Bar } from '../pieces/charts.ts';
import { dataTable } from '../pieces/table.ts';
import { ago, amounts, badge, facts, live } from '../pieces/values.ts';
import type { Cluster, Found } from '../cluster.ts';
import { diskOf, diskText, isNearlyFull, type Disk } from '../../views/disk.ts';
import { needsOf, type Need } from '../needs.ts';
import type { ConsoleDeps } from '../reading.ts';
import { openByAge } from './open-by-age.ts';

export interface OverviewDeps extends ConsoleDeps {
  /** Records that succeeded in each of the newest minutes. */
  readonly paidPerMinute: () => readonly Bar[];
  readonly cluster: Cluster | null;
}

/** @param actions what the person may do with everything */
export async function overviewPage(deps: OverviewDeps, actions: (pauses: readonly SetPause[]) => Markup): Promise<Shown> {
  const [found, checks, disk, instances] = await Promise.all([
    deps.reader.read(({ ledger }) => readAll(deps, ledger)),
    deps.checks(),
    diskOf(deps.config.dataDir),
    deps.cluster?.instances(),
  ]);
  const { tallies, pauses, needs, ages } = found;
  const balance = balanceOf(tallies);
  const paid = deps.paidPerMinute();
  const count = receivedOf(tallies).count;
  return {
    title: 'Overview',
    json: {
      balanced: isBalanced(tallies),
      balance: balance.map(({ name: _name, ...row }) => row),
      needs_you: needs.map(({ label: _label, link: _link, ...need }) => need),
      paused: pauses.map(({ batchId, code, by, reason }) => ({ batch_id: batchId, code, by, reason })),
      paid_per_minute: paid.map(({ name, value }) => ({ minute: name, records: value })),
      open_by_age: ages.bars.map(({ name, value }) => ({ age: name, records: value })),
      checks,
      disk,
      ...(instances === undefined ? {} : { instances: instances.type === 'found' ? instances.value : null }),
    },
    body: markup`<h1>Overview</h1>
${live('paused', pausedText(pauses))}
<section aria-labelledby="balance-title"><h2 id="balance-title">Balance</h2>
${live('balance', balanceTable(balance, { count, isWhole: isBalanced(tallies) }))}</section>
<section aria-labelledby="needs-title"><h2 id="needs-title">Needs you</h2>
${live('needs', needsTable(needs))}</section>
<div class="charts">
${live('paid', barChart({ title: 'Paid per minute, since this console started', unit: 'records', nameOf: 'minute (UTC)', bars: paid }))}
${live('ages', barChart({ title: ages.title, unit: 'records', nameOf: 'age', bars: ages.bars }))}</div>
<section aria-labelledby="state-title"><h2 id="state-title">State</h2>
${live('state', facts([['Payments', deps.pays()], ...machineFacts(disk, instances), ...Object.entries(checks).map(([name, check]) => [name, checkText(check)] as const)]))}</section>
${actions(pauses)}`,
  };
}

async function readAll(deps: ConsoleDeps, ledger: Parameters<Parameters<ConsoleDeps['reader']['read']>[0]>[0]['ledger']) {
  const [tallies, pauses] = await Promise.all([ledger.tallies(), ledger.pauses()]);
  const needs = await needsOf({ ledger, tallies, now: deps.now(), inboxDir: deps.config.settings.INBOX_DIR });
  const ages = await openByAge(ledger, deps.now());
  return { tallies, pauses: pauses.filter(({ code }) => code !== 'cancelled'), needs, ages };
}

const machineFacts = (disk: Disk | null, instances: Found<number> | undefined) => [
  ['Disk of the data folder', markup`${diskText(disk)}${isNearlyFull(disk) ? markup` ${badgeOf('nearly full', 'bad')}` : null}`] as const,
  ...(instances === undefined
    ? []
    : [['Instances', instances.type === 'found' ? String(instances.value) : `not known: ${instances.why}`] as const]),
];

const checkText = ({ ok, detail }: CheckResult): Markup =>
  markup`<span class="badge ${ok ? 'good' : 'bad'}">${ok ? 'ok' : 'not ok'}</span>${detail === undefined ? null : ` ${detail}`}`;

const pausedText = (pauses: readonly SetPause[]): Markup =>
  markup`${pauses.map((pause) => markup`<p class="note warn">Paused: ${whyPaused(pause)}${pause.batchId === null ? '' : ` (batch ${pause.batchId.slice(0, 12)})`}.</p>`)}`;

interface BalanceRow {
  readonly name: string;
  readonly currency: string | null;
  readonly received: Total;
  readonly statuses: Readonly<Partial<Record<Status, Total>>>;
  readonly balanced: boolean;
}

interface Total {
  readonly count: number;
  readonly amount: string | null;
}

/** A row for each currency, and one for rows whose amount could not be read. */
function balanceOf(tallies: readonly TallyRow[]): readonly BalanceRow[] {
  const currencies = [...new Set(tallies.filter(({ count }) => count > 0).map(({ currency }) => currency))].sort();
  return currencies.map((currency) => {
    const own = tallies.filter((row) => row.currency === currency && row.count > 0);
    const total = (status: TallyRow['status']): Total => {
      const rows = own.filter((row) => row.status === status);
      const minor = rows.reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
      return { count: rows.reduce((sum, { count }) => sum + count, 0), amount: currency === '' ? null : formatMinor(minor, currency) };
    };
    const found = statuses.map((status) => [status, total(status)] as const).filter(([, { count }]) => count > 0);
    return {
      name: currency === '' ? 'no amount' : currency,
      currency: currency === '' ? null : currency,
      received: total('received'),
      statuses: Object.fromEntries(found),
      balanced: isBalanced(own),
    };
  });
}

function balanceTable(rows: readonly BalanceRow[], { count, isWhole }: { readonly count: number; readonly isWhole: boolean }): Markup {
  const shown = statuses.filter((status) => rows.some((row) => row.statuses[status] !== undefined));
  const cell = (total: Total | undefined): Markup | string =>
    total === undefined
      ? ''
      : markup`<span class="money">${total.amount === null ? '' : grouped(total.amount)}</span> <small>${grouped(total.count)}</small>`;
  const verdict = isWhole
    ? markup`<p class="verdict good">Balanced: every row received is accounted for, by count and to the cent.</p>`
    : markup`<p class="verdict bad">NOT BALANCED: rows received and rows accounted for differ. Do not pay again; keep the data folder and report this.</p>`;
  const table = dataTable({
    label: 'Received equals the sum of all statuses, by currency',
    columns: ['currency', 'received', ...shown.map((status, index) => `${index === 0 ? '=' : '+'} ${status.replace('_', ' ')}`), 'balance'],
    rows: rows.map((row) => [
      row.name,
      cell(row.received),
      ...shown.map((status) => cell(row.statuses[status])),
      row.balanced ? badgeOf('balanced', 'good') : badgeOf('NOT BALANCED', 'bad'),
    ]),
    right: new Set(shown.map((_, index) => index + 2).concat(1)),
    empty: 'Nothing was received yet.',
  });
  return markup`${verdict}<p>${counted(count, 'row', 'rows')} received.</p>${table}`;
}

const badgeOf = (text: string, tone: 'good' | 'bad'): Markup => markup`<span class="badge ${tone}">${text}</span>`;

const needsTable = (needs: readonly Need[]): Markup =>
  dataTable({
    label: 'What needs a person',
    columns: ['what', 'count', 'money', 'oldest'],
    rows: needs.map(({ label, link, what, count, amounts: totals, oldest_seconds: oldest }) => [
      markup`<a href="${link}">${label}</a> ${what === 'unknown' || what === 'failed' ? badge(what) : null}`,
      grouped(count),
      amounts(totals),
      oldest === null ? '' : ago(oldest),
    ]),
    right: new Set([1, 2, 3]),
    empty: 'Nothing needs a person.',
  });
