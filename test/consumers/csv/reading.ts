/** Writes a file into a folder of its own and reads it to the end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { readCsv, type CsvEnding, type CsvFile, type CsvOptions } from '../../../consumers/csv/read-csv.ts';
import type { CsvRow } from '../../../consumers/csv/rows.ts';
import { StructuralError } from '../../../consumers/csv/structural-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'disburse-csv-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;

export const pathOf = (name: string): string => {
  files += 1;
  return join(folder, `${files}-${name}`);
};

export const fileOf = (content: string | Uint8Array, name = 'payouts.csv'): string => {
  const path = pathOf(name);
  writeFileSync(path, content);
  return path;
};

export interface Whole {
  readonly csv: CsvFile;
  readonly rows: readonly CsvRow[];
  readonly ending: CsvEnding;
}

export async function readPath(path: string, options: CsvOptions = {}): Promise<Whole> {
  const csv = await readCsv(path, options);
  const rows: CsvRow[] = [];
  for await (const block of csv.blocks) rows.push(...block);
  return { csv, rows, ending: csv.finished() };
}

export const read = (content: string | Uint8Array, options: CsvOptions = {}, name?: string): Promise<Whole> =>
  readPath(fileOf(content, name), options);

/** The structural error that reading ends with; anything else fails the test. */
export async function brokenPath(path: string, options: CsvOptions = {}): Promise<StructuralError> {
  const outcome = await readPath(path, options).catch((error: unknown) => error);
  if (outcome instanceof StructuralError) return outcome;
  throw new Error('the file was expected to be refused', { cause: outcome });
}

export const broken = (content: string | Uint8Array, options: CsvOptions = {}, name?: string): Promise<StructuralError> =>
  brokenPath(fileOf(content, name), options);

/** Line and code of every problem. */
export const told = (error: StructuralError): readonly (readonly [number, string])[] =>
  error.problems.map(({ line, code }) => [line, code]);
