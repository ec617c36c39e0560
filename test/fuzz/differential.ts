/** Our reading of CSV files against csv-parse, with its own settings, on whole texts. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { readCsv } from '../../consumers/csv/read-csv.ts';
import type { CsvRow } from '../../consumers/csv/rows.ts';
import { StructuralError } from '../../consumers/csv/structural-error.ts';
import { createDice, type Dice } from '../../simulation/dice.ts';
import { assertSame, checkRows } from './targets/csv.ts';

/** What csv-parse refuses as well. Everything else that is refused is a rule of ours. */
const grammar = ['quote_bare', 'quote_trailing_text', 'quote_unclosed', 'excel_formula'];

type Ours =
  | { readonly ok: true; readonly header: readonly string[]; readonly rows: readonly CsvRow[] }
  | { readonly ok: false; readonly codes: readonly string[] };

async function readOurs(path: string, delimiter: string): Promise<Ours> {
  try {
    const csv = await readCsv(path, { delimiter });
    const rows: CsvRow[] = [];
    for await (const block of csv.blocks) rows.push(...block);
    return { ok: true, header: csv.header, rows };
  } catch (cause) {
    if (cause instanceof StructuralError) return { ok: false, codes: cause.problems.map(({ code }) => code) };
    throw cause;
  }
}

/** Rows without those in which nothing is; undefined when csv-parse refuses the text. */
function readTheirs(text: string, delimiter: string): readonly string[][] | undefined {
  try {
    const records = parse(text, { delimiter, bom: true, relax_column_count: true, record_delimiter: ['\r\n', '\n'] }) as string[][];
    return records.filter((cells) => cells.some((cell) => cell !== ''));
  } catch {
    return undefined;
  }
}

/**
 * @param text without a line `sep=`, and with a header that is not that of a fix-file
 * @returns whether we read it; when we do, both read the same
 */
export async function compareText(path: string, text: string, delimiter: string): Promise<boolean> {
  writeFileSync(path, text);
  const ours = await readOurs(path, delimiter);
  const theirs = readTheirs(text, delimiter);
  if (!ours.ok) {
    if (ours.codes.every((code) => grammar.includes(code))) assert.equal(theirs, undefined, `${ours.codes.join()} breaks the grammar`);
    return false;
  }
  const { header, rows } = ours;
  assertSame([header, ...rows.map(({ cells }) => cells)], theirs, 'csv-parse reads the same cells');
  checkRows({ rows, header, delimiter, text: text.replace(/^\ufeff/, '') });
  return true;
}

const plain = ['a', '0', ' ', "'", '=', 'é', '世', '👩', '\\', '-1', 'x'.repeat(40), '\u00a0', '\ufeff'] as const;

function cellOf(dice: Dice, delimiter: string): string {
  const text = Array.from({ length: dice.between(0, 3) }, () => dice.pick(plain)).join('');
  if (dice.chance(0.6)) return text;
  const inside = Array.from({ length: dice.between(0, 4) }, () => dice.pick(['""', delimiter, '\n', '\r\n', '\r', 'a', ' ', ';'])).join('');
  return dice.chance(0.02) ? `${text}"${inside}` : `"${inside}"`;
}

/** A file as somebody could have written it, mostly well. */
export function fileOf(seed: number): { readonly text: string; readonly delimiter: string } {
  const dice = createDice(seed);
  const delimiter = dice.pick([',', ';', '\t', '|']);
  const columns = dice.between(1, 6);
  const ends = dice.pick([['\n'], ['\r\n'], ['\n', '\r\n']] as const) as readonly [string, ...string[]];
  const lineOf = (): string => {
    if (dice.chance(0.03)) return delimiter.repeat(dice.between(0, 3));
    const count = dice.chance(0.05) ? dice.between(1, 8) : columns;
    return Array.from({ length: count }, () => cellOf(dice, delimiter)).join(delimiter);
  };
  const header = Array.from({ length: columns }, (_, index) => `c${index}`).join(delimiter);
  const lines = [header, ...Array.from({ length: dice.between(0, 12) }, lineOf)];
  if (dice.chance(0.002)) lines.push(...Array.from({ length: 4_000 }, lineOf));
  const text = lines.map((line, index) => (index === lines.length - 1 && dice.chance(0.3) ? line : line + dice.pick(ends))).join('');
  return { text: dice.chance(0.05) ? `\ufeff${text}` : text, delimiter };
}

export interface Compared {
  readonly read: number;
  readonly refused: number;
  readonly failure?: { readonly number: number; readonly why: string; readonly text: string };
}

export async function compareFiles({
  seed,
  first,
  count,
  onProgress,
}: {
  readonly seed: number;
  readonly first: number;
  readonly count: number;
  readonly onProgress?: (done: number) => void;
}): Promise<Compared> {
  const folder = mkdtempSync(join(tmpdir(), 'disburse-compare-'));
  let read = 0;
  try {
    for (let number = first; number < first + count; number += 1) {
      const { text, delimiter } = fileOf(Math.imul(seed, 0x9e3779b1) + number);
      try {
        if (await compareText(join(folder, 'file.csv'), text, delimiter)) read += 1;
      } catch (cause) {
        return {
          read,
          refused: number - first - read,
          failure: { number, why: String(cause), text: JSON.stringify(text.slice(0, 2_000)) },
        };
      }
      if ((number + 1) % 10_000 === 0) onProgress?.(number + 1 - first);
    }
    return { read, refused: count - read };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
