/** A payout file: bytes to rows, and rows to a judgement of the whole file. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createRowParser } from '../../../batches/csv-row/parse-row.ts';
import { isFixFile, restoreCell } from '../../../batches/csv-row/fix-file.ts';
import { members } from '../../../batches/instruction/members.ts';
import { exampleRow, routeNames } from '../../../batches/instruction/templates.ts';
import { readCsv, type CsvEnding, type CsvFile } from '../../../consumers/csv/read-csv.ts';
import type { CsvRow } from '../../../consumers/csv/rows.ts';
import { inspect, type BrokenFile, type Inspection } from '../../../src/files/payout-file.ts';
import { at, csvOf, payouts, row } from '../../support/builders.ts';
import { checkInstruction, checkProblems } from '../instruction-checks.ts';
import { isBlank, readReference } from '../reference-csv.ts';
import type { Target } from '../target.ts';

const cases = join(import.meta.dirname, '..', '..', 'cases');

export function csvSeeds(): readonly Buffer[] {
  const files = readdirSync(cases)
    .filter((name) => name.endsWith('.csv'))
    .map((name) => readFileSync(join(cases, name)));
  const routes = (['payout', 'payment'] as const).flatMap((kind) =>
    routeNames(kind).map((route) => csvOf([exampleRow(kind, route) ?? {}].map((one) => ({ ...one })))),
  );
  const made = csvOf([...payouts(3), row('inv-9', { description: 'two\nlines, "quoted"' }), ...payouts(2)]);
  const texts = [
    ...routes,
    made,
    made.replaceAll('\n', '\r\n'),
    `sep=;\n${csvOf(payouts(2), ';')}`,
    csvOf(payouts(2), '\t'),
    `\ufeff${made}`,
    csvOf([{ ...row('fix-1', { amount: '-1.00' }), error: "'=wrong" }]),
    csvOf([{ ...row('m-1'), 'metadata.note': 'é 世界 👩‍💻' }]),
    '\n\n,,,\nrecord_id,currency,amount\n\n1,EUR,1.00\n',
  ];
  const utf16 = Buffer.from(`\ufeff${made}`, 'utf16le');
  return [...files, ...texts.map((text) => Buffer.from(text)), utf16, Buffer.from(utf16).swap16(), gzipSync(made), gzipSync(utf16)];
}

const tokens = [
  ...[
    ...members.map(({ name }) => name),
    'error',
    'metadata.x',
    'sep=;',
    'sep=\\t',
    '"',
    '""',
    '","',
    '";"',
    ',',
    ';',
    '\t',
    '\n',
    '\r\n',
    '\r',
    '"\n"',
    ',,,,',
  ],
  ...[
    '4242424242424242',
    '4242 4242 4242 4242',
    'DE89370400440532013000',
    'EUR',
    'JPY',
    'KWD',
    '1.00',
    '1,00',
    '1e3',
    '12/49',
    'total',
    '=',
    '+',
  ],
];

export const csvTarget = (): Target => {
  const folder = mkdtempSync(join(tmpdir(), 'disburse-fuzz-csv-'));
  const path = join(folder, 'payouts.csv');
  return {
    name: 'csv',
    share: 100,
    maxBytes: 300_000,
    seeds: csvSeeds(),
    tokens,
    async run(bytes) {
      writeFileSync(path, bytes);
      const reading = { now: at };
      const outcome = await inspect({ path, reading, expected: null, onProgress: () => undefined });
      if (!outcome.ok) return checkBroken(outcome.broken);
      await checkWhole(path, bytes, outcome.inspection);
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
};

function checkBroken({ problems, rows }: BrokenFile): void {
  assert.ok(problems.length > 0, 'a broken file says why');
  assert.ok(rows >= 0);
  checkProblems(problems);
  for (const { line } of problems) assert.ok(Number.isSafeInteger(line) && line >= 1, 'a problem has a line');
}

async function readAll(csv: CsvFile): Promise<{ rows: readonly CsvRow[]; ending: CsvEnding }> {
  const rows: CsvRow[] = [];
  for await (const block of csv.blocks) rows.push(...block);
  return { rows, ending: csv.finished() };
}

/** Every row is valid, invalid or a duplicate; every byte of the file is in a row, or in a line that is reported as blank. */
async function checkWhole(
  path: string,
  bytes: Buffer,
  { preflight, header, reading, sha256, encoding, delimiter }: Inspection,
): Promise<void> {
  const { rows: count, valid, invalid, duplicates, totals, errors, warnings } = preflight;
  assert.equal(count, valid + invalid + duplicates, 'every row is accounted for');
  checkProblems([...errors, ...warnings]);
  const csv = await readCsv(path, { encoding, delimiter });
  const { rows, ending } = await readAll(csv);
  assert.equal(rows.length, count, 'a second reading finds as many rows');
  assert.equal(ending.sha256, sha256);
  assert.equal(ending.bytes, bytes.length, 'every byte was read');
  checkRows({ rows, header, delimiter, text: textOf(bytes, encoding) });

  const parser = createRowParser(header, reading);
  assert.ok(parser.ok, 'the header is read again');
  let good = 0;
  for (const { line, cells } of rows) {
    const occurrence = { stream: `file:${sha256}`, position: line, source: { file: 'payouts.csv', line } };
    if (checkInstruction(parser.reader.read(cells), occurrence, sha256)) good += 1;
    for (const cell of parser.reader.maskSecrets(cells))
      assert.doesNotMatch(cell, /(?<!\d)4242424242424242(?!\d)/, 'a fix-file has no card number');
  }
  assert.ok(good >= valid && good <= valid + invalid + duplicates, 'as many rows are valid');
  const counted = [...totals.values()].reduce((sum, total) => sum + total.count, 0);
  assert.equal(counted, valid, 'the totals are those of the valid rows');
}

/** By a reader of its own. */
const textOf = (bytes: Buffer, encoding: string): string => {
  const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  return new TextDecoder(encoding, { fatal: true }).decode(plain);
};

/** `deepEqual` of long lists takes longer than reading them. */
export function assertSame(actual: unknown, expected: unknown, message: string): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) assert.deepEqual(actual, expected, message);
}

interface Comparison {
  readonly rows: readonly CsvRow[];
  readonly header: readonly string[];
  readonly delimiter: string;
  readonly text: string;
}

export function checkRows({ rows, header, delimiter, text }: Comparison): void {
  const isSepLine = /^"?sep=/i.test(text);
  const skipped = isSepLine ? text.slice(0, text.indexOf('\n') + 1 || text.length) : '';
  const reference = readReference(text.slice(skipped.length), delimiter);
  assert.ok(reference !== undefined, 'what was read is CSV');
  // Before the header, a line with the delimiters of other files is blank too.
  const isNamed = ({ cells }: (typeof reference)[number]): boolean => cells.some((cell) => !/^[,;\t]*$/.test(cell));
  const [first, ...others] = reference.slice(Math.max(0, reference.findIndex(isNamed))).filter((record) => !isBlank(record));
  assert.deepEqual(first?.cells, header, 'the header is the first line that is not blank');
  const restores = isFixFile(header);
  const expected = others.map(({ line, cells }) => ({
    line: line + (isSepLine ? 1 : 0),
    cells: restores ? cells.map(restoreCell) : cells,
  }));
  assertSame(
    rows.map(({ line, cells }) => ({ line, cells })),
    expected,
    'every row is as it is in the file',
  );
}
