/** Files whose first line is not the header that is wanted, from the file to the report. */
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { routeNames } from '../../../batches/instruction/templates.ts';
import { inspect, type BrokenFile } from '../../../src/files/payout-file.ts';
import { brokenReport } from '../../../src/files/validation-report.ts';
import { brokenText } from '../../../src/files/validation-text.ts';
import { at } from '../../support/builders.ts';

const cases = join(import.meta.dirname, '..', '..', 'cases');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disburse-header-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function broken(path: string): Promise<BrokenFile> {
  const outcome = await inspect({ path, reading: { now: at }, expected: null, onProgress: () => undefined });
  if (outcome.ok) throw new Error(`${path} is not broken`);
  return outcome.broken;
}

async function brokenCsv(text: string): Promise<BrokenFile> {
  const path = join(folder, 'may.csv');
  await writeFile(path, text);
  return broken(path);
}

const found = ({ problems }: BrokenFile): string[] => problems.map(({ line, code, column }) => `${line} ${code} ${column ?? ''}`.trim());

describe('a file with a header error', () => {
  it('closes its report with the columns that are wanted, the template and its routes, as text and as JSON', async () => {
    const file = await brokenCsv('id,dollars,ccy\na,1,EUR\n');
    const { errors, errors_total: total } = brokenReport(file);
    const closing = errors.at(-1)?.message ?? '';
    expect(closing).toContain('A payout file needs record_id, currency, amount (or amount_minor)');
    expect(closing).toContain('disburse template --route sepa');
    for (const route of routeNames('payout')) expect(closing).toContain(route);
    expect(errors.filter(({ message }) => message.includes('template'))).toHaveLength(1);
    expect(total).toBe(errors.length);
    const lines = brokenText(file, (_, text) => text).split('\n');
    expect(lines.at(-1)).toMatch(/^A payout file needs .*disburse template --route sepa/);
  });

  it('reports what else is wrong with the file at the same time', async () => {
    const file = await brokenCsv('record_id,amount,currency,colour,amount\na,1,EUR,x,1\n"b,1');
    expect(found(file)).toEqual(['1 header_unknown colour', '1 header_name_twice amount', '3 quote_unclosed']);
    expect(file.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it('of another kind gets no advice about columns', async () => {
    const file = await brokenCsv('record_id,amount,currency\n"b,1');
    expect(file.advice).toBeNull();
  });
});

describe('a file whose first line is no header', () => {
  it.each([
    ['rows-without-header.csv', ['1 header_missing'], 'looks like data'],
    ['title-above-header.csv', ['1 header_not_first'], 'line 3 looks like the header'],
    ['comment-above-header.csv', ['1 header_not_first'], 'line 2 looks like the header'],
  ])('%s is reported as such, and not column by column', async (name, expected, sentence) => {
    const path = join(folder, name);
    await copyFile(join(cases, name), path);
    const file = await broken(path);
    expect(found(file)).toEqual(expected);
    expect(file.problems[0]?.message).toContain(sentence);
    expect(file.advice).toContain('disburse template');
  });

  it('has the mistakes of the line that looks like the header in the same report', async () => {
    const file = await brokenCsv('Payroll May;;;\nrecord_id;amount;currency;colour\na;1.00;EUR;x\n');
    expect(found(file)).toEqual(['1 header_not_first', '2 header_unknown colour']);
  });

  it('is a comment alone: it must be replaced', async () => {
    const file = await brokenCsv('# made by finance\n');
    expect(file.problems[0]?.message).toContain('is a comment');
  });

  it('and shows none of the account numbers in it', async () => {
    const file = await brokenCsv('NL91ABNA0417164300,12345678,25.18\n');
    expect(JSON.stringify(brokenReport(file))).not.toMatch(/0417164300|12345678/);
  });

  it.each([
    ['names of another system with a year among them', 'Ref,Payee,Sum,2026\na,b,c,d\n'],
    ['unknown names', 'colour,shape\na,b\n'],
  ])('is still a header when it has %s', async (_, text) => {
    expect(found(await brokenCsv(text)).some((line) => line.includes('header_unknown'))).toBe(true);
  });
});
