/** A rejected row that is back, compared with what it was. */
import { copyFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inspect, writeFixFile } from '../../../src/files/payout-file.ts';
import { openRejectedRows, type RejectedRows } from '../../../src/files/rejected-rows.ts';
import { report } from '../../../src/files/validation-report.ts';
import { at } from '../../support/builders.ts';

let folder: string;
let rejected: RejectedRows;
const key = Buffer.alloc(32, 7);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disburse-rejected-'));
  rejected = openRejectedRows(join(folder, 'rejected.sqlite'), key);
});
afterEach(async () => {
  rejected.close();
  await rm(folder, { recursive: true, force: true });
});

const header = 'record_id,amount,currency,wallet_name,wallet_msisdn,description';
const rowOf = ({ id = 'r-1', amount = '12.30', phone = '+639171234567', description = 'May' } = {}): string =>
  `${id},${amount},USD,Piggy,${phone},${description}`;

async function inspected(name: string, rows: readonly string[], first = header) {
  const path = join(folder, name);
  await writeFile(path, `${[first, ...rows].join('\n')}\n`);
  const outcome = await inspect({ path, reading: { now: at }, rejected, expected: null, onProgress: () => undefined });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.broken));
  return outcome.inspection;
}
/** A file whose bad rows are rejected. */
async function refuse(name: string, rows: readonly string[], first = header): Promise<void> {
  await writeFixFile(await inspected(name, rows, first), join(folder, `${name}.fix`), { rejected });
}
const warningsOf = async (name: string, rows: readonly string[], first = header): Promise<readonly string[]> =>
  report(await inspected(name, rows, first)).warnings.map(({ line, column, code }) => `${line} ${column} ${code}`);

describe('a corrected row', () => {
  it('that differs only where it was wrong has no warning', async () => {
    await refuse('may.csv', [rowOf({ amount: 'x' })]);
    expect(await warningsOf('fixed.csv', [rowOf()])).toEqual([]);
  });

  it('that differs elsewhere too has a warning for each column, which names both lines', async () => {
    await refuse('may.csv', [rowOf({ id: 'r-0' }), rowOf({ amount: 'x', phone: '+639171234568' }), rowOf({ id: 'r-2', amount: '-1' })]);
    const { warnings } = report(
      await inspected('fixed.csv', [rowOf({ phone: '+639171234567', description: 'June' }), rowOf({ id: 'r-2' })]),
    );
    expect(warnings.filter(({ code }) => code === 'corrected_row_differs').map(({ line, column }) => [line, column])).toEqual([
      [2, 'wallet_msisdn'],
      [2, 'description'],
    ]);
    expect(warnings[0]?.message).toContain('rejected because of amount (line 3 of may.csv)');
    expect(warnings[0]?.message).toContain('on line 2');
  });

  it('is compared with the newest rejection, also when it is rejected again', async () => {
    await refuse('may.csv', [rowOf({ amount: 'x', description: 'one' })]);
    await refuse('again.csv', [rowOf({ amount: 'y', description: 'two' })]);
    expect(await warningsOf('fixed.csv', [rowOf({ description: 'two' })])).toEqual([]);
    expect(await warningsOf('other.csv', [rowOf({ description: 'one' })])).toEqual(['2 description corrected_row_differs']);
  });

  it('is compared by the names of its columns, whatever their order and case, and without the errors of a fix-file', async () => {
    await refuse('may.csv', [rowOf({ amount: 'x' })]);
    const shuffled = 'Description,wallet_msisdn,wallet_name,currency,amount,RECORD_ID,error';
    expect(await warningsOf('fixed.csv', ['May,+639171234567,Piggy,USD,12.30,r-1,amount: wrong'], shuffled)).toEqual([]);
    expect(await warningsOf('less.csv', ['r-1,12.30,USD,Piggy,+639171234567,May,x'], `${header},metadata.a`)).toEqual([
      '2 metadata.a corrected_row_differs',
    ]);
  });

  it('is compared after the file was opened by another process', async () => {
    await refuse('may.csv', [rowOf({ amount: 'x' })]);
    rejected.close();
    rejected = openRejectedRows(join(folder, 'rejected.sqlite'), key);
    expect(await warningsOf('fixed.csv', [rowOf({ description: 'June' })])).toEqual(['2 description corrected_row_differs']);
  });

  it('is not compared with itself when the same file is run again', async () => {
    await refuse('may.csv', [rowOf({ amount: 'x' })]);
    await copyFile(join(folder, 'may.csv'), join(folder, 'copy.csv'));
    expect(await warningsOf('may.csv', [rowOf({ amount: 'x' })])).toEqual([]);
  });
});

describe('what is kept', () => {
  it('has no value of a cell, is readable by its owner only, and nothing of a card', async () => {
    const card = 'record_id,amount,currency,card_number,recipient_full_name';
    await refuse('may.csv', ['r-1,x,EUR,4242424242424242,Jo Secretname'], card);
    const bytes = (await readFile(join(folder, 'rejected.sqlite'))).toString('latin1');
    for (const secret of ['4242', 'Secretname']) expect(bytes).not.toContain(secret);
    expect(bytes).toContain('"card_number":null');
    expect((await stat(join(folder, 'rejected.sqlite'))).mode & 0o777).toBe(0o600);
  });
});
