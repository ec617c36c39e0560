/** The template of each route, checked as a file. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kinds } from '../../../batches/instruction/instruction.ts';
import { routeNames, templateCsv } from '../../../batches/instruction/templates.ts';
import { inspect } from '../../../src/files/payout-file.ts';
import { inTemporaryFolder } from '../../support/cli.ts';

const all = kinds.flatMap((kind) => routeNames(kind).map((route) => ({ kind, route })));

describe('the template', () => {
  it.each(all)('of a $kind by $route has one valid row and no warning', async ({ kind, route }) => {
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, `${kind}-${route}.csv`);
      writeFileSync(path, templateCsv(kind, route) ?? '');
      const outcome = await inspect({ path, reading: { now: Date.now() }, expected: null, onProgress: () => undefined });
      if (!outcome.ok) throw new Error('the file cannot be read');
      expect(outcome.inspection.preflight).toMatchObject({ rows: 1, valid: 1, warningsTotal: 0, errors: [] });
    });
  });
});
