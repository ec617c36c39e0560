import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ResultEvent } from '../../batches/record/result-event.ts';
import { escapeFormula, protectCell, restoreCell } from '../../batches/csv-row/fix-file.ts';
import { createCsvFile } from '../../producers/csv-file.ts';
import { createFixFile } from '../../producers/fix-file.ts';
import { resultsCsvColumns, writeResultsCsv } from '../../producers/results-csv.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disburse-csv-'));
  path = join(folder, 'out.csv');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const rows = async (delimiter = ','): Promise<string[][]> =>
  parse(await readFile(path), { bom: true, delimiter, relax_column_count: true });
const event = (more: Partial<ResultEvent> = {}): ResultEvent => ({
  event_id: '00000000-0000-5000-8000-000000000001',
  sequence: 3,
  record_id: 'inv-1',
  kind: 'payout',
  status: 'succeeded',
  final: true,
  batch_id: 'b',
  source: { file: 'may.csv', line: 7 },
  occurred_at: '2026-11-21T08:00:00.000Z',
  ...more,
});
const cell = (row: readonly string[] | undefined, column: string): string | undefined => row?.[resultsCsvColumns.indexOf(column)];

describe('escapeFormula', () => {
  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '＝1', '＋1', '－1', '＠x'])('escapes %j', (text) => {
    expect(escapeFormula(text)).toBe(`'${text}`);
  });
  it.each(['', '1', 'a=b', "'=1", 'DE**…3000'])('leaves %j unchanged', (text) => {
    expect(escapeFormula(text)).toBe(text);
  });
});

describe('protectCell', () => {
  it.each(['', 'a', '=1+1', '+1', "'=1", "''-1", "'", "'a", '\t=1', '＝1', "=HYPERLINK('x')"])(
    'of %j is undone exactly by restoreCell',
    (cell) => {
      expect(restoreCell(protectCell(cell))).toBe(cell);
      expect(protectCell(cell)).not.toMatch(/^[=+\-@\t\r\n＝＋－＠]/);
    },
  );
  it('leaves a value that is not a formula unchanged', () => {
    expect(protectCell("'a")).toBe("'a");
    expect(restoreCell("'a")).toBe("'a");
  });
});

describe('writeResultsCsv', () => {
  it('begins with a byte order mark', async () => {
    await writeResultsCsv({ path, events: [event()] });
    expect((await readFile(path)).subarray(0, 4).toString('hex')).toBe('efbbbf6c');
  });

  it('names the fields in which a conflict differs', async () => {
    const fields = ['amount_details.amount', 'payment_method.bank_account.global.iban'];
    await writeResultsCsv({
      path,
      events: [event({ status: 'conflict', fields, error: { code: 'record_id_conflict', description: 'd' } })],
    });
    const [, row] = await rows();
    expect(cell(row, 'field')).toBe(fields.join(' '));
  });

  it('writes a row an event, amounts in major units', async () => {
    const written = await writeResultsCsv({
      path,
      events: [
        event({
          amount_details: { amount: 1230, currency: 'EUR' },
          session_id: 'ps_1',
          entry_id: 'po_1',
          destination: 'DE**…3000',
        }),
        event({ amount_details: { amount: 500, currency: 'JPY' } }),
        event({ amount_details: { amount: 9_007_199_254_740_991, currency: 'KWD' } }),
        event({ amount_details: { amount: 5, currency: 'XXX' } }),
        event({ status: 'rejected', error: { code: 'iban_check_digits', description: 'The IBAN, "as it is",\nis wrong.', field: 'iban' } }),
        event({
          status: 'duplicate',
          source: { topic: 't', partition: 3, offset: '12' },
          earlier: { status: 'failed', batch_id: 'c', source: { file: 'a', line: 2 } },
        }),
      ],
    });
    expect(written).toBe(6);
    const [header, ...body] = await rows();
    expect(header).toEqual([
      'line',
      'record_id',
      'kind',
      'status',
      'amount',
      'currency',
      'destination',
      'session_id',
      'entry_id',
      'code',
      'description',
      'field',
      'earlier_status',
      'occurred_at',
    ]);
    expect(body[0]).toEqual([
      '7',
      'inv-1',
      'payout',
      'succeeded',
      '12.30',
      'EUR',
      'DE**…3000',
      'ps_1',
      'po_1',
      '',
      '',
      '',
      '',
      '2026-11-21T08:00:00.000Z',
    ]);
    expect(body.slice(1, 4).map((row) => cell(row, 'amount'))).toEqual(['500', '9007199254740.991', '']);
    expect([cell(body[4], 'code'), cell(body[4], 'description'), cell(body[4], 'field')]).toEqual([
      'iban_check_digits',
      'The IBAN, "as it is",\nis wrong.',
      'iban',
    ]);
    expect([cell(body[5], 'line'), cell(body[5], 'earlier_status')]).toEqual(['t/3/12', 'failed']);
  });

  it('writes no cell that is a formula', async () => {
    const evil = ['=HYPERLINK("http://x")', '\t=1', '\r=1', '@x', '-2+3', '＝1'];
    await writeResultsCsv({
      path,
      events: evil.map((text) => event({ record_id: text, session_id: text, error: { code: text, description: text, field: text } })),
    });
    const [, ...body] = await rows();
    expect(body).toHaveLength(evil.length);
    for (const row of body) for (const one of row) expect(one).not.toMatch(/^[=+\-@\t\r\n＝＋－＠]/);
  });

  it('streams: many events, one at a time', async () => {
    const early: string[][] = [];
    async function* many() {
      for (let n = 1; n <= 20_000; n += 1) {
        yield event({ source: { file: 'f', line: n } });
        if (n === 10_000) early.push(await readdir(folder));
      }
    }
    expect(await writeResultsCsv({ path, events: many() })).toBe(20_000);
    expect(early).toEqual([[expect.stringMatching(/^\.out\.csv\.\w+\.tmp$/)]]);
    const all = await rows();
    expect(all).toHaveLength(20_001);
    expect(all.at(-1)?.[0]).toBe('20000');
  });

  it('replaces an older file only when it is whole, and leaves nothing behind when it fails', async () => {
    await writeFile(path, 'older');
    async function* failing() {
      yield event();
      await Promise.resolve();
      throw new Error('the ledger is gone');
    }
    await expect(writeResultsCsv({ path, events: failing() })).rejects.toThrow('the ledger is gone');
    expect(await readFile(path, 'utf8')).toBe('older');
    expect(await readdir(folder)).toEqual(['out.csv']);
    await writeResultsCsv({ path, events: [event()] });
    expect(await rows()).toHaveLength(2);
    expect(await readdir(folder)).toEqual(['out.csv']);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('says before anything is written that it cannot be', async () => {
    await mkdir(path);
    let asked = false;
    const events = (function* () {
      asked = true;
      yield event();
    })();
    await expect(writeResultsCsv({ path, events })).rejects.toThrow(/folder/);
    await expect(writeResultsCsv({ path: join(folder, 'no', 'out.csv'), events })).rejects.toThrow(/ENOENT/);
    expect(asked).toBe(false);
  });
});

describe('createCsvFile', () => {
  it('can be abandoned at any time, and twice', async () => {
    const file = await createCsvFile({ path });
    for (let n = 0; n < 5_000; n += 1) await file.write(['a', 'b'.repeat(50)]);
    await file.abandon();
    await file.abandon();
    expect(await readdir(folder)).toEqual([]);
    const finished = await createCsvFile({ path });
    await finished.finish();
    await finished.abandon();
    expect(await readdir(folder)).toEqual(['out.csv']);
  });
});

describe('createFixFile', () => {
  it('gives the bad rows back as they were, with the error last, under the same delimiter', async () => {
    const file = await createFixFile({ path, header: ['record_id', ' Amount ', 'note'], delimiter: ';' });
    await file.write(['a', '=1', 'x;y'], 'amount: not a number');
    await file.write(['b', ' 1,5 ', 'two\nlines "and" quotes'], '=cmd|evil');
    await file.finish();
    expect(await readFile(path, 'utf8')).toBe(
      '\uFEFFrecord_id; Amount ;note;error\na;\'=1;"x;y";amount: not a number\nb; 1,5 ;"two\nlines ""and"" quotes";\'=cmd|evil\n',
    );
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('replaces the error column of an earlier fix-file', async () => {
    const file = await createFixFile({ path, header: ['record_id', 'amount', ' ERROR '], delimiter: '\t' });
    await file.write(['a', '1', 'the old error'], 'the new error');
    await file.finish();
    expect(await rows('\t')).toEqual([
      ['record_id', 'amount', 'error'],
      ['a', '1', 'the new error'],
    ]);
  });

  it('a column named error that is not the last is one like any other', async () => {
    const file = await createFixFile({ path, header: ['error', 'amount'], delimiter: ',' });
    await file.write(['a', '1'], 'e');
    await file.finish();
    expect(await rows()).toEqual([
      ['error', 'amount', 'error'],
      ['a', '1', 'e'],
    ]);
  });

  it('too few or too many cells stay so', async () => {
    const file = await createFixFile({ path, header: ['a', 'b', 'c'], delimiter: ',' });
    await file.write(['1', '2'], 'too few');
    await file.write(['1', '2', '3', '4'], 'too many');
    await file.finish();
    expect((await rows()).slice(1)).toEqual([
      ['1', '2', 'too few'],
      ['1', '2', '3', '4', 'too many'],
    ]);
  });

  it('keeps every character in UTF-8', async () => {
    const odd = 'Zoë 中 😀 \u200b';
    const file = await createFixFile({ path, header: ['a'], delimiter: ',' });
    await file.write([odd], 'ž');
    await file.finish();
    expect(await rows()).toEqual([
      ['a', 'error'],
      [odd, 'ž'],
    ]);
  });
});
