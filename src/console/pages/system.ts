/** `/system`: the configuration as `config` shows it, and what this process is. */
import { listSettings } from '../../config/settings-list.ts';
import { version } from '../../version.ts';
import type { Shown } from '../answers.ts';
import { markup } from '../markup.ts';
import { dataTable } from '../pieces/table.ts';
import type { ConsoleDeps } from '../reading.ts';

export type SystemDeps = Pick<ConsoleDeps, 'config' | 'layers'>;

export async function systemPage({ config, layers }: SystemDeps): Promise<Shown> {
  const settings = listSettings(layers);
  const profile = config.servers === null ? 'standalone' : 'distributed';
  const rows = settings.map(({ name, value, source }) => [markup`<code>${name}</code>`, value, source]);
  return {
    title: 'System',
    json: { profile, data_dir: config.dataDir, settings },
    body: markup`<h1>System</h1>
<dl class="facts"><dt>Version</dt><dd>${version}, Node ${process.versions.node}</dd><dt>Profile</dt><dd>${profile}</dd><dt>Data folder</dt><dd>${config.dataDir}</dd></dl>
<h2 id="settings">Settings</h2>
${dataTable({ label: 'Settings', columns: ['setting', 'value', 'from'], rows })}`,
  };
}
