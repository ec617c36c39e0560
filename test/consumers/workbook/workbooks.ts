/** Workbooks made by hand, and what is read of them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StructuralError } from '../../../consumers/csv/structural-error.ts';
import type { CsvRow } from '../../../consumers/csv/rows.ts';
import { readWorkbook, type WorkbookOptions } from '../../../consumers/workbook/read-workbook.ts';
import { zipOf } from '../gateway-report/reports.ts';

const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const relations = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const packages = 'http://schemas.openxmlformats.org/package/2006/relationships';

export type Parts = Record<string, string | Buffer>;

/** @param sheetData what is between the tags of that name; `after` is what follows it */
export const parts = (sheetData: string, { after = '', texts = [] as readonly string[], styles = '' } = {}): Parts => ({
  '_rels/.rels': `<Relationships xmlns="${packages}"><Relationship Id="r" Type="${relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
  'xl/workbook.xml': `<?xml version="1.0" encoding="UTF-8"?><workbook xmlns="${main}" xmlns:r="${relations}"><sheets><sheet name="pay" sheetId="1" r:id="r1"/></sheets></workbook>`,
  'xl/_rels/workbook.xml.rels':
    `<Relationships xmlns="${packages}"><Relationship Id="r1" Type="${relations}/worksheet" Target="/xl/sheet.xml"/>` +
    `<Relationship Id="r2" Type="${relations}/sharedStrings" Target="texts.xml"/><Relationship Id="r3" Type="${relations}/styles" Target="styles.xml"/></Relationships>`,
  'xl/sheet.xml': `<worksheet xmlns="${main}"><sheetData>${sheetData}</sheetData>${after}</worksheet>`,
  'xl/texts.xml': `<sst xmlns="${main}">${texts.map((text) => `<si><t>${text}</t></si>`).join('')}</sst>`,
  'xl/styles.xml': `<styleSheet xmlns="${main}">${styles}</styleSheet>`,
});

export const inlineRow = (line: number, ...cells: readonly string[]): string =>
  `<row r="${line}">${cells.map((cell) => `<c t="inlineStr"><is><t>${cell}</t></is></c>`).join('')}</row>`;

export interface ReadBack {
  readonly header: readonly string[];
  readonly headerLine: number;
  readonly rows: readonly CsvRow[];
  readonly warnings: readonly string[];
}

export async function readAll(path: string, options?: WorkbookOptions): Promise<ReadBack> {
  const file = await readWorkbook(path, options);
  const rows: CsvRow[] = [];
  for await (const block of file.blocks) rows.push(...block);
  const { header, headerLine } = file;
  return { header, headerLine, rows, warnings: file.finished().warnings.map(({ line, code }) => `${line} ${code}`) };
}

export async function withFile<T>(bytes: Buffer, use: (path: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'workbook-'));
  try {
    const path = join(folder, 'may.xlsx');
    await writeFile(path, bytes);
    return await use(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Packs the parts and reads them. */
export const readParts = (given: Parts, options?: WorkbookOptions): Promise<ReadBack> =>
  withFile(zipOf(given), (path) => readAll(path, options));

/** Line and code of what the file is refused for. */
export async function refusal(bytes: Buffer, options?: WorkbookOptions): Promise<string> {
  try {
    await withFile(bytes, (path) => readAll(path, options));
  } catch (error) {
    if (!(error instanceof StructuralError)) throw error;
    return `${error.problems[0].line} ${error.problems[0].code}`;
  }
  throw new Error('the workbook was read');
}
