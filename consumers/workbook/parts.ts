/** Which parts of the archive are the workbook, its sheets, texts and styles. */
import { posix } from 'node:path';
import { fileTypeOfBytes } from '../csv/file-type.ts';
import { structural } from '../csv/structural-error.ts';
import { binaryWorkbook, bomb, damaged, withMacros } from './faults.ts';
import { attributesOf, createXmlReader } from './xml.ts';
import type { Zip, ZipEntry } from './zip.ts';

export interface SheetPart {
  readonly name: string;
  readonly isHidden: boolean;
  /** Null for a chart, which has no rows. */
  readonly part: string | null;
}

export interface WorkbookParts {
  readonly sheets: readonly SheetPart[];
  readonly sharedStrings: ZipEntry | undefined;
  readonly styles: ZipEntry | undefined;
  /** Dates are counted from 1904 instead of 1900. */
  readonly from1904: boolean;
}

const maxSmallPart = 16 * 1024 ** 2;
const maxSheets = 1_000;
/** Elements that are kept of a small part. */
const maxElements = 10_000;

/** The text of a part, piece by piece. */
export async function* textOf(zip: Zip, entry: ZipEntry): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (bytes?: Buffer): string => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch {
      throw damaged('a part is not UTF-8');
    }
  };
  for await (const bytes of zip.content(entry)) yield decode(bytes);
  yield decode();
}

interface Element {
  readonly name: string;
  readonly depth: number;
  readonly attributes: string;
}

/** Those of a small part that have one of these names, and its root; none where there is no such part. */
async function elementsOf(zip: Zip, name: string, wanted: readonly string[]): Promise<readonly Element[]> {
  const entry = zip.entries.get(name);
  if (entry === undefined) return [];
  if (entry.unpackedBytes > maxSmallPart) throw bomb();
  const elements: Element[] = [];
  const reader = createXmlReader({
    open(element, attributes, depth) {
      if (depth > 1 && !wanted.includes(element)) return;
      if (elements.length >= maxElements) throw damaged('one of its parts has too many elements');
      elements.push({ name: element, attributes, depth });
    },
    close: () => undefined,
    text: () => undefined,
  });
  for await (const text of textOf(zip, entry)) reader.push(text);
  reader.end();
  return elements;
}

interface Relation {
  readonly id: string;
  readonly kind: string;
  readonly target: string;
}

async function relationsOf(zip: Zip, part: string): Promise<readonly Relation[]> {
  const folder = posix.dirname(part);
  const elements = await elementsOf(zip, posix.join(folder, '_rels', `${posix.basename(part)}.rels`), ['Relationship']);
  return elements.flatMap(({ name, attributes }) => {
    if (name !== 'Relationship') return [];
    const [id = '', type = '', target = '', mode] = attributesOf(attributes, 'Id', 'Type', 'Target', 'TargetMode');
    if (mode === 'External') return [];
    const path = target.startsWith('/') ? target.slice(1) : posix.join(folder, target);
    return [{ id, kind: type.slice(type.lastIndexOf('/') + 1), target: path }];
  });
}

/**
 * @param head first bytes of the file, to name what it is when it is no workbook
 * @throws StructuralError
 */
export async function findParts(zip: Zip, head: Buffer): Promise<WorkbookParts> {
  const [main] = (await relationsOf(zip, '')).filter(({ kind }) => kind === 'officeDocument');
  if (main === undefined || !zip.entries.has(main.target)) {
    throw structural(1, 'not_csv', fileTypeOfBytes(head) ?? 'This is a zip archive and no workbook: unpack it first.');
  }
  if (/\.bin$/i.test(main.target)) throw binaryWorkbook();
  const names = [...zip.entries.keys()];
  if (names.some((name) => /(?:^|\/)vbaProject\.bin$|(?:^|\/)macrosheets\//i.test(name))) throw withMacros();
  const workbook = await elementsOf(zip, main.target, ['sheet', 'workbookPr']);
  if (workbook[0]?.name !== 'workbook') {
    throw structural(1, 'not_csv', 'This is an Office document and no workbook: save the table as .xlsx or as CSV UTF-8.');
  }
  const relations = await relationsOf(zip, main.target);
  const sheets = workbook.flatMap(({ name, depth, attributes }): SheetPart[] => {
    if (name !== 'sheet' || depth !== 3) return [];
    const [sheet = '', state, id] = attributesOf(attributes, 'name', 'state', ':id');
    const relation = relations.find((one) => one.id === id);
    const part = relation?.kind === 'worksheet' ? relation.target : null;
    return [{ name: sheet, isHidden: state !== undefined && state !== 'visible', part }];
  });
  if (sheets.length === 0 || sheets.length > maxSheets) throw damaged('it has no sheets');
  const entryOf = (kind: string): ZipEntry | undefined => zip.entries.get(relations.find((one) => one.kind === kind)?.target ?? '');
  const settings = workbook.find(({ name, depth }) => name === 'workbookPr' && depth === 2);
  const [from1904] = attributesOf(settings?.attributes ?? '', 'date1904');
  return {
    ...{ sheets, sharedStrings: entryOf('sharedStrings'), styles: entryOf('styles') },
    from1904: from1904 === '1' || from1904 === 'true',
  };
}
