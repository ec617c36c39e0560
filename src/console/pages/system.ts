/** `/system`: the configuration as `config` shows it, and what this process is. */
import { listSettings } from '../../config/settings-list.ts';
import { shownBinding } from '../../profiles/binding.ts';
import { version } from '../../version.ts';
import type { Shown } from '../answers.ts';
import { markup } from '../markup.ts';
import type { Journal } from '../actions/journal.ts';
import { time } from '../pieces/values.ts';
import { dataTable } from '../pieces/table.ts';
import type { ConsoleDeps } from '../reading.ts';

export interface SystemDeps extends Pick<ConsoleDeps, 'config' | 'layers'> {
  readonly journal: Journal;
}

/** Actions that are shown. */
const newestActions = 100;

export async function systemPage({ config, layers, journal }: SystemDeps): Promise<Shown> {
  const done = await journal.newest(newestActions);
  const settings = listSettings(layers);
  const profile = config.servers === null ? 'standalone' : 'distributed';
  const binding = shownBinding(config);
  const rows = settings.map(({ name, value, source }) => [markup`<code>${name}</code>`, value, source]);
  return {
    title: 'System',
    json: { profile, data_dir: config.dataDir, ledger_binding: binding, settings },
    body: markup`<h1>System</h1>
<dl class="facts"><dt>Version</dt><dd>${version}, Node ${process.versions.node}</dd><dt>Profile</dt><dd>${profile}</dd><dt>Data folder</dt><dd>${config.dataDir}</dd></dl>
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
