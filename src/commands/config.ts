import type { Config } from '../config/config.ts';
import { listSettings, type Layer } from '../config/settings-list.ts';
import { exitCodes, type ExitCode } from '../exit.ts';
import { shownBinding } from '../profiles/binding.ts';
import { printable, table } from '../terminal/format.ts';
import { diskOf, diskText } from '../views/disk.ts';

interface ConfigOptions {
  readonly json: boolean;
}

/** Shows every setting, its value and where it comes from; a configuration with mistakes is refused before. */
export async function config(settled: Config, layers: readonly Layer[], { json }: ConfigOptions): Promise<ExitCode> {
  const { dataDir, servers } = settled;
  const settings = listSettings(layers);
  const profile = servers === null ? 'standalone' : 'distributed';
  const disk = await diskOf(dataDir);
  if (json)
    process.stdout.write(`${JSON.stringify({ profile, data_dir: dataDir, disk, ledger_binding: shownBinding(settled), settings })}\n`);
  else {
    const rows = settings.map(({ name, value, source }) => [name, value === null ? '' : printable(value), source]);
    process.stdout.write(
      `${table([['setting', 'value', 'from'], ...rows])}\n\nprofile ${profile}, data in ${printable(dataDir)}, disk ${diskText(disk)}\n`,
    );
  }
  return exitCodes.ok;
}
