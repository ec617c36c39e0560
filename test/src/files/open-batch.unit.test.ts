/** A batch is read in one way only. */
import { describe, expect, it } from 'vitest';
import type { DecimalSign } from '../../../batches/csv-row/amount.ts';
import type { Mapping } from '../../../batches/csv-row/mapping.ts';
import { openFileBatch } from '../../../src/files/open-batch.ts';
import type { Inspection } from '../../../src/files/payout-file.ts';
import { createMemoryStore, openMemoryLedger } from '../../../src/ledger/memory/ledger.ts';
import { at, batchA, transitionSettings } from '../../support/builders.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const open = () => {
  const clock = createVirtualClock(at);
  const ledger = openMemoryLedger({ store: createMemoryStore(), rules: transitionSettings, clock, owner: 'one' });
  return (decimal?: DecimalSign, delimiter = ';', sheet?: string, mapping?: Mapping) => {
    const found: Partial<Inspection> = {
      ...{ file: 'may.csv', sha256: batchA, encoding: 'utf-8', delimiter, bytes: 9, blockDigests: ['d'] },
      ...(sheet === undefined ? {} : { sheet }),
      preflight: { rows: 1, totals: new Map() } as unknown as Inspection['preflight'],
      reading: { now: at, ...(decimal === undefined ? {} : { decimal }), ...(mapping === undefined ? {} : { mapping }) },
    };
    return openFileBatch({ ledger, inspection: found as Inspection, policy: null, clock, by: 'alice' });
  };
};

describe('a batch that was first run with one decimal sign', () => {
  it.each([
    ['comma', 'point'],
    ['comma', undefined],
    ['point', 'comma'],
    [undefined, 'comma'],
  ] as const)('(%s) is refused with another (%s), with exit code 1 and the ways out', async (first, then) => {
    const run = open();
    await run(first);
    await expect(run(then)).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringMatching(/run with a decimal .*--decimal .*fix-file/),
    });
  });

  it.each([
    ['comma', 'comma'],
    ['point', undefined],
    [undefined, 'point'],
  ] as const)('(%s) continues with the same one (%s)', async (first, then) => {
    const run = open();
    await run(first);
    await expect(run(then)).resolves.toMatchObject({ batchId: batchA });
  });

  it('is refused for its delimiter as before, which is named without the decimal sign', async () => {
    const run = open();
    await run('comma');
    await expect(run('comma', ',')).rejects.toThrow('first run with delimiter ";"; "," was given');
  });
});

describe('a batch that was first run with one sheet of a workbook', () => {
  it.each([
    ['with another sheet', 'June'],
    ['with no sheet, as a CSV file', undefined],
  ])('is refused %s, with exit code 1 and the name of the first', async (_, then) => {
    const run = open();
    await run('comma', ',', 'May "a" \\');
    await expect(run('comma', ',', then)).rejects.toMatchObject({ exitCode: 1, message: expect.stringContaining('first run with sheet') });
  });

  it('continues with the same one, whatever signs are in its name', async () => {
    const run = open();
    await run('comma', ',', 'May "a" \\');
    await expect(run('comma', ',', 'May "a" \\')).resolves.toMatchObject({ batchId: batchA });
  });
});

describe('a batch that was first run under one mapping', () => {
  const mapping: Mapping = { columns: { record_id: 'Ref' }, constants: {} };
  it.each([
    ['another', { ...mapping, constants: { kind: 'payout' } }],
    ['none', undefined],
  ])('is refused under %s, with exit code 1', async (_, then) => {
    const run = open();
    await run('comma', ',', 'May', mapping);
    await expect(run('comma', ',', 'May', then)).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining('first run with the mapping'),
    });
  });

  it('continues under one that reads alike', async () => {
    const run = open();
    await run('comma', ',', undefined, mapping);
    await expect(run('comma', ',', undefined, { ...mapping, date: '2026-06-01' })).resolves.toMatchObject({ batchId: batchA });
  });
});
