/** The file of a mapping, by its path or by its name among those of the data folder. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseMapping, type Mapping } from '../../batches/csv-row/mapping.ts';
import { CommandError, exitCodes } from '../exit.ts';

/** Where mappings are that are given by name. */
export const mappingsFolder = 'mappings';

const maxBytes = 256 * 1024;

/** A plain name is one of the data folder, and everything else is a path. */
const pathOf = (given: string, dataDir: string): string =>
  /[/\\]|\.json$/i.test(given) ? given : join(dataDir, mappingsFolder, `${given}.json`);

/** Whether it is a name and can be no path: what comes from a browser is asked this first. */
export const isMappingName = (name: string): boolean =>
  /^[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9_-])?$/.test(name) && !name.includes('..') && !/\.json$/i.test(name);

/**
 * @param from the option or setting that names it
 * @throws {CommandError} exit 1 when it cannot be read, or is no mapping
 */
export async function loadMapping(from: string, given: string, dataDir: string): Promise<Mapping> {
  const path = pathOf(given, dataDir);
  const fail = (why: string): never => {
    throw new CommandError(exitCodes.usage, `${from} ${given}: ${why}.`);
  };
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    return fail(missing ? `there is no file ${path}. "disburse map FILE" proposes a mapping for a payout file` : (cause as Error).message);
  }
  if (text.length > maxBytes) return fail('it is larger than 256 KiB, which no mapping is');
  const found = parseMapping(text.replace(/^\ufeff/, ''));
  return found.ok ? found.mapping : fail(found.problems.join('; '));
}

/** The names of the data folder's mappings, in order. */
export async function mappingNames(dataDir: string): Promise<readonly string[]> {
  const files = await readdir(join(dataDir, mappingsFolder)).catch(() => []);
  return files
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .filter(isMappingName)
    .toSorted();
}

/** What a mapping says of the file and what is asked for beside it, where they differ; null where nothing does. */
export function mappingConflict(
  mapping: Mapping,
  flags: { readonly decimal?: string | undefined; readonly delimiter?: string | undefined },
): { readonly name: 'decimal' | 'delimiter'; readonly stated: string; readonly given: string } | null {
  for (const name of ['decimal', 'delimiter'] as const) {
    const [stated, given] = [mapping[name], flags[name]];
    if (stated !== undefined && given !== undefined && stated !== given) return { name, stated, given };
  }
  return null;
}
