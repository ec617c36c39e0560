/** The file of a mapping, by its path or by its name among those of the data folder. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseMapping, type Mapping } from '../../batches/csv-row/mapping.ts';
import { CommandError, exitCodes } from '../exit.ts';

/** Where mappings are that are given by name. */
export const mappingsFolder = 'mappings';

const maxBytes = 256 * 1024;

/** A plain name is one of the data folder, and everything else is a path. */
const pathOf = (given: string, dataDir: string): string =>
  /[/\\]|\.json$/i.test(given) ? given : join(dataDir, mappingsFolder, `${given}.json`);

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
