/** `/system`: the configuration as `config` shows it, and what this process is. */
import { listSettings } from '../../config/settings-list.ts';
import { shownBinding } from '../../profiles/binding.ts';
import { version } from '../../version.ts';
import type { Shown } from '../answers.ts';
import { counted } from '../../terminal/format.ts';
import { markup, type Markup } from '../markup.ts';
import type { Journal } from '../actions/journal.ts';
import { time } from '../pieces/values.ts';
import { dataTable } from '../pieces/table.ts';
import { diskOf, diskText } from '../../views/disk.ts';
import { topicsView, type TopicsState, type TopicsView } from '../../views/topics.ts';
import type { Cluster, Found } from '../cluster.ts';
import type { ConsoleDeps } from '../reading.ts';

export interface SystemDeps extends Pick<ConsoleDeps, 'config' | 'layers'> {
  readonly journal: Journal;
  readonly cluster: Cluster | null;
}

/** Actions that are shown. */
const newestActions = 100;

export async function systemPage({ config, layers, journal, cluster }: SystemDeps): Promise<Shown> {
  const [done, disk, topics] = await Promise.all([journal.newest(newestActions), diskOf(config.dataDir), cluster?.topics()]);
  const settings = listSettings(layers);
  const profile = config.servers === null ? 'standalone' : 'distributed';
  const binding = shownBinding(config);
  const rows = settings.map(({ name, value, source }) => [markup`<code>${name}</code>`, value, source]);
  return {
    title: 'System',
    json: { profile, data_dir: config.dataDir, disk, ledger_binding: binding, settings, ...topicsJson(topics) },
    body: markup`<h1>System</h1>
<dl class="facts"><dt>Version</dt><dd>${version}, Node ${process.versions.node}</dd><dt>Profile</dt><dd>${profile}</dd><dt>Data folder</dt><dd>${config.dataDir}</dd><dt>Disk</dt><dd>${diskText(disk)}</dd></dl>
${topics === undefined ? null : topicsPart(topics)}
<h2 id="binding">What a ledger is bound to</h2>
<p>As configured here. A ledger that is bound to something else is not paid from.</p>
<dl class="facts"><dt>Gateway</dt><dd>${binding.gateway ?? 'not set'}</dd><dt>Project</dt><dd>${binding.project ?? 'not set'}</dd><dt>Submerchant</dt><dd>${binding.submerchant ?? 'none'}</dd><dt>Idempotency header</dt><dd>${binding.idempotency_header}</dd></dl>
<h2 id="settings">Settings</h2>
${dataTable({ label: 'Settings', columns: ['setting', 'value', 'from'], rows })}
<h2 id="actions">Actions of this console</h2>
${dataTable({
  label: 'The newest actions of this console',
  columns: ['when', 'who', 'from', 'action', 'about', 'reason', 'outcome'],
  rows: done.map(({ at, by, from, action, about, reason, outcome, text }) => [
    time(at),
    by,
    from,
    action,
    about,
    reason,
    markup`${outcome}: ${text}`,
  ]),
  headed: false,
})}`,
  };
}

/** As `topics --check --json`; null while Kafka does not answer. */
const topicsJson = (topics: Found<TopicsState> | undefined): { readonly topics?: TopicsView | null } =>
  topics === undefined ? {} : { topics: topics.type === 'found' ? topicsView(topics.value) : null };

function topicsPart(topics: Found<TopicsState>): Markup {
  if (topics.type === 'failed') return markup`<h2 id="topics">Topics</h2><p class="note bad">Not verified: ${topics.why}</p>`;
  const { reports, instances } = topics.value;
  const { ok } = topicsView(topics.value);
  const rows = reports.map(({ topic, state, problems }) => [
    markup`<code>${topic}</code>`,
    markup`<span class="badge ${toneOf(problems)}">${state === 'problems' ? 'exists' : state}</span>`,
    problems.map(({ severity, message, fix }) => markup`<p><strong>${severity}</strong>: ${message}<br><code>${fix}</code></p>`),
  ]);
  return markup`<h2 id="topics">Topics</h2>
<p>${ok ? 'No error was found in the topics.' : 'An error must be corrected.'} ${counted(instances, 'instance reads', 'instances read')} instructions.</p>
${dataTable({ label: 'Topics', columns: ['topic', 'state', 'what differs, and what corrects it'], rows })}`;
}

const toneOf = (problems: TopicsState['reports'][number]['problems']): 'good' | 'warn' | 'bad' =>
  problems.length === 0 ? 'good' : problems.some(({ severity }) => severity === 'error') ? 'bad' : 'warn';
