/** `validate`: the report, exit codes, encodings, the fix-file and what is wrong with a command line. */
import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { disburse, inTemporaryFolder, type Ended } from '../support/cli.ts';
import { csvOf, payouts, row } from '../support/builders.ts';
import { inspect, readAgain } from '../../src/files/payout-file.ts';
import { sha256Of, withoutReading } from './world.ts';

const cli = join(import.meta.dirname, '..', '..', 'src', 'cli.ts');

interface Report {
  readonly structural: boolean;
  readonly rows: number;
  readonly valid: number;
  readonly encoding: string | null;
  readonly delimiter: string | null;
  readonly totals: object;
  readonly errors: readonly { line: number; column: string | null; code: string; message: string; value: string | null }[];
  readonly errors_total: number;
  readonly warnings: Report['errors'];
}

interface Place {
  write(name: string, content: string | Uint8Array): string;
  readonly folder: string;
  validate(args: readonly string[]): Promise<Ended & { readonly report: Report }>;
}

const inPlace = (work: (place: Place) => Promise<void>): Promise<void> =>
  inTemporaryFolder(async (folder) => {
    const { writeFileSync } = await import('node:fs');
    const write = (name: string, content: string | Uint8Array): string => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const validate = async (args: readonly string[]) => {
      const ended = await disburse(['validate', ...args], { DATA_DIR: join(folder, 'data') }, folder);
      const report = ended.stdout.startsWith('{') ? (JSON.parse(ended.stdout) as Report) : ({} as Report);
      return { ...ended, report };
    };
    await work({ write, folder, validate });
  });

const members = [
  ...['file', 'sha256', 'encoding', 'delimiter', 'rows', 'valid', 'invalid', 'duplicates', 'structural', 'totals'],
  ...['errors', 'errors_total', 'warnings', 'warnings_total'],
];

describe('the report', () => {
  it('of a clean file has exactly the members of the contract', async () => {
    await inPlace(async ({ write, validate }) => {
      const text = csvOf([row('a', { amount: '10' }), row('b', { amount: '2.30' }), row('c', { amount: '500', currency: 'JPY' })]);
      const ended = await validate([write('may.csv', text), '--json']);
      expect(ended.code).toBe(0);
      expect(withoutReading(ended.stderr)).toBe('');
      expect(ended.stdout.trimEnd().split('\n')).toHaveLength(1);
      expect(Object.keys(ended.report)).toEqual(members);
      expect(ended.report).toEqual({
        file: 'may.csv',
        sha256: sha256Of(text),
        encoding: 'utf-8',
        delimiter: ',',
        rows: 3,
        valid: 3,
        invalid: 0,
        duplicates: 0,
        structural: false,
        totals: { EUR: { count: 2, amount: '12.30' }, JPY: { count: 1, amount: '500' } },
        errors: [],
        errors_total: 0,
        warnings: [],
        warnings_total: 0,
      });
    });
  });

  it('names each problem by line, column as spelled, code, sentence and masked value', async () => {
    await inPlace(async ({ write, validate }) => {
      const rows = [
        row('ok'),
        row('bad', { iban: 'BE68539007547035', amount: '1,50' }),
        row('ok'),
        row('x', { amount: '1' }),
        row('x', { amount: '2' }),
      ];
      const text = csvOf(rows).replace('record_id,', ' Record_ID ,').replace(',iban,', ',IBAN,');
      const ended = await validate([write('may.csv', text), '--json']);
      expect(ended.code).toBe(2);
      expect(ended.report).toMatchObject({ rows: 5, valid: 1, invalid: 3, duplicates: 1, errors_total: 4 });
      expect(ended.report.errors.map(({ line, column, code }) => [line, column, code])).toEqual([
        [3, 'IBAN', 'iban_check_digits'],
        [3, 'amount', 'amount_decimal_comma'],
        [5, ' Record_ID ', 'record_id_ambiguous'],
        [6, ' Record_ID ', 'record_id_ambiguous'],
      ]);
      for (const error of ended.report.errors) {
        expect(Object.keys(error)).toEqual(['line', 'column', 'code', 'message', 'value']);
        expect(error.message).toMatch(/^[A-Z0-9"].*\.$/);
      }
      expect(ended.report.errors[1]?.value).toBe('1,50');
      expect(ended.report.errors[0]?.value).toBe('BE**…7035');
      expect(ended.report.warnings.map(({ line, code }) => [line, code])).toEqual([[4, 'duplicate_row']]);
    });
  });

  it('lists at most 1,000 errors and counts all', async () => {
    await inPlace(async ({ write, validate }) => {
      const rows = Array.from({ length: 1200 }, (_, index) => row(`b-${index}`, { iban: 'BE00' }));
      const { code, report } = await validate([write('may.csv', csvOf(rows)), '--json']);
      expect(code).toBe(2);
      expect(report.errors).toHaveLength(1000);
      expect(report.errors_total).toBeGreaterThanOrEqual(1200);
      expect(report.errors.map(({ line }) => line)).toEqual(report.errors.map(({ line }) => line).toSorted((a, b) => a - b));
    });
  });

  it('of a header only is valid, with a warning', async () => {
    await inPlace(async ({ write, validate }) => {
      const { code, report } = await validate([write('may.csv', 'record_id,currency,amount\n'), '--json']);
      expect(code).toBe(0);
      expect(report).toMatchObject({ rows: 0, valid: 0, structural: false, totals: {}, warnings: [{ code: 'no_records' }] });
    });
  });

  it('for people has the same content', async () => {
    await inPlace(async ({ write, validate }) => {
      const { code, stdout } = await validate([write('may.csv', csvOf([row('ok'), row('bad', { iban: 'BE68539007547035' })]))]);
      expect(code).toBe(2);
      expect(stdout).toContain('2 rows: 1 valid, 1 invalid');
      expect(stdout).toContain('EUR 12.30 in 1 row');
      expect(stdout).toMatch(/line 3, iban \(BE\*\*…7035\): .* \[iban_check_digits\]/);
      expect(stdout).not.toContain('\u001b');
    });
  });
});

describe('a file that cannot be used', () => {
  const good = csvOf(payouts(2));
  it.each([
    { name: 'an unknown column', content: good.replace('description', 'descriptoin') },
    { name: 'a missing column', content: good.replace('currency', 'metadata.x') },
    { name: 'a column twice', content: good.replace('description', 'iban') },
    { name: 'a quote never closed', content: `${good}"p-9,1` },
    { name: 'carriage returns alone', content: good.replaceAll('\n', '\r') },
    { name: 'a NUL', content: good.replace('John', 'Jo\0hn') },
    { name: 'bytes that are no UTF-8', content: Buffer.concat([Buffer.from(good), Buffer.from([0xff, 0xfe, 0x0a])]) },
    { name: 'nothing in it', content: '' },
    { name: 'a web page in it', content: '<!DOCTYPE html><html></html>' },
    { name: 'a gzip cut off', content: gzipSync(good).subarray(0, 60) },
  ])('because of $name exits with 1, and the JSON names the position', async ({ content }) => {
    await inPlace(async ({ write, validate }) => {
      const { code, report } = await validate([write('may.csv', content), '--json']);
      expect(code).toBe(1);
      expect(Object.keys(report)).toEqual(members);
      expect(report).toMatchObject({ structural: true, valid: 0, invalid: 0, duplicates: 0, totals: {} });
      expect(report.errors.length).toBeGreaterThan(0);
      expect(report.errors.every(({ line, code: told, message }) => line >= 1 && told !== '' && message !== '')).toBe(true);
    });
  });

  it.each([
    { name: 'a file that is not there', path: 'none.csv', code: 'file_missing' },
    { name: 'a folder', path: '.', code: 'file_is_directory' },
  ])('such as $name exits with 1', async ({ path, code }) => {
    await inPlace(async ({ validate }) => {
      const ended = await validate([path, '--json']);
      expect(ended.code).toBe(1);
      expect(ended.report.errors.map((error) => error.code)).toEqual([code]);
    });
  });
});

describe('--expect', () => {
  it.each([
    { expected: 'EUR=3.14/2', code: 0 },
    { expected: 'eur=3.14/2', code: 0 },
    { expected: 'EUR=3.14/3', code: 1 },
    { expected: 'EUR=3.15/2', code: 1 },
    { expected: 'EUR=3.14/2,USD=1/1', code: 1 },
    { expected: 'USD=1/1', code: 1 },
  ])('$expected exits with $code', async ({ expected, code }) => {
    await inPlace(async ({ write, validate }) => {
      const ended = await validate([write('may.csv', csvOf(payouts(2))), '--json', '--expect', expected]);
      expect(ended.code).toBe(code);
      expect(ended.report.structural).toBe(code === 1);
      if (code === 1) expect(ended.report.errors.map((error) => error.code)).toContain('totals_differ');
    });
  });
});

describe('encodings and delimiters of a file', () => {
  const name = 'Jürgen Größe';
  const text = csvOf([row('a', { recipient_last_name: name })], ';');
  it.each([
    { encoding: 'utf-8', content: Buffer.from(text), args: [] },
    { encoding: 'utf-8', content: Buffer.from(`\uFEFF${text}`), args: [] },
    { encoding: 'utf-16le', content: Buffer.from(`\uFEFF${text}`, 'utf16le'), args: [] },
    { encoding: 'utf-16be', content: Buffer.from(`\uFEFF${text}`, 'utf16le').swap16(), args: [] },
    { encoding: 'windows-1252', content: Buffer.from(text, 'latin1'), args: ['--encoding', 'windows-1252'] },
    { encoding: 'utf-8', content: gzipSync(text), args: [] },
    { encoding: 'utf-8', content: Buffer.from(`sep=;\r\n${text.replaceAll('\n', '\r\n')}`), args: [] },
    { encoding: 'utf-8', content: Buffer.from(text), args: ['--delimiter', ';'] },
  ])('$encoding $args', async ({ encoding, content, args }) => {
    await inPlace(async ({ write, validate }) => {
      const ended = await validate([write('may.csv', content), '--json', ...args]);
      expect(ended.report).toMatchObject({ encoding, delimiter: ';', valid: 1, structural: false });
      expect(ended.code).toBe(0);
    });
  });

  it('windows-1252 without --encoding is reported as not UTF-8', async () => {
    await inPlace(async ({ write, validate }) => {
      const ended = await validate([write('may.csv', Buffer.from(text, 'latin1')), '--json']);
      expect(ended.code).toBe(1);
      expect(ended.report.errors[0]?.line).toBe(2);
    });
  });

  it('a pipe is read, but not with --errors', async () => {
    await inPlace(async ({ write, folder }) => {
      const path = write('may.csv', csvOf([...payouts(2), row('bad', { iban: 'BE00' })]));
      const piped = (args: string): Promise<{ code: number | null; stdout: string; stderr: string }> =>
        new Promise((resolve) => {
          const child = spawn('sh', ['-c', `cat "$1" | "$2" "$3" validate /dev/stdin ${args}`, 'sh', path, process.execPath, cli], {
            cwd: folder,
          });
          let stdout = '';
          let stderr = '';
          child.stdout.on('data', (chunk) => (stdout += String(chunk)));
          child.stderr.on('data', (chunk) => (stderr += String(chunk)));
          child.once('close', (code) => resolve({ code, stdout, stderr }));
        });
      const read = await piped('--json');
      expect(read.code, read.stderr).toBe(2);
      expect(JSON.parse(read.stdout)).toMatchObject({ rows: 3, valid: 2, invalid: 1, sha256: sha256Of(readFileSync(path)) });
      const refused = await piped('--errors e.csv');
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('pipe');
    });
  });
});

describe('the fix-file', () => {
  it('holds the invalid rows as they were with their reasons, and is valid once corrected', async () => {
    await inPlace(async ({ write, validate, folder }) => {
      const bad = row('bad', { iban: 'BE68539007547035', recipient_first_name: 'Anna; "Bo"' });
      const path = write('may.csv', csvOf([...payouts(2), bad, row('bad-2', { amount: '0' })], ';'));
      const errors = join(folder, 'errors.csv');
      const ended = await validate([path, '--errors', errors]);
      expect(ended.code).toBe(2);
      expect(statSync(errors).mode & 0o777).toBe(0o600);
      const text = readFileSync(errors, 'utf8');
      const [header, first, second, rest] = text.split('\n');
      expect(header).toMatch(/^\uFEFFrecord_id;.*;error$/);
      expect(first).toContain('"Anna; ""Bo"""');
      expect(first).toMatch(/;.*iban: /);
      expect(second).toMatch(/^bad-2;/);
      expect(rest).toBe('');
      const unmended = await validate([errors, '--json']);
      expect(unmended.report).toMatchObject({ rows: 2, valid: 0, delimiter: ';' });
      const corrected = text.replace('BE68539007547035', 'BE68539007547034').replace(/^bad-2;payout;0;/m, 'bad-2;payout;5.00;');
      const again = await validate([write('corrected.csv', corrected), '--json']);
      expect(again.code).toBe(0);
      expect(again.report).toMatchObject({ rows: 2, valid: 2 });
    });
  });

  it('is not written when every row is valid', async () => {
    await inPlace(async ({ write, validate, folder }) => {
      const ended = await validate([write('may.csv', csvOf(payouts(1))), '--errors', join(folder, 'errors.csv')]);
      expect(ended.code).toBe(0);
      expect(() => statSync(join(folder, 'errors.csv'))).toThrow('ENOENT');
    });
  });
});

describe('a fix-file with formulas in it', () => {
  it('is safe to open in a spreadsheet, and the original values arrive when it is corrected and read', async () => {
    await inPlace(async ({ write, folder, validate }) => {
      const odd = { description: '=HYPERLINK("http://example.org")', recipient_last_name: '-Smith', sender_company_name: "'@Example" };
      const original = csvOf([row('f-1', { amount: 'x', ...odd })]);
      const errors = join(folder, 'errors.csv');
      await validate([write('may.csv', original), '--errors', errors]);
      const fixFile = readFileSync(errors, 'utf8');
      expect(fixFile).toContain(`"'=HYPERLINK(""http://example.org"")"`);
      expect(fixFile).toContain(",'-Smith,");
      expect(fixFile).toContain(",''@Example,");

      // Corrected in the amount only, a second time in nothing: the cells stay what they were.
      const [header = '', bad = ''] = fixFile.split('\n');
      const again = join(folder, 'again.csv');
      await validate([write('fix.csv', fixFile), '--errors', again]);
      expect(readFileSync(again, 'utf8')).toBe(fixFile);
      const corrected = write('fix.csv', `${header}\n${bad.replace(',x,', ',12.30,')}\n`);
      const inspected = await inspect({ path: corrected, reading: { now: Date.now() }, expected: null, onProgress: () => undefined });
      if (!inspected.ok) throw new Error('the corrected file is broken');
      const bodies = [];
      for await (const block of readAgain(inspected.inspection))
        for (const { reading } of block) bodies.push(reading.ok ? reading.draft.body : null);
      const text = JSON.stringify(bodies);
      for (const value of Object.values(odd)) expect(text).toContain(JSON.stringify(value));
    });
  });
});

describe('a contradictory command line', () => {
  it.each([
    { args: ['--nope'], says: "unknown option '--nope'" },
    { args: ['--expect', 'EUR'], says: 'EUR=12.30/3' },
    { args: ['--errors', '/no/such/folder/e.csv'], says: 'there is no such folder' },
    { args: ['--errors', '/tmp'], says: 'it is a folder' },
    { args: ['--delimiter', 'ab'], says: 'delimiter' },
    { args: ['--encoding', 'klingon'], says: 'Unknown encoding' },
  ])('$args exits with 1 and a sentence', async ({ args, says }) => {
    await inPlace(async ({ write, validate }) => {
      const ended = await validate([write('may.csv', csvOf(payouts(1))), ...args]);
      expect(ended.code).toBe(1);
      expect(ended.stdout + ended.stderr).toContain(says);
      expect(ended.stdout + ended.stderr).not.toContain('unexpected error');
    });
  });

  it('a missing file exits with 1', async () => {
    expect((await disburse(['validate'])).code).toBe(1);
  });
});
