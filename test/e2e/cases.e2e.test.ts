/** Files as other programs write them, each with what must be found in it: test/cases. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { z } from 'zod';
import { disburse, inTemporaryFolder } from '../support/cli.ts';

const folder = join(import.meta.dirname, '..', 'cases');

/** Line, column, and where they matter code and a part of the message. */
const problem = z.tuple([z.number(), z.string(), z.string().optional(), z.string().optional()]);
const cases = z
  .array(
    z.strictObject({
      file: z.string(),
      why: z.string(),
      exit: z.number(),
      problems: z.array(problem),
      fixFileHasByteOrderMark: z.boolean().optional(),
    }),
  )
  .parse(JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')));

interface Found {
  readonly line: number;
  readonly column: string;
  readonly code: string;
  readonly message: string;
}

describe.concurrent('validate', () => {
  it.for(cases)('finds in $file exactly what must be corrected: $why', async (expected, { expect }) => {
    await inTemporaryFolder(async (scratch) => {
      const fixFile = join(scratch, 'fix.csv');
      const { code, stdout } = await disburse(['validate', join(folder, expected.file), '--json', '--errors', fixFile], {}, scratch);
      const { errors } = JSON.parse(stdout) as { readonly errors: readonly Found[] };
      expect(errors.map(({ line, column }) => [line, column])).toEqual(expected.problems.map(([line, column]) => [line, column]));
      for (const [index, [, , itsCode, part]] of expected.problems.entries()) {
        if (itsCode !== undefined) expect(errors[index]?.code).toBe(itsCode);
        if (part !== undefined) expect(errors[index]?.message.replaceAll(/[ ,.\u202f]/g, '')).toContain(part);
      }
      expect(code).toBe(expected.exit);
      if (expected.fixFileHasByteOrderMark === true) expect(readFileSync(fixFile).subarray(0, 3).toString('hex')).toBe('efbbbf');
    });
  });
});
