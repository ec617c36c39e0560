/** A mapping that a person accepted, saved under a name among those of the data folder. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mappingDigest, type Mapping } from '../../../batches/csv-row/mapping.ts';
import { isMappingName, loadMapping, mappingNames, mappingsFolder } from '../../files/mapping-file.ts';
import { makeDataDir, syncDir } from '../../ledger/data-dir.ts';
import { Refusal } from '../access/guard.ts';

/** @throws {Refusal} for what is no plain name: a browser never names a path */
export function checkMappingName(name: string): string {
  if (isMappingName(name)) return name;
  throw new Refusal(
    422,
    'wrong_name',
    'The name of a mapping has 1 to 64 letters without accents, digits, blanks, and the signs . _ -, and neither begins with a sign nor ends with .json.',
  );
}

/** @throws {Refusal} when there is none of that name, or it cannot be read */
export async function savedMapping(name: string, dataDir: string): Promise<Mapping> {
  checkMappingName(name);
  if (!(await mappingNames(dataDir)).includes(name))
    throw new Refusal(422, 'no_mapping', `There is no mapping ${name} in the folder ${mappingsFolder} of the data folder.`);
  return loadMapping('the mapping', name, dataDir);
}

/**
 * Complete under its name, or not there at all; one that is there already stays as it is.
 *
 * @throws {Refusal} for a name that another mapping has
 */
export async function saveMapping(name: string, mapping: Mapping, dataDir: string): Promise<void> {
  checkMappingName(name);
  makeDataDir(dataDir);
  const folder = join(dataDir, mappingsFolder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = join(folder, `.${randomBytes(8).toString('hex')}.part`);
  await writeFile(draft, `${JSON.stringify({ version: 1, ...mapping }, null, 2)}\n`, { mode: 0o600, flush: true, flag: 'wx' });
  try {
    await link(draft, join(folder, `${name}.json`));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    const there = await loadMapping('the mapping', name, dataDir).catch(() => undefined);
    if (there === undefined || mappingDigest(there) !== mappingDigest(mapping))
      throw new Refusal(409, 'name_taken', `Nothing was saved: there is another mapping with the name ${name}. Choose another name.`);
  } finally {
    await rm(draft, { force: true });
    syncDir(folder);
  }
}
