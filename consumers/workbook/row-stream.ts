/** The rows of a sheet, block by block, with the texts and styles that its cells refer to. */
import { damaged } from './faults.ts';
import { textOf, type WorkbookParts } from './parts.ts';
import { createTextStore, readSharedStrings, type TextStore } from './shared-strings.ts';
import { createSheetReader, type SheetFacts, type SheetRow } from './sheet.ts';
import { readStyles, type Shown } from './styles.ts';
import type { Zip } from './zip.ts';

export interface RowStream {
  /** Rows that have something in them; undefined at the end. */
  next(): Promise<readonly SheetRow[] | undefined>;
  /** Known at the end. */
  facts(): SheetFacts;
  isAtEnd(): boolean;
  close(): Promise<void>;
}

/** What the cells of all sheets refer to. */
export interface References {
  readonly texts: TextStore;
  readonly styles: readonly Shown[];
}

/** Texts that are repeated are long in memory and short in the file: a block ends after so many characters and cells. */
const blockCharacters = 1024 ** 2;
const sliceCharacters = 32 * 1024;

/** @returns whose texts the caller closes */
export async function readReferences(zip: Zip, { sharedStrings, styles }: WorkbookParts): Promise<References> {
  const texts = createTextStore();
  try {
    if (sharedStrings !== undefined) await readSharedStrings(textOf(zip, sharedStrings), texts);
    return { texts, styles: styles === undefined ? [] : await readStyles(textOf(zip, styles)) };
  } catch (error) {
    texts.close();
    throw error;
  }
}

/** @param part name of the sheet's part @returns a stream that closes the references too */
export async function openRows(zip: Zip, parts: WorkbookParts, part: string): Promise<RowStream> {
  const references = await readReferences(zip, parts);
  try {
    const rows = streamRows(zip, references, part);
    return {
      ...rows,
      async close() {
        await rows.close();
        references.texts.close();
      },
    };
  } catch (error) {
    references.texts.close();
    throw error;
  }
}

/** @throws StructuralError when there is no such part */
export function streamRows(zip: Zip, { texts, styles }: References, part: string): RowStream {
  const entry = zip.entries.get(part);
  if (entry === undefined) throw damaged('its sheet is missing');
  let block: { rows: SheetRow[]; size: number } = { rows: [], size: 0 };
  const onRow = (row: SheetRow): void => {
    block.rows.push(row);
    for (const cell of row.cells) block.size += cell.length + 1;
  };
  const { reader, facts } = createSheetReader({ texts, styles, onRow });
  const text = textOf(zip, entry);
  let left = '';
  let atEnd = false;
  const pushSlices = (): void => {
    while (left !== '' && block.size < blockCharacters) {
      reader.push(left.slice(0, sliceCharacters));
      left = left.slice(sliceCharacters);
    }
  };
  return {
    async next() {
      for (;;) {
        pushSlices();
        if (block.rows.length > 0) {
          const { rows } = block;
          block = { rows: [], size: 0 };
          return rows;
        }
        if (atEnd) return undefined;
        const piece = await text.next();
        if (piece.done === true) {
          reader.end();
          atEnd = true;
        } else left = piece.value;
      }
    },
    facts: () => facts,
    isAtEnd: () => atEnd,
    close: async () => void (await text.return(undefined)),
  };
}
