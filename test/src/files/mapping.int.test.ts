/** Files with names of their own, from the mapping file to the rows. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseMapping } from '../../../batches/csv-row/mapping.ts';
import { loadMapping } from '../../../src/files/mapping-file.ts';
import { inspect, readAgain, writeFixFile } from '../../../src/files/payout-file.ts';
import { report } from '../../../src/files/validation-report.ts';
import { at } from '../../support/builders.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disburse-mapping-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const json = JSON.stringify({
  version: 1,
  columns: { record_id: 'Ref', amount: 'Betrag', wallet_msisdn: 'Telefon', description: 'Zweck' },
  constants: { currency: 'EUR', wallet_name: 'Piggy' },
  decimal: 'comma',
  delimiter: ';',
});
const mapping = () => {
  const found = parseMapping(json);
  if (!found.ok) throw new Error('the mapping is not sound');
  return found.mapping;
};
const text = 'Ref;Betrag;Telefon;Zweck;Konto\n0012;12,30;+639171234567;Mai;x\n0013;-1;+639171234567;Juni;y\n';

async function inspected(path: string, content = text) {
  await writeFile(path, content);
  const outcome = await inspect({ path, reading: { now: at, mapping: mapping() }, expected: null, onProgress: () => undefined });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.broken));
  return outcome.inspection;
}

describe('a file under a mapping', () => {
  it('is read with its delimiter and decimal sign, at both readings, and reported under its own names', async () => {
    const found = await inspected(join(folder, 'may.csv'));
    const { delimiter, rows, valid, totals, errors, warnings } = report(found);
    expect({ delimiter, rows, valid, totals }).toEqual({
      delimiter: ';',
      rows: 2,
      valid: 1,
      totals: { EUR: { count: 1, amount: '12.30' } },
    });
    expect(errors.map(({ line, column, code }) => [line, column, code])).toEqual([[3, 'Betrag', 'amount_negative']]);
    expect(warnings.map(({ code }) => code)).toEqual(['columns_not_read']);
    const ids: string[] = [];
    for await (const block of readAgain(found)) for (const { reading } of block) if (reading.ok) ids.push(reading.draft.recordId);
    expect(ids).toEqual(['0012']);
  });

  it('has a fix-file with its own columns, which is read under the same mapping when it is corrected', async () => {
    const fix = join(folder, 'fix.csv');
    await writeFixFile(await inspected(join(folder, 'may.csv')), fix);
    const fixed = (await readFile(fix, 'utf8')).replace(/'?-1/, '1,00');
    expect(fixed).toContain('Ref;Betrag;Telefon;Zweck;Konto;error');
    expect(report(await inspected(join(folder, 'fixed.csv'), fixed))).toMatchObject({ rows: 1, valid: 1 });
  });

  it('is refused whole when a column is missing', async () => {
    const path = join(folder, 'may.csv');
    await writeFile(path, text.replace('Zweck', 'Grund'));
    const outcome = await inspect({ path, reading: { now: at, mapping: mapping() }, expected: null, onProgress: () => undefined });
    expect(outcome.ok ? [] : outcome.broken.problems.map(({ line, code }) => [line, code])).toEqual([[1, 'mapping_column_missing']]);
  });
});

describe('the file of a mapping', () => {
  it('is found by its path, and by its name in the data folder', async () => {
    await mkdir(join(folder, 'mappings'));
    await writeFile(join(folder, 'mappings', 'bank.json'), `\ufeff${json}`);
    expect(await loadMapping('--map', 'bank', folder)).toEqual(mapping());
    expect(await loadMapping('--map', join(folder, 'mappings', 'bank.json'), '/nowhere')).toEqual(mapping());
  });

  it('is refused with exit code 1 when it is missing or no mapping', async () => {
    await expect(loadMapping('--map', 'bank', folder)).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining('disburse map FILE'),
    });
    await writeFile(join(folder, 'bad.json'), '{"version": 3}');
    await expect(loadMapping('INBOX_MAPPING', join(folder, 'bad.json'), folder)).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining('version'),
    });
  });
});
